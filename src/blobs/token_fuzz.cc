// Whatever services that give credentials answer, and what an environment holds: no memory error, and keys and tokens only where there are
// some. The first byte chooses the reader.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "blobs/azure/credentials.h"
#include "blobs/gcs/credentials.h"
#include "blobs/gcs/federation.h"
#include "blobs/oauth.h"
#include "blobs/s3/answers.h"

namespace {

template <typename T>
void CheckTimes(const T& found) {
  if (found.ok() && found->expires < 0 && found->expires < vigil::TimeUs{-62'167'219'200'000'000}) std::abort();  // before the year 0
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vigil::blobs;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 8) {
    case 0:
    case 1: {
      const auto found = data[0] % 8 == 0 ? s3::ReadKeysJson(text, "source") : s3::ReadKeysXml(text, "source");
      if (found.ok() && (found->value.id.empty() || found->value.secret.empty())) std::abort();
      CheckTimes(found);
      break;
    }
    case 2:
    case 3: {
      const auto found = data[0] % 8 == 2 ? ReadToken(text, "service", 1'700'000'000'000'000) : gcs::ReadImpersonation(text, "service");
      if (found.ok() && found->value.empty()) std::abort();
      CheckTimes(found);
      break;
    }
    case 4:
    case 5: {
      vigil::Json format;
      if (data[0] % 8 == 5) format = {{"type", "json"}, {"subject_token_field_name", "token"}};
      const auto token = gcs::ReadSubjectToken(text, format);
      if (token.ok() && token->empty()) std::abort();
      break;
    }
    case 6:
      if (const auto account = azure::ParseConnectionString(std::string(text)); account.ok() && account->endpoint.empty()) std::abort();
      break;
    default: (void)gcs::SignJwt("{}", "{}", std::string(text)).ok();
  }
  return 0;
}
