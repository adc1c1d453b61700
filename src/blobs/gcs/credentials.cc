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
#include "blobs/gcs/federation.h"
#include "blobs/oauth.h"
#include "blobs/uri.h"
#include "storage/whole_file.h"

namespace vigil::blobs::gcs {
namespace {

constexpr const char* kScope = "https://www.googleapis.com/auth/devstorage.read_only";
constexpr const char* kTokenUrl = "https://oauth2.googleapis.com/token";

Status Nothing(const std::string& source, const Status& why) {
  return Status(absl::IsUnimplemented(why) ? why.code() : absl::StatusCode::kUnauthenticated,
                absl::StrCat("Google credentials of ", source, ": ", std::string(why.message())));
}

StatusOr<Found<std::string>> OfKeyFile(const Context& context, Caller& caller, const std::string& path, const std::string& source) {
  VIGIL_ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(path, kSecretFileBytesMax));
  VIGIL_ASSIGN_OR_RETURN(const Json json, ParseJson(text, path));
  const std::string type = TextMember(json, "type");
  if (type == "external_account") return TokenOfFederation(context, caller, json, kScope, source);
  const std::string url = TextMember(json, "token_uri").empty() ? kTokenUrl : TextMember(json, "token_uri");
  std::string form, who;
  if (type == "service_account") {
    const TimeUs now = context.clock.NowUs() / kSecondUs;
    who = TextMember(json, "client_email");
    const Json header = {{"alg", "RS256"}, {"typ", "JWT"}, {"kid", TextMember(json, "private_key_id")}};
    const Json claims = {{"iss", who}, {"scope", kScope}, {"aud", url}, {"iat", now}, {"exp", now + 3600}};
    VIGIL_ASSIGN_OR_RETURN(const std::string jwt, SignJwt(DumpJson(header), DumpJson(claims), TextMember(json, "private_key")));
    form = absl::StrCat("grant_type=", PercentEncode("urn:ietf:params:oauth:grant-type:jwt-bearer", false), "&assertion=", jwt);
  } else if (type == "authorized_user") {
    who = "a user";
    form = absl::StrCat("grant_type=refresh_token&client_id=", PercentEncode(TextMember(json, "client_id"), false),
                        "&client_secret=", PercentEncode(TextMember(json, "client_secret"), false),
                        "&refresh_token=", PercentEncode(TextMember(json, "refresh_token"), false));
  } else {
    return absl::UnimplementedError(
        absl::StrCat(path, ": type '", type.substr(0, 50), "' is not read; service_account, authorized_user and external_account are"));
  }
  VIGIL_RETURN_IF_ERROR(CheckSecretUrl(url, "its token_uri"));
  Request request = RequestTo(url);
  request.method = "POST";
  request.content_type = "application/x-www-form-urlencoded";
  request.body = std::move(form);
  VIGIL_ASSIGN_OR_RETURN(const std::string answer, caller.AskService(request, Caller::Distance::kFar));
  VIGIL_ASSIGN_OR_RETURN(Found<std::string> found, ReadToken(answer, Shown(url), context.clock.NowUs()));
  found.source = absl::StrCat(who, " of ", source);
  return found;
}

StatusOr<Found<std::string>> OfMachine(const Context& context, Caller& caller) {
  Request request;
  request.base_url = absl::StrCat("http://", Variable(context.environment, "GCE_METADATA_HOST", "169.254.169.254"));
  request.target = "/computeMetadata/v1/instance/service-accounts/default/token";
  request.headers = {"Metadata-Flavor: Google"};
  VIGIL_ASSIGN_OR_RETURN(const std::string answer, caller.AskService(request, Caller::Distance::kNear));
  VIGIL_ASSIGN_OR_RETURN(Found<std::string> found, ReadToken(answer, request.base_url + request.target, context.clock.NowUs()));
  found.source = "the machine's service account";
  return found;
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
  Found<std::string> none{"", "none found in GOOGLE_APPLICATION_CREDENTIALS, gcloud's folder or the machine; the request was anonymous"};
  none.none = true;
  if (absl::AsciiStrToLower(Variable(e, "NO_GCE_CHECK")) == "true") return none;
  auto found = OfMachine(context, caller);
  if (found.ok()) return found;
  const Status& why = found.status();
  if (!absl::IsUnavailable(why) && !absl::IsDeadlineExceeded(why) && !absl::IsNotFound(why)) return Nothing("the metadata server", why);
  return none;
}

}  // namespace vigil::blobs::gcs
