#include "blobs/s3/credentials.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "blobs/s3/profile.h"
#include "blobs/uri.h"
#include "blobs/xml.h"
#include "storage/whole_file.h"

namespace vigil::blobs::s3 {
namespace {

constexpr int64_t kNearConnectMs = 1000;  // of services on this machine or its host
constexpr int64_t kFarConnectMs = 5000;
constexpr int kRolesDeepMax = 4;

Status Nothing(const std::string& source, const Status& why) {
  return absl::UnauthenticatedError(absl::StrCat("AWS credentials of ", source, ": ", std::string(why.message())));
}

StatusOr<std::string> Ask(Caller& caller, const Request& request, int64_t connect_ms) {
  VIGIL_ASSIGN_OR_RETURN(net::ClientResponse response, caller.Once(request, connect_ms));
  if (response.status != 200) return Refusal(request.base_url + request.target.substr(0, request.target.find('?')), response, nullptr);
  return std::move(response.body);
}

// What a container's endpoint and the metadata service answer.
StatusOr<Found<Keys>> KeysOfJson(const std::string& text, const std::string& source) {
  VIGIL_ASSIGN_OR_RETURN(const Json json, ParseJson(text, source));
  const auto member = [&](const char* name) {
    return json.is_object() && json.contains(name) && json[name].is_string() ? json[name].get<std::string>() : std::string();
  };
  Found<Keys> found{{member("AccessKeyId"), member("SecretAccessKey"), member("Token")}, source};
  if (found.value.id.empty() || found.value.secret.empty()) return absl::UnauthenticatedError("the answer holds no keys");
  if (const std::string end = member("Expiration"); !end.empty()) {
    VIGIL_ASSIGN_OR_RETURN(found.expires, ParseTime(end));
  }
  return found;
}

// The answer of STS to AssumeRole and AssumeRoleWithWebIdentity.
StatusOr<Found<Keys>> KeysOfXml(const std::string& text, const std::string& source) {
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

class Finder {
 public:
  Finder(const Context& context, Caller& caller, std::string region) : context_(context), caller_(caller), region_(std::move(region)) {}

  StatusOr<Found<Keys>> Find() {
    const Environment& e = context_.environment;
    if (!Variable(e, "AWS_ACCESS_KEY_ID").empty() && !Variable(e, "AWS_SECRET_ACCESS_KEY").empty()) {
      Found<Keys> found{{Variable(e, "AWS_ACCESS_KEY_ID"), Variable(e, "AWS_SECRET_ACCESS_KEY"), Variable(e, "AWS_SESSION_TOKEN")},
                        "AWS_ACCESS_KEY_ID of the environment"};
      found.fixed = true;
      return found;
    }
    const std::string token_file = Variable(e, "AWS_WEB_IDENTITY_TOKEN_FILE"), role = Variable(e, "AWS_ROLE_ARN");
    if (!token_file.empty() && !role.empty()) {
      return OfWebIdentity(token_file, role, Variable(e, "AWS_ROLE_SESSION_NAME", "vigil"), "AWS_WEB_IDENTITY_TOKEN_FILE");
    }
    VIGIL_ASSIGN_OR_RETURN(Found<Keys> of_profile, OfProfile(ProfileName(e), 0));
    if (!of_profile.value.id.empty()) return of_profile;
    if (!Variable(e, "AWS_PROFILE").empty()) {
      return absl::UnauthenticatedError(absl::StrCat("AWS credentials: profile ", ProfileName(e), " (AWS_PROFILE) has none"));
    }
    if (!Variable(e, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").empty() || !Variable(e, "AWS_CONTAINER_CREDENTIALS_FULL_URI").empty()) {
      return OfContainer();
    }
    if (absl::AsciiStrToLower(Variable(e, "AWS_EC2_METADATA_DISABLED")) != "true") {
      StatusOr<Found<Keys>> of_machine = OfMachine();
      // Without a metadata service there is no machine with a role; one that is there and refuses says why.
      if (of_machine.ok() || !(absl::IsUnavailable(of_machine.status()) || absl::IsDeadlineExceeded(of_machine.status()) ||
                               absl::IsNotFound(of_machine.status()))) {
        return of_machine.ok() ? of_machine : Nothing("the machine's metadata service", of_machine.status());
      }
    }
    return Found<Keys>{{}, "none found in the environment, the profile, a container or the machine; the request was anonymous"};
  }

 private:
  // Regional, as today's SDKs ask; AWS_ENDPOINT_URL_STS and AWS_ENDPOINT_URL say otherwise.
  std::string StsUrl() const {
    const std::string url = Variable(context_.environment, "AWS_ENDPOINT_URL_STS", Variable(context_.environment, "AWS_ENDPOINT_URL"));
    return url.empty() ? absl::StrCat("https://sts.", region_, ".amazonaws.com") : url;
  }

  StatusOr<Found<Keys>> AskSts(const std::map<std::string, std::string>& form, const Keys& keys, const std::string& source) {
    Request request;
    request.method = "POST";
    request.base_url = StsUrl();
    request.target = "/";
    request.content_type = "application/x-www-form-urlencoded";
    request.body = QueryText(form);
    ToSign to_sign;
    to_sign.method = "POST";
    to_sign.host = request.base_url.substr(request.base_url.find("://") + 3);
    to_sign.body_sha256 = Sha256Hex(request.body);
    to_sign.content_header = false;
    to_sign.region = region_;
    to_sign.service = "sts";
    to_sign.now = context_.clock.NowUs();
    request.headers = Sign(to_sign, keys);
    const StatusOr<std::string> text = Ask(caller_, request, kFarConnectMs);
    const StatusOr<Found<Keys>> found = text.ok() ? KeysOfXml(*text, source) : text.status();
    return found.ok() ? found : Nothing(source, found.status());
  }

  StatusOr<Found<Keys>> OfWebIdentity(const std::string& file, const std::string& role, const std::string& session,
                                      const std::string& source) {
    const StatusOr<std::string> token = ReadWholeFile(file, kSecretFileBytesMax);
    if (!token.ok()) return Nothing(source, token.status());
    return AskSts({{"Action", "AssumeRoleWithWebIdentity"},
                   {"Version", "2011-06-15"},
                   {"RoleArn", role},
                   {"RoleSessionName", session},
                   {"WebIdentityToken", std::string(absl::StripAsciiWhitespace(*token))}},
                  {}, absl::StrCat("role ", role, " by ", source));
  }

  StatusOr<Found<Keys>> OfProfile(const std::string& name, int depth) {
    VIGIL_ASSIGN_OR_RETURN(const auto profile, ReadProfile(context_.environment, name));
    const auto setting = [&](const char* key) {
      const auto found = profile.find(key);
      return found == profile.end() ? std::string() : found->second;
    };
    const std::string source = absl::StrCat("profile ", name);
    if (const std::string role = setting("role_arn"); !role.empty()) {
      const std::string session = setting("role_session_name").empty() ? "vigil" : setting("role_session_name");
      if (const std::string file = setting("web_identity_token_file"); !file.empty()) return OfWebIdentity(file, role, session, source);
      const std::string from = setting("source_profile");
      if (from.empty()) return absl::UnimplementedError(absl::StrCat("AWS credentials: ", source, " has role_arn without source_profile"));
      if (depth == kRolesDeepMax) return absl::InvalidArgumentError(absl::StrCat("AWS credentials: ", source, ": roles lead in a circle"));
      if (from != name) {
        VIGIL_ASSIGN_OR_RETURN(const Found<Keys> base, OfProfile(from, depth + 1));
        return Assume(role, session, setting("external_id"), base.value, source);
      }
      return Assume(role, session, setting("external_id"),
                    {setting("aws_access_key_id"), setting("aws_secret_access_key"), setting("aws_session_token")}, source);
    }
    if (!setting("aws_access_key_id").empty() && !setting("aws_secret_access_key").empty()) {
      return Found<Keys>{{setting("aws_access_key_id"), setting("aws_secret_access_key"), setting("aws_session_token")}, source};
    }
    for (const char* kind : {"credential_process", "sso_session", "sso_start_url"}) {
      if (!setting(kind).empty()) {
        return absl::UnimplementedError(absl::StrCat("AWS credentials: ", source, " has ", kind,
                                                     ", which is not run; export them with "
                                                     "`aws configure export-credentials --format env`"));
      }
    }
    return Found<Keys>{};
  }

  StatusOr<Found<Keys>> Assume(const std::string& role, const std::string& session, const std::string& external_id, const Keys& base,
                               const std::string& source) {
    if (base.id.empty()) return absl::UnauthenticatedError(absl::StrCat("AWS credentials: ", source, ": its source_profile has no keys"));
    std::map<std::string, std::string> form = {
        {"Action", "AssumeRole"}, {"Version", "2011-06-15"}, {"RoleArn", role}, {"RoleSessionName", session}};
    if (!external_id.empty()) form["ExternalId"] = external_id;
    return AskSts(form, base, absl::StrCat("role ", role, " of ", source));
  }

  StatusOr<Found<Keys>> OfContainer() {
    const Environment& e = context_.environment;
    std::string url = Variable(e, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
    std::string source = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    if (const std::string path = Variable(e, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"); !path.empty()) {
      url = absl::StrCat("http://169.254.170.2", path);
      source = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
    }
    const std::string_view host = HostOf(url);
    const bool near = IsLoopbackHost(host) || host == "169.254.170.2" || host == "169.254.170.23" || host == "fd00:ec2::23";
    if (!url.starts_with("https://") && !(url.starts_with("http://") && near)) {
      return absl::UnauthenticatedError(absl::StrCat("AWS credentials: ", source, " is neither https:// nor on this machine or its host"));
    }
    const size_t slash = std::min(url.find('/', url.find("://") + 3), url.size());
    Request request;
    request.base_url = url.substr(0, slash);
    request.target = slash == url.size() ? "/" : url.substr(slash);
    std::string token = Variable(e, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
    if (const std::string file = Variable(e, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"); !file.empty()) {
      const StatusOr<std::string> text = ReadWholeFile(file, kSecretFileBytesMax);
      if (!text.ok()) return Nothing("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", text.status());
      token = std::string(absl::StripAsciiWhitespace(*text));
    }
    if (!token.empty()) request.headers.push_back("Authorization: " + token);
    const StatusOr<std::string> text = Ask(caller_, request, kNearConnectMs);
    const StatusOr<Found<Keys>> found = text.ok() ? KeysOfJson(*text, source) : text.status();
    return found.ok() ? found : Nothing(source, found.status());
  }

  // IMDSv2: a session token, the role's name, its keys.
  StatusOr<Found<Keys>> OfMachine() {
    Request request;
    request.base_url = Variable(context_.environment, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://169.254.169.254");
    while (request.base_url.ends_with('/')) request.base_url.pop_back();
    request.method = "PUT";
    request.target = "/latest/api/token";
    request.headers = {"x-aws-ec2-metadata-token-ttl-seconds: 21600"};
    VIGIL_ASSIGN_OR_RETURN(const std::string token, Ask(caller_, request, kNearConnectMs));
    request.method = "GET";
    request.headers = {absl::StrCat("x-aws-ec2-metadata-token: ", token)};
    request.target = "/latest/meta-data/iam/security-credentials/";
    VIGIL_ASSIGN_OR_RETURN(const std::string roles, Ask(caller_, request, kNearConnectMs));
    const std::string role(absl::StripAsciiWhitespace(roles.substr(0, roles.find('\n'))));
    request.target += PercentEncode(role, false);
    VIGIL_ASSIGN_OR_RETURN(const std::string text, Ask(caller_, request, kNearConnectMs));
    return KeysOfJson(text, absl::StrCat("the machine's role ", role));
  }

  const Context& context_;
  Caller& caller_;
  const std::string region_;
};

}  // namespace

StatusOr<Found<Keys>> FindKeys(const Context& context, Caller& caller, const std::string& region) {
  return Finder(context, caller, region).Find();
}

}  // namespace vigil::blobs::s3
