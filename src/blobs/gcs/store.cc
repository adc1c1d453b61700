#include "blobs/gcs/store.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/json.h"
#include "blobs/gcs/credentials.h"
#include "blobs/oauth.h"

namespace vigil::blobs::gcs {
namespace {

constexpr std::string_view kApi = "/storage/v1";

// One object resource.
StatusOr<Object> ReadObject(const Json& item) {
  Object object;
  object.name = item.is_object() ? TextMember(item, "name") : "";
  if (object.name.empty() || !absl::SimpleAtoi(TextMember(item, "size"), &object.bytes) || object.bytes < 0) {
    return absl::InvalidArgumentError("an object without name or size");
  }
  if (!TextMember(item, "contentEncoding").empty() && TextMember(item, "contentEncoding") != "identity") {
    return absl::UnimplementedError(
        absl::StrCat(object.name, ": is stored with Content-Encoding ", TextMember(item, "contentEncoding"), "; upload it as it is"));
  }
  object.tag = TextMember(item, "generation");
  object.time = TextMember(item, "updated");
  object.digests.md5 = FromBase64(TextMember(item, "md5Hash")).value_or("");
  object.digests.crc32c = FromBase64(TextMember(item, "crc32c")).value_or("");
  return object;
}

class GcsStore final : public Store {
 public:
  GcsStore(const Uri& uri, const Context& context)
      : uri_(uri), context_(context), caller_(context, 0), token_(context.clock, [this] { return FindToken(context_, caller_); }) {
    const Environment& e = context.environment;
    endpoint_ =
        Variable(e, "STORAGE_EMULATOR_HOST", Variable(e, "CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE", "https://storage.googleapis.com"));
    if (endpoint_.find("://") == std::string::npos) endpoint_ = "http://" + endpoint_;
    while (endpoint_.ends_with('/')) endpoint_.pop_back();
    if (endpoint_.ends_with(kApi)) endpoint_.resize(endpoint_.size() - kApi.size());
  }

  StatusOr<Listing> List(const Listing* known) override {
    if (known != nullptr && known->size() == 1 && (*known)[0].name.empty()) {
      VIGIL_ASSIGN_OR_RETURN(const bool same, IsSame((*known)[0]));
      if (same) return *known;
    }
    const auto read = [this](const std::string& token, Listing* all) -> StatusOr<std::string> {
      std::string query = absl::StrCat(
          "?prefix=", PercentEncode(uri_.key, false),
          "&fields=", PercentEncode("nextPageToken,items(name,size,generation,updated,md5Hash,crc32c,contentEncoding)", false));
      if (!token.empty()) absl::StrAppend(&query, "&pageToken=", PercentEncode(token, false));
      VIGIL_ASSIGN_OR_RETURN(const net::ClientResponse response, Ask(query));
      if (response.status != 200) return Refusal(uri_.shown, response, &token_);
      StatusOr<std::string> next = ReadListing(response.body, all);
      if (!next.ok()) return Status(next.status().code(), absl::StrCat(uri_.shown, ": ", std::string(next.status().message())));
      return next;
    };
    VIGIL_ASSIGN_OR_RETURN(Listing all, ListPages(read, uri_.shown, context_.options));
    return BelowKey(std::move(all), uri_.key, uri_.shown, context_.options);
  }

  // A generation is one content: reading it needs no condition, and answers 404 once it was replaced.
  StatusOr<Request> Get(const Object& object, int64_t offset) override {
    const std::string folder = uri_.key.empty() || uri_.key.ends_with('/') ? uri_.key : uri_.key + "/";
    VIGIL_ASSIGN_OR_RETURN(Request request,
                           Make(absl::StrCat("/", PercentEncode(object.name.empty() ? uri_.key : folder + object.name, false),
                                             "?alt=media&generation=", object.tag)));
    if (offset > 0) request.headers.push_back(absl::StrCat("Range: bytes=", offset, "-"));
    return request;
  }

  Digests SaidOf(const Object&, const net::ClientResponse&) const override { return {}; }  // the listing said it
  CredentialHolder& credentials() override { return token_; }
  Caller& caller() override { return caller_; }

 private:
  StatusOr<Request> Make(const std::string& rest) {
    VIGIL_ASSIGN_OR_RETURN(const std::string* token, token_.Get());
    Request request;
    request.base_url = endpoint_;
    request.target = absl::StrCat(std::string(kApi), "/b/", PercentEncode(uri_.place, false), "/o", rest);
    if (!token->empty() && !context_.options.plain_http) VIGIL_RETURN_IF_ERROR(CheckSecretUrl(endpoint_, "the endpoint of Cloud Storage"));
    if (!token->empty()) request.headers.push_back(absl::StrCat("Authorization: Bearer ", *token));
    return request;
  }

  StatusOr<net::ClientResponse> Ask(const std::string& rest) {
    return caller_.Call(
        uri_.shown, [&] { return Make(rest); }, &token_);
  }

  StatusOr<bool> IsSame(const Object& known) {
    VIGIL_ASSIGN_OR_RETURN(const net::ClientResponse response,
                           Ask(absl::StrCat("/", PercentEncode(uri_.key, false), "?fields=generation,updated")));
    if (response.status != 200) return false;
    const StatusOr<Json> json = ParseJson(response.body, "object");
    return json.ok() && json->is_object() && TextMember(*json, "generation") == known.tag && TextMember(*json, "updated") == known.time;
  }

  const Uri uri_;
  const Context context_;
  Caller caller_;
  std::string endpoint_;
  Renewed<std::string> token_;
};

}  // namespace

std::unique_ptr<Store> MakeStore(const Uri& uri, const Context& context) { return std::make_unique<GcsStore>(uri, context); }

StatusOr<std::string> ReadListing(std::string_view text, Listing* objects) {
  VIGIL_ASSIGN_OR_RETURN(const Json json, ParseJson(text, "listing"));
  if (!json.is_object()) return absl::InvalidArgumentError("the answer is no listing of a bucket");
  if (json.contains("items")) {
    if (!json.at("items").is_array()) return absl::InvalidArgumentError("the answer is no listing of a bucket");
    for (const Json& item : json.at("items")) {
      VIGIL_ASSIGN_OR_RETURN(Object object, ReadObject(item));
      objects->push_back(std::move(object));
    }
  }
  return TextMember(json, "nextPageToken");
}

}  // namespace vigil::blobs::gcs
