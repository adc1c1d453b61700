#include "blobs/azure/credentials.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "blobs/digests.h"
#include "blobs/oauth.h"
#include "blobs/uri.h"
#include "storage/whole_file.h"

namespace vigil::blobs::azure {
namespace {

constexpr const char* kResource = "https://storage.azure.com/";
// Published by the emulator's makers; secret to nobody.
constexpr const char* kEmulatorAccount = "devstoreaccount1";
constexpr const char* kEmulatorKey = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

StatusOr<Authorization> KeyOf(const std::string& base64, const std::string& source) {
  const auto bytes = FromBase64(base64);
  if (!bytes || bytes->empty())
    return absl::InvalidArgumentError(absl::StrCat("Azure credentials: the account key of ", source, " is not base64"));
  return Authorization{Authorization::Kind::kKey, *bytes};
}

Authorization SasOf(std::string token) {
  if (token.starts_with('?')) token.erase(0, 1);
  return {Authorization::Kind::kSas, std::move(token)};
}

StatusOr<Found<Authorization>> TokenOf(const Context& context, Caller& caller, const Request& request, Caller::Distance distance,
                                       const std::string& source) {
  VIGIL_ASSIGN_OR_RETURN(const std::string answer, caller.AskService(request, distance));
  const std::string url = absl::StrCat(request.base_url, request.target.substr(0, request.target.find('?')));
  VIGIL_ASSIGN_OR_RETURN(const Found<std::string> token, ReadToken(answer, url, context.clock.NowUs()));
  Found<Authorization> found;
  found.value.kind = Authorization::Kind::kToken;
  found.value.secret = token.value;
  found.source = source;
  found.expires = token.expires;
  return found;
}

Status Nothing(const std::string& source, const Status& why) {
  return absl::UnauthenticatedError(absl::StrCat("Azure credentials of ", source, ": ", std::string(why.message())));
}

// A client proves itself with its secret or with its platform's token.
StatusOr<Found<Authorization>> OfClient(const Context& context, Caller& caller, const std::string& proof, const std::string& source) {
  const Environment& e = context.environment;
  std::string authority = Variable(e, "AZURE_AUTHORITY_HOST", "https://login.microsoftonline.com");
  while (authority.ends_with('/')) authority.pop_back();
  if (const Status safe = CheckSecretUrl(authority, "AZURE_AUTHORITY_HOST"); !safe.ok()) return Nothing(source, safe);
  Request request = RequestTo(absl::StrCat(authority, "/", PercentEncode(Variable(e, "AZURE_TENANT_ID"), false), "/oauth2/v2.0/token"));
  request.method = "POST";
  request.content_type = "application/x-www-form-urlencoded";
  request.body = absl::StrCat("grant_type=client_credentials&client_id=", PercentEncode(Variable(e, "AZURE_CLIENT_ID"), false),
                              "&scope=", PercentEncode(absl::StrCat(kResource, ".default"), false), "&", proof);
  auto found = TokenOf(context, caller, request, Caller::Distance::kFar, source);
  return found.ok() ? found : Nothing(source, found.status());
}

StatusOr<Found<Authorization>> OfManagedIdentity(const Context& context, Caller& caller) {
  const Environment& e = context.environment;
  const std::string endpoint = Variable(e, "IDENTITY_ENDPOINT"), client = Variable(e, "AZURE_CLIENT_ID");
  Request request;
  if (!endpoint.empty()) {
    request = RequestTo(absl::StrCat(endpoint, "?api-version=2019-08-01&resource=", PercentEncode(kResource, false)));
    request.headers = {absl::StrCat("X-IDENTITY-HEADER: ", Variable(e, "IDENTITY_HEADER"))};
  } else {
    std::string host = Variable(e, "AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://169.254.169.254");
    while (host.ends_with('/')) host.pop_back();
    request =
        RequestTo(absl::StrCat(host, "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=", PercentEncode(kResource, false)));
    request.headers = {"Metadata: true"};
  }
  if (!client.empty()) absl::StrAppend(&request.target, "&client_id=", PercentEncode(client, false));
  return TokenOf(context, caller, request, Caller::Distance::kNear, "the managed identity");
}

}  // namespace

StatusOr<Account> ParseConnectionString(const std::string& text) {
  std::map<std::string, std::string> parts;
  for (const absl::string_view part : absl::StrSplit(text, ';', absl::SkipWhitespace())) {
    const size_t equals = part.find('=');
    if (equals == absl::string_view::npos)
      return absl::InvalidArgumentError("AZURE_STORAGE_CONNECTION_STRING: a part of it is not name=value");
    parts[absl::AsciiStrToLower(absl::StripAsciiWhitespace(part.substr(0, equals)))] = std::string(part.substr(equals + 1));
  }
  if (absl::AsciiStrToLower(parts["usedevelopmentstorage"]) == "true") {
    parts.emplace("accountname", kEmulatorAccount);
    parts.emplace("accountkey", kEmulatorKey);
    parts.emplace("blobendpoint", absl::StrCat("http://127.0.0.1:10000/", kEmulatorAccount));
  }
  Account account;
  account.name = parts["accountname"];
  account.endpoint = parts["blobendpoint"];
  if (account.endpoint.empty()) {
    if (account.name.empty())
      return absl::InvalidArgumentError("AZURE_STORAGE_CONNECTION_STRING: has neither AccountName nor BlobEndpoint");
    const std::string suffix = parts["endpointsuffix"].empty() ? "core.windows.net" : parts["endpointsuffix"];
    account.endpoint = absl::StrCat("https://", account.name, ".blob.", suffix);
  }
  if (const std::string& key = parts["accountkey"]; !key.empty()) {
    VIGIL_ASSIGN_OR_RETURN(account.fixed, KeyOf(key, "AZURE_STORAGE_CONNECTION_STRING"));
  } else if (const std::string& sas = parts["sharedaccesssignature"]; !sas.empty()) {
    account.fixed = SasOf(sas);
  }
  return account;
}

StatusOr<Found<Authorization>> FindAuthorization(const Context& context, Caller& caller, const Account& account) {
  const Environment& e = context.environment;
  const auto fixed = [](Authorization authorization, const char* source) {
    Found<Authorization> found{std::move(authorization), source};
    found.fixed = true;
    return found;
  };
  if (account.fixed.kind != Authorization::Kind::kNone) return fixed(account.fixed, "AZURE_STORAGE_CONNECTION_STRING");
  if (const std::string key = Variable(e, "AZURE_STORAGE_KEY"); !key.empty()) {
    VIGIL_ASSIGN_OR_RETURN(Authorization authorization, KeyOf(key, "AZURE_STORAGE_KEY"));
    return fixed(std::move(authorization), "AZURE_STORAGE_KEY");
  }
  if (const std::string sas = Variable(e, "AZURE_STORAGE_SAS_TOKEN"); !sas.empty()) return fixed(SasOf(sas), "AZURE_STORAGE_SAS_TOKEN");
  const bool has_client = !Variable(e, "AZURE_TENANT_ID").empty() && !Variable(e, "AZURE_CLIENT_ID").empty();
  if (const std::string secret = Variable(e, "AZURE_CLIENT_SECRET"); has_client && !secret.empty()) {
    return OfClient(context, caller, absl::StrCat("client_secret=", PercentEncode(secret, false)), "AZURE_CLIENT_SECRET");
  }
  if (const std::string file = Variable(e, "AZURE_FEDERATED_TOKEN_FILE"); has_client && !file.empty()) {
    const StatusOr<std::string> token = ReadWholeFile(file, kSecretFileBytesMax);
    if (!token.ok()) return Nothing("AZURE_FEDERATED_TOKEN_FILE", token.status());
    const std::string proof =
        absl::StrCat("client_assertion_type=", PercentEncode("urn:ietf:params:oauth:client-assertion-type:jwt-bearer", false),
                     "&client_assertion=", PercentEncode(std::string(absl::StripAsciiWhitespace(*token)), false));
    return OfClient(context, caller, proof, "AZURE_FEDERATED_TOKEN_FILE");
  }
  auto found = OfManagedIdentity(context, caller);
  if (found.ok()) return found;
  const bool absent = absl::IsUnavailable(found.status()) || absl::IsDeadlineExceeded(found.status()) || absl::IsNotFound(found.status());
  if (!absent || !Variable(e, "IDENTITY_ENDPOINT").empty()) return Nothing("the managed identity", found.status());
  Found<Authorization> none;
  none.none = true;
  none.source = "none found in the environment or the machine; the request was anonymous";
  return none;
}

std::string SharedKey(const ToSign& request, const std::string& key) {
  const auto header = [&](const char* name) {
    const auto found = request.headers.find(name);
    return found == request.headers.end() ? std::string() : found->second;
  };
  // Content-Length is empty of a request without a body; Date is, since x-ms-date is sent.
  std::string text = absl::StrCat(request.method, "\n\n\n\n\n\n\n", header("if-modified-since"), "\n", header("if-match"), "\n",
                                  header("if-none-match"), "\n", header("if-unmodified-since"), "\n", header("range"), "\n");
  for (const auto& [name, value] : request.headers) {
    if (name.starts_with("x-ms-")) absl::StrAppend(&text, name, ":", value, "\n");
  }
  absl::StrAppend(&text, "/", request.account, request.path);
  for (const auto& [name, value] : request.query) absl::StrAppend(&text, "\n", name, ":", value);
  return absl::StrCat("SharedKey ", request.account, ":", Base64(HmacSha256(key, text)));
}

}  // namespace vigil::blobs::azure
