#include "blobs/gcs/credentials.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/json.h"
#include "blobs/digests.h"
#include "blobs/uri.h"
#include "storage/whole_file.h"

namespace vigil::blobs::gcs {
namespace {

constexpr int64_t kNearConnectMs = 1000, kFarConnectMs = 5000;
constexpr const char* kScope = "https://www.googleapis.com/auth/devstorage.read_only";
constexpr const char* kTokenUrl = "https://oauth2.googleapis.com/token";

std::string Member(const Json& json, const char* name) {
  return json.is_object() && json.contains(name) && json.at(name).is_string() ? json.at(name).get<std::string>() : std::string();
}

// {"access_token": ..., "expires_in": seconds}
StatusOr<Found<std::string>> TokenOf(const Context& context, Caller& caller, const Request& request, int64_t connect_ms,
                                     const std::string& source) {
  VIGIL_ASSIGN_OR_RETURN(const net::ClientResponse response, caller.Once(request, connect_ms));
  const std::string url = absl::StrCat(request.base_url, request.target.substr(0, request.target.find('?')));
  if (response.status != 200) return Refusal(url, response, nullptr);
  VIGIL_ASSIGN_OR_RETURN(const Json json, ParseJson(response.body, url));
  Found<std::string> found{Member(json, "access_token"), source};
  if (found.value.empty()) return absl::UnauthenticatedError(absl::StrCat(url, ": the answer holds no token"));
  if (json.contains("expires_in") && json.at("expires_in").is_number()) {
    found.expires = context.clock.NowUs() + static_cast<TimeUs>(json.at("expires_in").get<double>() * kSecondUs);
  }
  return found;
}

Status Nothing(const std::string& source, const Status& why) {
  return Status(absl::IsUnimplemented(why) ? why.code() : absl::StatusCode::kUnauthenticated,
                absl::StrCat("Google credentials of ", source, ": ", std::string(why.message())));
}

// A key file says where its tokens are given; a secret goes to nobody else in the open.
StatusOr<Request> TokenRequest(const std::string& url, std::string form) {
  if (!url.starts_with("https://") && !(url.starts_with("http://") && IsLoopbackHost(HostOf(url)))) {
    return absl::InvalidArgumentError(absl::StrCat("its token_uri, ", Shown(url), ", is not https://"));
  }
  const size_t slash = std::min(url.find('/', url.find("://") + 3), url.size());
  Request request;
  request.method = "POST";
  request.base_url = url.substr(0, slash);
  request.target = slash == url.size() ? "/" : url.substr(slash);
  request.content_type = "application/x-www-form-urlencoded";
  request.body = std::move(form);
  return request;
}

StatusOr<Found<std::string>> OfKeyFile(const Context& context, Caller& caller, const std::string& path, const std::string& source) {
  VIGIL_ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(path, kSecretFileBytesMax));
  VIGIL_ASSIGN_OR_RETURN(const Json json, ParseJson(text, path));
  const std::string type = Member(json, "type");
  const std::string url = Member(json, "token_uri").empty() ? kTokenUrl : Member(json, "token_uri");
  std::string form, who;
  if (type == "service_account") {
    const TimeUs now = context.clock.NowUs() / kSecondUs;
    who = Member(json, "client_email");
    const Json header = {{"alg", "RS256"}, {"typ", "JWT"}, {"kid", Member(json, "private_key_id")}};
    const Json claims = {{"iss", who}, {"scope", kScope}, {"aud", url}, {"iat", now}, {"exp", now + 3600}};
    VIGIL_ASSIGN_OR_RETURN(const std::string jwt, SignJwt(DumpJson(header), DumpJson(claims), Member(json, "private_key")));
    form = absl::StrCat("grant_type=", PercentEncode("urn:ietf:params:oauth:grant-type:jwt-bearer", false), "&assertion=", jwt);
  } else if (type == "authorized_user") {
    who = "a user";
    form = absl::StrCat("grant_type=refresh_token&client_id=", PercentEncode(Member(json, "client_id"), false),
                        "&client_secret=", PercentEncode(Member(json, "client_secret"), false),
                        "&refresh_token=", PercentEncode(Member(json, "refresh_token"), false));
  } else {
    return absl::UnimplementedError(
        absl::StrCat(path, ": type '", type.substr(0, 50), "' is not read; service_account and authorized_user are"));
  }
  VIGIL_ASSIGN_OR_RETURN(const Request request, TokenRequest(url, std::move(form)));
  return TokenOf(context, caller, request, kFarConnectMs, absl::StrCat(who, " of ", source));
}

}  // namespace

StatusOr<std::string> SignJwt(const std::string& header, const std::string& claims, const std::string& private_key) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new_mem_buf(private_key.data(), static_cast<int>(private_key.size())), &BIO_free);
  // An encrypted key must not ask at the terminal.
  const auto no_password = [](char*, int, int, void*) { return 0; };
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr),
                                                                &EVP_PKEY_free);
  ERR_clear_error();
  if (key == nullptr || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA)
    return absl::InvalidArgumentError("its private_key is no RSA key in PEM form");
  const std::string text = absl::StrCat(Base64Url(header), ".", Base64Url(claims));
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  size_t bytes = 0;
  const auto* data = reinterpret_cast<const unsigned char*>(text.data());
  if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &bytes, data, text.size()) != 1) {
    return absl::InternalError("a token cannot be signed");
  }
  std::string signature(bytes, '\0');
  if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &bytes, data, text.size()) != 1) {
    return absl::InternalError("a token cannot be signed");
  }
  signature.resize(bytes);
  return absl::StrCat(text, ".", Base64Url(signature));
}

StatusOr<Found<std::string>> FindToken(const Context& context, Caller& caller) {
  const Environment& e = context.environment;
  if (const std::string path = Variable(e, "GOOGLE_APPLICATION_CREDENTIALS"); !path.empty()) {
    auto found = OfKeyFile(context, caller, path, "GOOGLE_APPLICATION_CREDENTIALS");
    return found.ok() ? found : Nothing("GOOGLE_APPLICATION_CREDENTIALS", found.status());
  }
  if (!Variable(e, "STORAGE_EMULATOR_HOST").empty()) return Found<std::string>{"", "none, as an emulator wants it"};
  const std::string home = Variable(e, "HOME");
  const std::string folder = Variable(e, "CLOUDSDK_CONFIG", home.empty() ? "" : home + "/.config/gcloud");
  if (!folder.empty()) {
    auto found = OfKeyFile(context, caller, folder + "/application_default_credentials.json", "gcloud's application default credentials");
    if (found.ok()) return found;
    if (!absl::IsNotFound(found.status())) return Nothing("gcloud's application default credentials", found.status());
  }
  if (absl::AsciiStrToLower(Variable(e, "NO_GCE_CHECK")) != "true") {
    Request request;
    request.base_url = absl::StrCat("http://", Variable(e, "GCE_METADATA_HOST", "169.254.169.254"));
    request.target = "/computeMetadata/v1/instance/service-accounts/default/token";
    request.headers = {"Metadata-Flavor: Google"};
    auto found = TokenOf(context, caller, request, kNearConnectMs, "the machine's service account");
    if (found.ok()) return found;
    const bool absent = absl::IsUnavailable(found.status()) || absl::IsDeadlineExceeded(found.status()) || absl::IsNotFound(found.status());
    if (!absent) return Nothing("the metadata server", found.status());
  }
  return Found<std::string>{"", "none found in GOOGLE_APPLICATION_CREDENTIALS, gcloud's folder or the machine; the request was anonymous"};
}

}  // namespace vigil::blobs::gcs
