// Time, Long and JSON, from variables and literals alike.
#include "base/text.h"
#include "frontends/errors.h"
#include "frontends/graphql/api.h"
#include "frontends/words.h"

namespace vigil::graphql {
namespace {

StatusOr<Json> ReadTime(const Json& value) {
  if (!value.is_string()) return absl::InvalidArgumentError("Time is a text, such as \"2026-01-31T14:03:00Z\"");
  VIGIL_ASSIGN_OR_RETURN(const TimeUs time, ParseTime(value.get<std::string>()));
  return Json(FormatTime(time));
}

StatusOr<Json> ReadLong(const Json& value) {
  if (!value.is_number_integer() || (value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX)) {
    return absl::InvalidArgumentError("Long is a whole number of 64 bits");
  }
  return value;
}

}  // namespace

void AddScalars(Resolvers* resolvers) { resolvers->Scalar("Time", {ReadTime, nullptr}).Scalar("Long", {ReadLong, nullptr}); }

}  // namespace vigil::graphql
