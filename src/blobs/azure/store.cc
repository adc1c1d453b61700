#include "blobs/azure/store.h"

#include <algorithm>
#include <array>
#include <ctime>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "blobs/azure/credentials.h"
#include "blobs/oauth.h"
#include "blobs/xml.h"

namespace vigil::blobs::azure {
namespace {

constexpr const char* kVersion = "2021-08-06";

std::string HttpDate(TimeUs now) {
  const auto seconds = static_cast<time_t>(now / kSecondUs);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::array<char, 64> text;  // strftime would speak the locale's language
  const int bytes = std::snprintf(text.data(), text.size(), "%s, %02d %s %d %02d:%02d:%02d GMT", kDays[utc.tm_wday], utc.tm_mday,
                                  kMonths[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
  return std::string(text.data(), static_cast<size_t>(bytes));
}

// Names that XML cannot hold come percent-encoded.
std::string Decoded(const XmlElement& element) {
  if (!element.encoded) return element.text;
  std::string out;
  for (size_t i = 0; i < element.text.size(); ++i) {
    const std::string hex = element.text.substr(i + 1, 2);
    if (element.text[i] == '%' && hex.size() == 2 && hex.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos) {
      out += absl::HexStringToBytes(hex);
      i += 2;
    } else {
      out += element.text[i];
    }
  }
  return out;
}

class AzureStore final : public Store {
 public:
  AzureStore(const Uri& uri, Account account, std::string container, std::string key, const Context& context)
      : uri_(uri),
        account_(std::move(account)),
        container_(std::move(container)),
        key_(std::move(key)),
        context_(context),
        caller_(context, 0),
        authorization_(context.clock, [this] { return FindAuthorization(context_, caller_, account_); }) {}

  StatusOr<Listing> List(const Listing* known) override {
    if (known != nullptr && known->size() == 1 && (*known)[0].name.empty() && !(*known)[0].tag.empty()) {
      VIGIL_ASSIGN_OR_RETURN(const net::ClientResponse head, Ask("HEAD", "/" + key_, {}, {{"if-none-match", (*known)[0].tag}}));
      if (head.status == 304 || (head.status == 200 && head.header("etag") == (*known)[0].tag)) return *known;
    }
    const auto read = [this](const std::string& marker, Listing* all) -> StatusOr<std::string> {
      std::map<std::string, std::string> query = {{"restype", "container"}, {"comp", "list"}, {"include", "metadata"}, {"prefix", key_}};
      if (!marker.empty()) query["marker"] = marker;
      VIGIL_ASSIGN_OR_RETURN(const net::ClientResponse response, Ask("GET", "", query, {}));
      if (response.status != 200) return Refusal(uri_.shown, response, &authorization_);
      StatusOr<std::string> next = ReadListing(response.body, all);
      if (!next.ok()) return Status(next.status().code(), absl::StrCat(uri_.shown, ": ", std::string(next.status().message())));
      return next;
    };
    VIGIL_ASSIGN_OR_RETURN(Listing all, ListPages(read, uri_.shown, context_.options));
    return BelowKey(std::move(all), key_, uri_.shown, context_.options);
  }

  StatusOr<Request> Get(const Object& object, int64_t offset) override {
    const std::string folder = key_.empty() || key_.ends_with('/') ? key_ : key_ + "/";
    std::map<std::string, std::string> headers;
    if (!object.tag.empty()) headers["if-match"] = object.tag;
    if (offset > 0) headers["range"] = absl::StrCat("bytes=", offset, "-");
    return Make("GET", "/" + (object.name.empty() ? key_ : folder + object.name), {}, std::move(headers));
  }

  Digests SaidOf(const Object&, const net::ClientResponse& head) const override {
    Digests said;
    said.md5 = FromBase64(head.header("content-md5")).value_or("");
    return said;
  }

  CredentialHolder& credentials() override { return authorization_; }
  Caller& caller() override { return caller_; }

 private:
  StatusOr<Request> Make(const std::string& method, const std::string& name, const std::map<std::string, std::string>& query,
                         std::map<std::string, std::string> headers) {
    VIGIL_ASSIGN_OR_RETURN(const Authorization* authorization, authorization_.Get());
    using Kind = Authorization::Kind;
    const bool shows_secret = authorization->kind == Kind::kToken || authorization->kind == Kind::kSas;
    if (shows_secret && !context_.options.plain_http) VIGIL_RETURN_IF_ERROR(CheckSecretUrl(account_.endpoint, "the account's endpoint"));
    Request request;
    request.method = method;
    const size_t slash = std::min(account_.endpoint.find('/', account_.endpoint.find("://") + 3), account_.endpoint.size());
    request.base_url = account_.endpoint.substr(0, slash);
    request.target = absl::StrCat(account_.endpoint.substr(slash), "/", PercentEncode(container_, false), PercentEncode(name, true));
    headers["x-ms-version"] = kVersion;
    headers["x-ms-date"] = HttpDate(context_.clock.NowUs());
    if (authorization->kind == Kind::kKey) {
      headers["authorization"] = SharedKey({method, account_.name, request.target, query, headers}, authorization->secret);
    } else if (authorization->kind == Kind::kToken) {
      headers["authorization"] = absl::StrCat("Bearer ", authorization->secret);
    }
    std::string text;
    for (const auto& [key, value] : query) absl::StrAppend(&text, text.empty() ? "" : "&", key, "=", PercentEncode(value, false));
    if (authorization->kind == Kind::kSas) absl::StrAppend(&text, text.empty() ? "" : "&", authorization->secret);
    if (!text.empty()) absl::StrAppend(&request.target, "?", text);
    for (const auto& [key, value] : headers) request.headers.push_back(absl::StrCat(key, ": ", value));
    return request;
  }

  StatusOr<net::ClientResponse> Ask(const std::string& method, const std::string& name, const std::map<std::string, std::string>& query,
                                    const std::map<std::string, std::string>& headers) {
    return caller_.Call(
        uri_.shown, [&] { return Make(method, name, query, headers); }, &authorization_);
  }

  const Uri uri_;
  const Account account_;
  const std::string container_, key_;
  const Context context_;
  Caller caller_;
  Renewed<Authorization> authorization_;
};

}  // namespace

StatusOr<std::unique_ptr<Store>> MakeStore(const Uri& uri, const Context& context) {
  const Environment& e = context.environment;
  Account account;
  if (const std::string text = Variable(e, "AZURE_STORAGE_CONNECTION_STRING"); !text.empty()) {
    VIGIL_ASSIGN_OR_RETURN(account, ParseConnectionString(text));
  } else {
    account.name = Variable(e, "AZURE_STORAGE_ACCOUNT");
  }
  std::string container = uri.place, key = uri.key;
  if (account.name.empty() || account.name == uri.place) {
    account.name = uri.place;
    const size_t slash = std::min(key.find('/'), key.size());
    container = key.substr(0, slash);
    key = key.substr(std::min(slash + 1, key.size()));
  }
  if (container.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(uri.shown,
                                                   ": names no container; expected az://account/container/name, or az://container/name "
                                                   "with AZURE_STORAGE_ACCOUNT"));
  }
  if (account.endpoint.empty()) {
    account.endpoint = Variable(e, "AZURE_STORAGE_SERVICE_ENDPOINT", absl::StrCat("https://", account.name, ".blob.core.windows.net"));
  }
  while (account.endpoint.ends_with('/')) account.endpoint.pop_back();
  return std::unique_ptr<Store>(std::make_unique<AzureStore>(uri, std::move(account), std::move(container), std::move(key), context));
}

StatusOr<std::string> ReadListing(std::string_view xml, Listing* objects) {
  Object object;
  std::string marker, size;
  bool listing = false, folder = false;
  VIGIL_RETURN_IF_ERROR(ReadXml(xml, "listing", [&](const XmlElement& element) -> Status {
    const std::string& path = element.path;
    const std::string blob = "EnumerationResults/Blobs/Blob";
    if (path == "EnumerationResults") listing = true;
    if (path == "EnumerationResults/NextMarker") marker = element.text;
    if (path == blob + "/Name") object.name = Decoded(element);
    if (path == blob + "/Properties/Etag") object.tag = element.text;
    if (path == blob + "/Properties/Last-Modified") object.time = element.text;
    if (path == blob + "/Properties/Content-Length") size = element.text;
    if (path == blob + "/Properties/Content-MD5") object.digests.md5 = FromBase64(element.text).value_or("");
    // A hierarchical namespace lists its folders too.
    if (path == blob + "/Properties/ResourceType") folder |= element.text == "directory";
    if (path == blob + "/Metadata/hdi_isfolder") folder |= element.text == "true";
    if (path != blob) return absl::OkStatus();
    if (object.name.empty() || (!folder && (!absl::SimpleAtoi(size, &object.bytes) || object.bytes < 0))) {
      return absl::InvalidArgumentError("a blob without name or size");
    }
    // Listed tags come bare; conditions and answers have them in quotes.
    if (!object.tag.empty() && !object.tag.starts_with('"')) object.tag = absl::StrCat("\"", object.tag, "\"");
    if (!folder) objects->push_back(std::move(object));
    object = {};
    size.clear();
    folder = false;
    return absl::OkStatus();
  }));
  if (!listing) return absl::InvalidArgumentError("the answer is no listing of a container");
  return marker;
}

}  // namespace vigil::blobs::azure
