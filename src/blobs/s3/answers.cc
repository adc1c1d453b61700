#include "blobs/s3/answers.h"

#include "absl/strings/str_cat.h"
#include "base/json.h"
#include "base/text.h"
#include "blobs/caller.h"
#include "blobs/oauth.h"
#include "blobs/xml.h"

namespace vigil::blobs::s3 {

StatusOr<Found<Keys>> ReadKeysJson(std::string_view text, const std::string& source) {
  VIGIL_ASSIGN_OR_RETURN(const Json json, ParseJson(text, "the answer"));
  Found<Keys> found{{TextMember(json, "AccessKeyId"), TextMember(json, "SecretAccessKey"), TextMember(json, "Token")}, source};
  if (found.value.id.empty() || found.value.secret.empty()) {
    // The metadata service refuses with 200 and {"Code": "AssumeRoleUnauthorizedAccess", "Message": ...}.
    std::string why = "the answer holds no keys";
    for (const char* name : {"Code", "Message"}) {
      if (const std::string words = Words(TextMember(json, name)); !words.empty()) absl::StrAppend(&why, ": ", words);
    }
    return absl::UnauthenticatedError(why);
  }
  if (const std::string end = TextMember(json, "Expiration"); !end.empty()) {
    VIGIL_ASSIGN_OR_RETURN(found.expires, ParseTime(end));
  }
  return found;
}

StatusOr<Found<Keys>> ReadKeysXml(std::string_view text, const std::string& source) {
  Found<Keys> found{{}, source};
  std::string end;
  VIGIL_RETURN_IF_ERROR(ReadXml(text, "STS", [&](const XmlElement& element) {
    const std::string_view path = element.path;
    if (path.ends_with("/Credentials/AccessKeyId")) found.value.id = element.text;
    if (path.ends_with("/Credentials/SecretAccessKey")) found.value.secret = element.text;
    if (path.ends_with("/Credentials/SessionToken")) found.value.token = element.text;
    if (path.ends_with("/Credentials/Expiration")) end = element.text;
    return absl::OkStatus();
  }));
  if (found.value.id.empty() || found.value.secret.empty()) return absl::UnauthenticatedError("the answer holds no keys");
  if (!end.empty()) {
    VIGIL_ASSIGN_OR_RETURN(found.expires, ParseTime(end));
  }
  return found;
}

}  // namespace vigil::blobs::s3
