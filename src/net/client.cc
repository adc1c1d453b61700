#include "net/client.h"

#include <curl/curl.h>

#include <algorithm>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "net/ascii.h"

namespace vigil::net {
namespace {

constexpr std::string_view kUnixScheme = "unix:";
constexpr size_t kHeadersKeptMax = 200;
constexpr size_t kErrorBodyMax = 64 << 10;  // kept of an answer that is not for the sink

bool HasControl(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return (c < ' ' && c != '\t') || c == 0x7f; });
}

// The host of "http://host:port/..." without brackets.
std::string HostOf(std::string_view url) {
  if (const size_t scheme = url.find("://"); scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  url = url.substr(0, url.find_first_of("/?#"));
  if (const size_t user = url.rfind('@'); user != std::string_view::npos) url.remove_prefix(user + 1);
  if (!url.empty() && url.front() == '[') return std::string(url.substr(1, url.find(']') - 1));
  return std::string(url.substr(0, url.find(':')));
}

bool IsLoopback(const std::string& host) { return host == "localhost" || host == "::1" || host.starts_with("127."); }

struct SListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

class CurlClient final : public HttpClient {
 public:
  CurlClient(std::string base_url, const ClientOptions& options) : options_(options) {
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
    if (base_url.starts_with(kUnixScheme)) {
      unix_socket_ = base_url.substr(kUnixScheme.size());
      base_url_ = "http://localhost";
    } else {
      while (base_url.ends_with('/')) base_url.pop_back();
      base_url_ = std::move(base_url);
    }
    curl_.reset(curl_easy_init());
  }

  void SetTimeouts(int64_t connect_ms, int64_t total_ms) override {
    options_.connect_timeout_ms = connect_ms;
    options_.timeout_ms = total_ms;
  }

  bool MayHaveReached() const override { return may_have_reached_; }
  bool CertificateRefused() const override { return certificate_refused_; }

  StatusOr<ClientResponse> Receive(std::string_view method, std::string_view target, const std::vector<std::string>& headers,
                                   BodySink& sink) override {
    sink_ = &sink;
    sink_status_ = absl::OkStatus();
    StatusOr<ClientResponse> response = Send(method, target, "", "", headers);
    sink_ = nullptr;
    return sink_status_.ok() ? std::move(response) : sink_status_;
  }

  StatusOr<ClientResponse> Send(std::string_view method, std::string_view target, std::string_view content_type, std::string_view body,
                                const std::vector<std::string>& headers) override {
    may_have_reached_ = certificate_refused_ = false;
    if (!curl_) return absl::InternalError("libcurl could not be initialised");
    VIGIL_RETURN_IF_ERROR(CheckArguments(method, target, content_type, headers));
    response_ = {};
    too_large_ = false;
    cancelled_ = false;
    error_[0] = '\0';
    url_ = absl::StrCat(base_url_, std::string(target));
    const std::unique_ptr<curl_slist, SListDeleter> lines(MakeHeaders(content_type, headers));
    curl_easy_reset(curl_.get());  // keeps the connection
    SetTransport();
    SetRequest(std::string(method), body, lines.get());
    const CURLcode code = curl_easy_perform(curl_.get());
    // Bytes of the request that were sent, on whichever connection; none when there was no connection.
    long sent = 0;
    curl_easy_getinfo(curl_.get(), CURLINFO_REQUEST_SIZE, &sent);
    may_have_reached_ = sent > 0;
    certificate_refused_ = code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE;
    if (code != CURLE_OK) return ErrorOf(code);
    long status = 0;
    curl_easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &status);
    response_.status = static_cast<int>(status);
    response_.content_type = response_.header("content-type");
    return std::move(response_);
  }

 private:
  static Status CheckArguments(std::string_view method, std::string_view target, std::string_view content_type,
                               const std::vector<std::string>& headers) {
    if (method.empty() || HasControl(method) || method.find(' ') != std::string_view::npos) {
      return absl::InvalidArgumentError(absl::StrCat("'", std::string(method), "' is not an HTTP method"));
    }
    if (HasControl(target) || target.find(' ') != std::string_view::npos || (!target.empty() && target[0] != '/' && target[0] != '?')) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", std::string(target), "' is not a request target: it starts with '/' and is percent-encoded"));
    }
    if (HasControl(content_type)) return absl::InvalidArgumentError("the content type holds control characters");
    for (const std::string& line : headers) {
      if (HasControl(line) || line.find(':') == std::string::npos) {
        return absl::InvalidArgumentError(absl::StrCat("'", line.substr(0, line.find(':')), "' is not a header line 'Name: value'"));
      }
    }
    return absl::OkStatus();
  }

  static curl_slist* MakeHeaders(std::string_view content_type, const std::vector<std::string>& headers) {
    curl_slist* list = curl_slist_append(nullptr, "Expect:");  // no round trip before a large body
    const std::string type = content_type.empty() ? "Content-Type:" : absl::StrCat("Content-Type: ", std::string(content_type));
    list = curl_slist_append(list, type.c_str());
    for (const std::string& line : headers) list = curl_slist_append(list, line.c_str());
    return list;
  }

  void SetTransport() {
    CURL* const c = curl_.get();
    curl_easy_setopt(c, CURLOPT_URL, url_.c_str());
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, error_);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_timeout_ms));
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, static_cast<long>(options_.timeout_ms));
    curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, options_.verify_tls ? 1L : 0L);
    curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, options_.verify_tls ? 2L : 0L);
    if (!options_.ca_file.empty()) curl_easy_setopt(c, CURLOPT_CAINFO, options_.ca_file.c_str());
    curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);  // what was signed is what is sent
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, options_.redirects_max > 0 ? 1L : 0L);
    curl_easy_setopt(c, CURLOPT_MAXREDIRS, static_cast<long>(options_.redirects_max));
    curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, "https");
    if (options_.stall_timeout_ms > 0) {
      curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
      curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, static_cast<long>((options_.stall_timeout_ms + 999) / 1000));
    }
    if (options_.cancelled) {
      curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
      curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, &OnProgress);
      curl_easy_setopt(c, CURLOPT_XFERINFODATA, this);
    }
    curl_easy_setopt(c, CURLOPT_USERAGENT, "vigil");
    if (!unix_socket_.empty()) curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, unix_socket_.c_str());
    if (!options_.proxies || !unix_socket_.empty() || IsLoopback(HostOf(base_url_))) curl_easy_setopt(c, CURLOPT_PROXY, "");
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, &OnBody);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, this);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, &OnHeader);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, this);
  }

  void SetRequest(const std::string& method, std::string_view body, curl_slist* lines) {
    CURL* const c = curl_.get();
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, lines);
    if (method == "HEAD") {
      curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
      return;
    }
    if (!body.empty() || method == "POST" || method == "PUT" || method == "PATCH") {
      curl_easy_setopt(c, CURLOPT_POST, 1L);
      curl_easy_setopt(c, CURLOPT_POSTFIELDS, body.empty() ? "" : body.data());
      curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    }
    curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, method.c_str());
  }

  static size_t OnBody(char* bytes, size_t, size_t size, void* data) {
    auto& self = *static_cast<CurlClient*>(data);
    if (self.sink_ != nullptr) return self.Hand({bytes, size}) ? size : 0;
    if (self.response_.body.size() + size > self.options_.response_bytes_max) {
      self.too_large_ = true;
      return 0;
    }
    self.response_.body.append(bytes, size);
    return size;
  }

  bool Hand(std::string_view bytes) {
    long status = 0;
    curl_easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &status);
    response_.status = static_cast<int>(status);
    if (status / 100 != 2) {
      response_.body.append(bytes.substr(0, kErrorBodyMax - std::min(kErrorBodyMax, response_.body.size())));
      return true;
    }
    sink_status_ = sink_->OnBytes(response_, bytes);
    return sink_status_.ok();
  }

  static int OnProgress(void* data, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    auto& self = *static_cast<CurlClient*>(data);
    self.cancelled_ = self.options_.cancelled();
    return self.cancelled_ ? 1 : 0;
  }

  static size_t OnHeader(char* bytes, size_t, size_t size, void* data) {
    auto& self = *static_cast<CurlClient*>(data);
    std::string_view line(bytes, size);
    while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) line.remove_suffix(1);
    if (line.starts_with("HTTP/")) self.response_.headers.clear();  // an interim answer went before
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || self.response_.headers.size() >= kHeadersKeptMax) return size;
    std::string name(line.substr(0, colon));
    std::transform(name.begin(), name.end(), name.begin(), &AsciiLower);
    std::string_view value = line.substr(colon + 1);
    while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
    self.response_.headers.emplace_back(std::move(name), value);
    return size;
  }

  Status ErrorOf(CURLcode code) const {
    const std::string where = unix_socket_.empty() ? url_.substr(0, url_.find('?')) : absl::StrCat("unix:", unix_socket_);
    const std::string text = absl::StrCat(where, ": ", error_[0] != '\0' ? error_ : curl_easy_strerror(code));
    if (cancelled_) return absl::CancelledError(absl::StrCat(where, ": given up"));
    if (too_large_) {
      return absl::ResourceExhaustedError(absl::StrCat(where, ": the answer is larger than ", options_.response_bytes_max, " bytes"));
    }
    long status = 0;
    curl_easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &status);
    if (code == CURLE_UNSUPPORTED_PROTOCOL && status / 100 == 3) {
      return absl::InvalidArgumentError(absl::StrCat(where, ": a redirect leads to another protocol than https, which is refused"));
    }
    switch (code) {
      case CURLE_OPERATION_TIMEDOUT: return absl::DeadlineExceededError(text);
      case CURLE_TOO_MANY_REDIRECTS:
      case CURLE_URL_MALFORMAT:
      case CURLE_UNSUPPORTED_PROTOCOL: return absl::InvalidArgumentError(text);
      default: return absl::UnavailableError(text);
    }
  }

  struct CurlDeleter {
    void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
  };

  ClientOptions options_;
  std::string base_url_;
  std::string unix_socket_;
  std::string url_;
  std::unique_ptr<CURL, CurlDeleter> curl_;
  ClientResponse response_;
  char error_[CURL_ERROR_SIZE] = {};
  BodySink* sink_ = nullptr;  // during Receive
  Status sink_status_;
  bool too_large_ = false;
  bool cancelled_ = false;
  bool may_have_reached_ = false;
  bool certificate_refused_ = false;
};

}  // namespace

std::string_view ClientResponse::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

std::unique_ptr<HttpClient> HttpClient::Create(std::string base_url, const ClientOptions& options) {
  return std::make_unique<CurlClient>(std::move(base_url), options);
}

}  // namespace vigil::net
