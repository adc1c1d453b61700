#include "blobs/s3/credentials.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "blobs/s3/answers.h"
#include "blobs/s3/profile.h"
#include "blobs/uri.h"
#include "storage/whole_file.h"

namespace vigil::blobs::s3 {
namespace {

constexpr int kRolesDeepMax = 4;

Status Nothing(const std::string& source, const Status& why) {
  return absl::UnauthenticatedError(absl::StrCat("AWS credentials of ", source, ": ", std::string(why.message())));
}

class Finder {
 public:
  Finder(const Context& context, Caller& caller, std::string region) : context_(context), caller_(caller), region_(std::move(region)) {}

  StatusOr<Found<Keys>> Find() {
    const Environment& e = context_.environment;
    if (Found<Keys> found = OfEnvironment(); !found.value.id.empty()) return found;
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
    return OfMachineOrNone();
  }

 private:
  Found<Keys> OfEnvironment() const {
    const Environment& e = context_.environment;
    Found<Keys> found{{Variable(e, "AWS_ACCESS_KEY_ID"), Variable(e, "AWS_SECRET_ACCESS_KEY"), Variable(e, "AWS_SESSION_TOKEN")},
                      "AWS_ACCESS_KEY_ID of the environment"};
    if (found.value.id.empty() || found.value.secret.empty()) return {};
    found.fixed = true;
    return found;
  }

  // Regional, as today's SDKs ask; AWS_ENDPOINT_URL_STS and AWS_ENDPOINT_URL say otherwise.
  std::string StsUrl() const {
    const std::string url = Variable(context_.environment, "AWS_ENDPOINT_URL_STS", Variable(context_.environment, "AWS_ENDPOINT_URL"));
    return url.empty() ? absl::StrCat("https://sts.", region_, ".", DomainOf(region_)) : url;
  }

