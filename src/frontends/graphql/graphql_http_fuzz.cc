// What a client says around a document: parameters, forms, ids and cursors. The first byte picks which.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "frontends/errors.h"
#include "frontends/graphql/http.h"
#include "frontends/graphql/ids.h"
#include "frontends/rest/request.h"

namespace vigil::graphql {
namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

void CheckAsked(const StatusOr<Asked>& asked) {
  if (asked.ok()) {
    Require(asked->variables.is_null() || asked->variables.is_object());
    return;
  }
  const int http = ErrorInfo(CodeOf(asked.status())).http;
  Require(http == 400 && !asked.status().message().empty());
  Require(ParseJson(FailureText(asked.status()), "a failure").ok());
}

}  // namespace
}  // namespace vigil::graphql

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vigil::graphql;  // NOLINT(google-build-using-namespace)
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0: CheckAsked(ReadBody(text)); break;
    case 1: CheckAsked(ReadQueryString(text)); break;
    case 2: {
      const Form post = ChooseForm(text, false);
      Require(post != Form::kPage && !ContentTypeOf(post).empty());
      if (CheckContentType(text).ok()) Require(vigil::ParseMediaType(text).Is("application/json"));
      break;
    }
    default: {
      if (const auto id = ReadId(text); id.ok()) {
        const auto again = ReadId(MakeId(id->type, id->parts));
        Require(again.ok() && again->type == id->type && again->parts == id->parts);
      }
      if (const auto key = ReadCursor(text, "after"); key.ok()) Require(MakeCursor(*key) == text);
    }
  }
  return 0;
}
