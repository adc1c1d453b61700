#include "blobs/https/store.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace vigil::blobs::https {
namespace {

// The address itself is all there is.
class NoCredentials final : public CredentialHolder {
 public:
  bool Forget() override { return false; }
  std::string Source() const override { return "none but what the address holds"; }
};

// Of a probe only the head is wanted.
class HeadOnly final : public net::BodySink {
 public:
  Status OnBytes(const net::ClientResponse& response, std::string_view) override {
    head = response;
    return absl::CancelledError("only the head is wanted");
  }
  net::ClientResponse head;
};

// Weak validators ("W/...") do not promise the same bytes, and no range may be asked for with them.
std::string StrongTag(const net::ClientResponse& head) {
  const std::string_view tag = head.header("etag");
  return tag.starts_with('"') ? std::string(tag) : std::string();
}

int64_t LengthOf(const net::ClientResponse& head) {
  int64_t bytes = -1;
  std::string text(head.header("content-length"));
  // "bytes 0-0/1234"
  if (head.status == 206) text = std::string(head.header("content-range").substr(head.header("content-range").find('/') + 1));
  if (!head.header("content-encoding").empty() || !absl::SimpleAtoi(text, &bytes) || bytes < 0) return -1;
  return bytes;
}

class HttpsStore final : public Store {
 public:
  HttpsStore(const Uri& uri, const Context& context)
      : uri_(uri), context_(context), caller_(context, uri.scheme == Scheme::kHttps ? kRedirectsMax : 0) {}

  StatusOr<Listing> List(const Listing* known) override {
    std::vector<std::string> conditions;
    if (known != nullptr && !(*known)[0].tag.empty()) conditions.push_back(absl::StrCat("If-None-Match: ", (*known)[0].tag));
    VIGIL_ASSIGN_OR_RETURN(net::ClientResponse head, Look(conditions));
    if (head.status == 304 && known != nullptr) return *known;
    if (head.status / 100 != 2) return Refusal(uri_.shown, head, nullptr);
    Object object;
    object.bytes = LengthOf(head);
    object.tag = StrongTag(head);
    object.time = std::string(head.header("last-modified"));
    if (object.bytes > context_.options.snapshot_bytes_max) {
      return absl::ResourceExhaustedError(absl::StrCat(uri_.shown, ": holds ", object.bytes, " bytes, at most ",
                                                       context_.options.snapshot_bytes_max, " are read (sources.snapshot_bytes_max)"));
    }
    return Listing{std::move(object)};
  }

  StatusOr<Request> Get(const Object& object, int64_t offset) override {
    Request request = Make("GET");
    // Without a validator nothing says that the rest belongs to what has come: everything is read again.
    if (offset > 0 && (!object.tag.empty() || !object.time.empty())) request.headers.push_back(absl::StrCat("Range: bytes=", offset, "-"));
    if (!object.tag.empty()) {
      request.headers.push_back(absl::StrCat("If-Match: ", object.tag));
    } else if (!object.time.empty()) {
      request.headers.push_back(absl::StrCat("If-Unmodified-Since: ", object.time));
    }
    return request;
  }

  Digests SaidOf(const Object&, const net::ClientResponse& head) const override {
    Digests said;
    said.md5 = FromBase64(head.header("content-md5")).value_or("");
    // RFC 9530: "sha-256=:BASE64:"
    constexpr std::string_view kSha256 = "sha-256=:";
    const std::string_view digests = head.header("repr-digest");
    if (const size_t at = digests.find(kSha256); at != std::string_view::npos) {
      const std::string_view rest = digests.substr(at + kSha256.size());
      said.sha256 = FromBase64(rest.substr(0, rest.find(':'))).value_or("");
    }
    return said;
  }

  CredentialHolder& credentials() override { return credentials_; }
  Caller& caller() override { return caller_; }

 private:
  Request Make(const char* method) const {
    Request request;
    request.method = method;
    request.base_url = uri_.place;
    request.target = uri_.key;
    return request;
  }

  // HEAD; a signed URL allows only GET, so then a GET of one byte.
  StatusOr<net::ClientResponse> Look(const std::vector<std::string>& conditions) {
    const auto head = [&]() -> StatusOr<Request> {
      Request request = Make("HEAD");
      request.headers = conditions;
      return request;
    };
    if (!head_refused_) {
      VIGIL_ASSIGN_OR_RETURN(net::ClientResponse response, caller_.Call(uri_.shown, head, nullptr));
      head_refused_ = response.status == 403 || response.status == 405 || response.status == 501;
      if (!head_refused_) return response;
    }
    HeadOnly sink;
    const auto get = [&]() -> StatusOr<Request> {
      Request request = Make("GET");
      request.headers = conditions;
      request.headers.emplace_back("Range: bytes=0-0");
      return request;
    };
    StatusOr<net::ClientResponse> response = caller_.Call(uri_.shown, get, nullptr, &sink);
    if (absl::IsCancelled(response.status()) && sink.head.status != 0) return std::move(sink.head);
    if (response.ok() && response->status == 416) response->status = 200;  // of nothing there is no first byte
    return response;
  }

  const Uri uri_;
  const Context context_;
  Caller caller_;
  NoCredentials credentials_;
  bool head_refused_ = false;
};

}  // namespace

std::unique_ptr<Store> MakeStore(const Uri& uri, const Context& context) { return std::make_unique<HttpsStore>(uri, context); }

}  // namespace vigil::blobs::https