  StatusOr<Found<Keys>> AskSts(const std::map<std::string, std::string>& form, const Keys& keys, const std::string& source) {
    Request request = RequestTo(StsUrl());
    request.method = "POST";
    request.content_type = "application/x-www-form-urlencoded";
    request.body = QueryText(form);
    ToSign to_sign;
    to_sign.method = "POST";
    to_sign.host = HostHeader(request.base_url);
    to_sign.path = request.target;
    to_sign.body_sha256 = Sha256Hex(request.body);
    to_sign.content_header = false;
    to_sign.region = region_;
    to_sign.service = "sts";
    to_sign.now = context_.clock.NowUs();
    request.headers = Sign(to_sign, keys);
    const StatusOr<std::string> text = caller_.AskService(request, Caller::Distance::kFar);
    const StatusOr<Found<Keys>> found = text.ok() ? ReadKeysXml(*text, source) : text.status();
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
      if (depth == kRolesDeepMax) return absl::InvalidArgumentError(absl::StrCat("AWS credentials: ", source, ": roles lead in a circle"));
      if (!setting("mfa_serial").empty()) {
        return absl::UnimplementedError(absl::StrCat("AWS credentials: ", source, " has mfa_serial, and nobody is there to type a code"));
      }
      std::map<std::string, std::string> form = {
          {"Action", "AssumeRole"}, {"Version", "2011-06-15"}, {"RoleArn", role}, {"RoleSessionName", session}};
      if (const std::string id = setting("external_id"); !id.empty()) form["ExternalId"] = id;
      if (const std::string seconds = setting("duration_seconds"); !seconds.empty()) form["DurationSeconds"] = seconds;
      VIGIL_ASSIGN_OR_RETURN(const Found<Keys> base, BaseOf(profile, name, depth, source));
      if (base.value.id.empty()) {
        return absl::UnauthenticatedError(
            absl::StrCat("AWS credentials: ", source, ": its source_profile or credential_source has no keys"));
      }
      return AskSts(form, base.value, absl::StrCat("role ", role, " of ", source));
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

  // The keys with which a profile's role is assumed.
  StatusOr<Found<Keys>> BaseOf(const std::map<std::string, std::string>& profile, const std::string& name, int depth,
                               const std::string& source) {
    const auto setting = [&](const char* key) {
      const auto found = profile.find(key);
      return found == profile.end() ? std::string() : found->second;
    };
    if (const std::string from = setting("source_profile"); from == name) {
      return Found<Keys>{{setting("aws_access_key_id"), setting("aws_secret_access_key"), setting("aws_session_token")}, source};
    } else if (!from.empty()) {
      return OfProfile(from, depth + 1);
    }
    const std::string from = setting("credential_source");
    if (from == "Environment") return OfEnvironment();
    if (from == "EcsContainer") return OfContainer();
    if (from == "Ec2InstanceMetadata") return OfMachineOrNone();
    if (!from.empty()) {
      return absl::InvalidArgumentError(absl::StrCat("AWS credentials: ", source, ": credential_source is '", from.substr(0, 50),
                                                     "'; expected Environment, Ec2InstanceMetadata or EcsContainer"));
    }
    return absl::InvalidArgumentError(
        absl::StrCat("AWS credentials: ", source, " has role_arn without source_profile, credential_source or web_identity_token_file"));
  }

  StatusOr<Found<Keys>> OfContainer() {
    const Environment& e = context_.environment;
    std::string url = Variable(e, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
    std::string source = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    if (const std::string path = Variable(e, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"); !path.empty()) {
      if (!path.starts_with('/'))
        return Nothing("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", absl::InvalidArgumentError("it begins with '/'"));
      url = absl::StrCat("http://169.254.170.2", path);
      source = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
    }
    const std::string_view host = HostOf(url);
    const bool near = IsLoopbackHost(host) || host == "169.254.170.2" || host == "169.254.170.23" || host == "fd00:ec2::23";
    if (!url.starts_with("https://") && !(url.starts_with("http://") && near)) {
      return Nothing(source, absl::InvalidArgumentError("it is neither https:// nor on this machine or its host"));
    }
    Request request = RequestTo(url);
    std::string token = Variable(e, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
    if (const std::string file = Variable(e, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"); !file.empty()) {
      const StatusOr<std::string> text = ReadWholeFile(file, kSecretFileBytesMax);
      if (!text.ok()) return Nothing("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", text.status());
      token = std::string(absl::StripAsciiWhitespace(*text));
    }
    if (!token.empty()) request.headers.push_back("Authorization: " + token);
    const StatusOr<std::string> text = caller_.AskService(request, near ? Caller::Distance::kNear : Caller::Distance::kFar);
    const StatusOr<Found<Keys>> found = text.ok() ? ReadKeysJson(*text, source) : text.status();
    return found.ok() ? found : Nothing(source, found.status());
  }

  // Without a metadata service there is no machine with a role, nor where it gives none; one that is there and refuses says why.
  StatusOr<Found<Keys>> OfMachineOrNone() {
    Found<Keys> none{{}, "none found in the environment, the profile, a container or the machine; the request was anonymous"};
    none.none = true;
    if (absl::AsciiStrToLower(Variable(context_.environment, "AWS_EC2_METADATA_DISABLED")) == "true") return none;
    StatusOr<Found<Keys>> found = OfMachine();
    if (found.ok()) return found;
    const Status& why = found.status();
    if (!absl::IsUnavailable(why) && !absl::IsDeadlineExceeded(why) && !absl::IsNotFound(why)) {
      return Nothing("the machine's metadata service", why);
    }
    // It answers a container only when its hop limit reaches there: then the connection comes about, and the answer does not.
    if (absl::IsDeadlineExceeded(why)) absl::StrAppend(&none.source, " (", std::string(why.message()), ")");
    return none;
  }

  std::string MetadataUrl() const {
    const Environment& e = context_.environment;
    const bool six = absl::AsciiStrToLower(Variable(e, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE")) == "ipv6";
    std::string url = Variable(e, "AWS_EC2_METADATA_SERVICE_ENDPOINT", six ? "http://[fd00:ec2::254]" : "http://169.254.169.254");
    while (url.ends_with('/')) url.pop_back();
    return url;
  }

  // IMDSv2: a session token, the role's name, its keys.
  StatusOr<Found<Keys>> OfMachine() {
    Request request;
    request.base_url = MetadataUrl();
    request.method = "PUT";
    request.target = "/latest/api/token";
    request.headers = {"x-aws-ec2-metadata-token-ttl-seconds: 21600"};
    VIGIL_ASSIGN_OR_RETURN(const std::string token, caller_.AskService(request, Caller::Distance::kNear));
    request.method = "GET";
    request.headers = {absl::StrCat("x-aws-ec2-metadata-token: ", std::string(absl::StripAsciiWhitespace(token)))};
    request.target = "/latest/meta-data/iam/security-credentials/";
    VIGIL_ASSIGN_OR_RETURN(const std::string roles, caller_.AskService(request, Caller::Distance::kNear));
    const std::string role(absl::StripAsciiWhitespace(roles.substr(0, roles.find('\n'))));
    if (role.empty()) return absl::NotFoundError("the machine has no role");
    request.target += PercentEncode(role, false);
    VIGIL_ASSIGN_OR_RETURN(const std::string text, caller_.AskService(request, Caller::Distance::kNear));
    return ReadKeysJson(text, absl::StrCat("the machine's role ", Words(role)));
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
