#include "blobs/s3/store.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "blobs/s3/credentials.h"
#include "blobs/s3/profile.h"
#include "blobs/xml.h"

namespace vigil::blobs::s3 {
namespace {

// An ETag is the content's MD5 unless the object came in parts ("...-3") or is encrypted with a key of its own (seen when it is read).
std::string Md5OfTag(const std::string& tag) {
  constexpr std::string_view kHexDigits = "0123456789abcdef";
  if (tag.size() != 34 || tag.front() != '"' || tag.back() != '"') return "";
  std::string bytes;
  for (size_t i = 1; i + 1 < tag.size(); i += 2) {
    const size_t high = kHexDigits.find(tag[i]), low = kHexDigits.find(tag[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return "";
    bytes.push_back(static_cast<char>(high << 4 | low));
  }
  return bytes;
}

class S3Store final : public Store {
 public:
  S3Store(const Uri& uri, const Context& context)
      : uri_(uri),
        context_(context),
        caller_(context, 0, Variable(context.environment, "AWS_CA_BUNDLE")),
        keys_(context.clock, [this] { return FindKeys(context_, caller_, region_); }) {
    const Environment& e = context.environment;
    region_ = Variable(e, "AWS_REGION", Variable(e, "AWS_DEFAULT_REGION"));
    if (region_.empty()) {
      if (const auto profile = ReadProfile(e, ProfileName(e)); profile.ok() && profile->count("region") != 0)
        region_ = profile->at("region");
    }
    if (region_.empty()) region_ = "us-east-1";
    endpoint_ = Variable(e, "AWS_ENDPOINT_URL_S3", Variable(e, "AWS_ENDPOINT_URL"));
    while (endpoint_.ends_with('/')) endpoint_.pop_back();
    path_style_ = !endpoint_.empty() || uri.place.find('.') != std::string::npos;
  }

  StatusOr<Listing> List(const Listing* known) override {
    if (known != nullptr && known->size() == 1 && (*known)[0].name.empty() && !(*known)[0].tag.empty()) {
      VIGIL_ASSIGN_OR_RETURN(const bool same, IsSame((*known)[0]));
      if (same) return *known;
    }
    const auto read = [this](const std::string& token, Listing* all) -> StatusOr<std::string> {
      std::map<std::string, std::string> query = {{"list-type", "2"}, {"prefix", uri_.key}};
      if (!token.empty()) query["continuation-token"] = token;
      VIGIL_ASSIGN_OR_RETURN(const net::ClientResponse response, Ask("GET", "", query, {}));
      if (response.status != 200) return Refusal(uri_.shown, response, &keys_);
      StatusOr<std::string> next = ReadListing(response.body, all);
      if (!next.ok()) return absl::InvalidArgumentError(absl::StrCat(uri_.shown, ": ", std::string(next.status().message())));
      return next;
    };
    VIGIL_ASSIGN_OR_RETURN(Listing all, ListPages(read, uri_.shown, context_.options));
    return BelowKey(std::move(all), uri_.key, uri_.shown, context_.options);
  }

  StatusOr<Request> Get(const Object& object, int64_t offset) override {
    std::vector<std::pair<std::string, std::string>> extra;
    if (!object.tag.empty()) extra.emplace_back("if-match", object.tag);
    if (offset > 0) extra.emplace_back("range", absl::StrCat("bytes=", offset, "-"));
    extra.emplace_back("x-amz-checksum-mode", "ENABLED");
    return Make("GET", KeyOf(object), {}, std::move(extra));
  }

  Digests SaidOf(const Object& object, const net::ClientResponse& head) const override {
    Digests said;
    // A checksum of parts ("...-3") is not the content's.
    const auto checksum = [&](const char* name) {
      const auto bytes = FromBase64(head.header(name));
      return bytes && head.header("x-amz-checksum-type") != "COMPOSITE" ? *bytes : std::string();
    };
    said.sha256 = checksum("x-amz-checksum-sha256");
    said.crc32c = checksum("x-amz-checksum-crc32c");
    said.crc32 = checksum("x-amz-checksum-crc32");
    const bool own_key = head.header("x-amz-server-side-encryption").starts_with("aws:kms") ||
                         !head.header("x-amz-server-side-encryption-customer-algorithm").empty();
    if (!own_key) said.md5 = Md5OfTag(object.tag);
    return said;
  }

  CredentialHolder& credentials() override { return keys_; }
  Caller& caller() override { return caller_; }

 private:
  std::string KeyOf(const Object& object) const {
    if (object.name.empty()) return uri_.key;
    return absl::StrCat(uri_.key, uri_.key.empty() || uri_.key.ends_with('/') ? "" : "/", object.name);
  }

  // Endpoints beyond AWS are not asked for a redirect's region.
  std::string BaseUrl() const {
    if (!endpoint_.empty()) return endpoint_;
    return absl::StrCat("https://", path_style_ ? "" : uri_.place + ".", "s3.", region_, ".", DomainOf(region_));
  }

  StatusOr<Request> Make(const std::string& method, const std::string& key, const std::map<std::string, std::string>& query,
                         std::vector<std::pair<std::string, std::string>> extra) {
    VIGIL_ASSIGN_OR_RETURN(const Keys* keys, keys_.Get());
    Request request;
    request.method = method;
    request.base_url = BaseUrl();
    // An endpoint may have a path of its own in front.
    const size_t slash = std::min(request.base_url.find('/', request.base_url.find("://") + 3), request.base_url.size());
    ToSign to_sign;
    to_sign.method = method;
    to_sign.host = HostHeader(request.base_url);
    to_sign.path = absl::StrCat(request.base_url.substr(slash), path_style_ ? "/" + PercentEncode(uri_.place, false) : "", "/",
                                PercentEncode(key, true));
    to_sign.query = query;
    std::sort(extra.begin(), extra.end());
    to_sign.extra = std::move(extra);
    to_sign.body_sha256 = Sha256Hex("");
    to_sign.region = region_;
    to_sign.service = "s3";
    to_sign.now = context_.clock.NowUs();
    request.base_url.resize(slash);
    request.target = absl::StrCat(to_sign.path, query.empty() ? "" : "?", QueryText(query));
    request.headers = Sign(to_sign, *keys);
    return request;
  }

  // Once more where the bucket turns out to be in another region.
  StatusOr<net::ClientResponse> Ask(const std::string& method, const std::string& key, const std::map<std::string, std::string>& query,
                                    const std::vector<std::pair<std::string, std::string>>& extra) {
    for (bool moved = false;;) {
      VIGIL_ASSIGN_OR_RETURN(net::ClientResponse response, caller_.Call(
                                                               uri_.shown, [&] { return Make(method, key, query, extra); }, &keys_));
      const std::string region(response.header("x-amz-bucket-region"));
      const bool elsewhere = response.status == 301 || response.status == 307 || response.status == 400;
      if (moved || !elsewhere || region.empty() || region == region_) return response;
      region_ = region;
      moved = true;
    }
  }

  // One HEAD; what it does not settle is left to the listing.
  StatusOr<bool> IsSame(const Object& known) {
    VIGIL_ASSIGN_OR_RETURN(const net::ClientResponse response, Ask("HEAD", uri_.key, {}, {{"if-none-match", known.tag}}));
    return response.status == 304 || (response.status == 200 && response.header("etag") == known.tag);
  }

  const Uri uri_;
  const Context context_;
  Caller caller_;
  std::string region_, endpoint_;
  bool path_style_ = false;
  Renewed<Keys> keys_;
};

}  // namespace

std::unique_ptr<Store> MakeStore(const Uri& uri, const Context& context) { return std::make_unique<S3Store>(uri, context); }

StatusOr<std::string> ReadListing(std::string_view xml, Listing* objects) {
  Object object;
  std::string token, size;
  bool listing = false, more = false;
  VIGIL_RETURN_IF_ERROR(ReadXml(xml, "listing", [&](const XmlElement& element) -> Status {
    const std::string& path = element.path;
    if (path == "ListBucketResult") listing = true;
    if (path == "ListBucketResult/NextContinuationToken") token = element.text;
    if (path == "ListBucketResult/IsTruncated") more = element.text == "true";
    if (path == "ListBucketResult/Contents/Key") object.name = element.text;
    if (path == "ListBucketResult/Contents/ETag") object.tag = element.text;
    if (path == "ListBucketResult/Contents/LastModified") object.time = element.text;
    if (path == "ListBucketResult/Contents/Size") size = element.text;
    if (path != "ListBucketResult/Contents") return absl::OkStatus();
    if (object.name.empty() || !absl::SimpleAtoi(size, &object.bytes) || object.bytes < 0) {
      return absl::InvalidArgumentError("an object without key or size");
    }
    objects->push_back(std::move(object));
    object = {};
    size.clear();
    return absl::OkStatus();
  }));
  if (!listing) return absl::InvalidArgumentError("the answer is no listing of a bucket");
  if (more && token.empty()) return absl::InvalidArgumentError("the listing goes on, and does not say where");
  return more ? token : std::string();
}

}  // namespace vigil::blobs::s3
