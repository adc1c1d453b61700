#include "blobs/gcs/federation.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/text.h"
#include "blobs/digests.h"
#include "blobs/oauth.h"
#include "blobs/uri.h"
#include "storage/whole_file.h"

namespace vigil::blobs::gcs {
namespace {

// What may do anything that IAM allows, to impersonate with.
constexpr const char* kCloudScope = "https://www.googleapis.com/auth/cloud-platform";
constexpr const char* kUnread[] = {"environment_id", "executable", "certificate"};

Json MemberOf(const Json& json, const char* name) { return json.is_object() && json.contains(name) ? json.at(name) : Json(); }

StatusOr<std::string> SubjectToken(Caller& caller, const Json& source) {
  for (const char* kind : kUnread) {
    if (source.is_object() && source.contains(kind)) {
      return absl::UnimplementedError(absl::StrCat("its credential_source has ", kind, ", which is not read; file and url are"));
    }
  }
  const Json format = MemberOf(source, "format");
  if (const std::string file = TextMember(source, "file"); !file.empty()) {
    VIGIL_ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(file, kSecretFileBytesMax));
    return ReadSubjectToken(text, format);
  }
  const std::string url = TextMember(source, "url");
  if (url.empty()) return absl::InvalidArgumentError("its credential_source has neither file nor url");
  const std::string_view host = HostOf(url);
  const bool near = url.starts_with("http://") && (IsLoopbackHost(host) || host.starts_with("169.254."));
  if (!near) VIGIL_RETURN_IF_ERROR(CheckSecretUrl(url, "its credential_source's url"));
  Request request = RequestTo(url);
  const Json headers = MemberOf(source, "headers");
  for (const auto& [name, value] : headers.items()) {
    if (value.is_string()) request.headers.push_back(absl::StrCat(name, ": ", value.get<std::string>()));
  }
  VIGIL_ASSIGN_OR_RETURN(const std::string text, caller.AskService(request, near ? Caller::Distance::kNear : Caller::Distance::kFar));
  return ReadSubjectToken(text, format);
}

}  // namespace

StatusOr<std::string> ReadSubjectToken(std::string_view text, const Json& format) {
  const std::string type = TextMember(format, "type");
  std::string token;
  if (type.empty() || type == "text") {
    token = std::string(absl::StripAsciiWhitespace(absl::string_view(text.data(), text.size())));
  } else if (type == "json") {
    const std::string field = TextMember(format, "subject_token_field_name");
    VIGIL_ASSIGN_OR_RETURN(const Json json, ParseJson(text, "the subject's token"));
    token = TextMember(json, field.c_str());
  } else {
    return absl::InvalidArgumentError(absl::StrCat("its credential_source has format '", type.substr(0, 50), "'; expected text or json"));
  }
  if (token.empty()) return absl::UnauthenticatedError("its credential_source holds no token");
  return token;
}

StatusOr<Found<std::string>> ReadImpersonation(std::string_view text, const std::string& what) {
  VIGIL_ASSIGN_OR_RETURN(const Json json, ParseJson(text, what));
  Found<std::string> found{TextMember(json, "accessToken"), what};
  if (found.value.empty()) return absl::UnauthenticatedError(absl::StrCat(what, ": the answer holds no token"));
  VIGIL_ASSIGN_OR_RETURN(found.expires, ParseTime(TextMember(json, "expireTime")));
  return found;
}

StatusOr<Found<std::string>> TokenOfFederation(const Context& context, Caller& caller, const Json& account, const std::string& scope,
                                               const std::string& source) {
  const std::string url = TextMember(account, "token_url"), by = TextMember(account, "service_account_impersonation_url");
  VIGIL_RETURN_IF_ERROR(CheckSecretUrl(url, "its token_url"));
  if (!by.empty()) VIGIL_RETURN_IF_ERROR(CheckSecretUrl(by, "its service_account_impersonation_url"));
  if (account.contains("workforce_pool_user_project")) {
    return absl::UnimplementedError("its workforce_pool_user_project is not read; federation of workloads is");
  }
  VIGIL_ASSIGN_OR_RETURN(const std::string subject, SubjectToken(caller, MemberOf(account, "credential_source")));
  Request request = RequestTo(url);
  request.method = "POST";
  request.content_type = "application/x-www-form-urlencoded";
  request.body = absl::StrCat("grant_type=", PercentEncode("urn:ietf:params:oauth:grant-type:token-exchange", false),
                              "&requested_token_type=", PercentEncode("urn:ietf:params:oauth:token-type:access_token", false),
                              "&audience=", PercentEncode(TextMember(account, "audience"), false),
                              "&scope=", PercentEncode(by.empty() ? scope : kCloudScope, false),
                              "&subject_token_type=", PercentEncode(TextMember(account, "subject_token_type"), false),
                              "&subject_token=", PercentEncode(subject, false));
  if (const std::string client = TextMember(account, "client_id"); !client.empty()) {
    request.headers = {absl::StrCat("Authorization: Basic ", Base64(absl::StrCat(client, ":", TextMember(account, "client_secret"))))};
  }
  VIGIL_ASSIGN_OR_RETURN(const std::string answer, caller.AskService(request, Caller::Distance::kFar));
  VIGIL_ASSIGN_OR_RETURN(Found<std::string> found, ReadToken(answer, Shown(url), context.clock.NowUs()));
  if (!by.empty()) {
    Request impersonate = RequestTo(by);
    impersonate.method = "POST";
    impersonate.content_type = "application/json";
    impersonate.headers = {absl::StrCat("Authorization: Bearer ", found.value)};
    impersonate.body = DumpJson({{"scope", {scope}}, {"lifetime", "3600s"}});
    VIGIL_ASSIGN_OR_RETURN(const std::string theirs, caller.AskService(impersonate, Caller::Distance::kFar));
    VIGIL_ASSIGN_OR_RETURN(found, ReadImpersonation(theirs, Shown(by)));
  }
  found.source = absl::StrCat("workload identity of ", source);
  return found;
}

}  // namespace vigil::blobs::gcs
