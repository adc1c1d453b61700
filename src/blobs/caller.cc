#include "blobs/caller.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/json.h"
#include "blobs/uri.h"
#include "blobs/xml.h"

namespace vigil::blobs {
namespace {

constexpr int kAttemptsInAllMax = 1000;  // of a transfer that gets a little further each time
constexpr size_t kMessageBytesMax = 300;
constexpr size_t kClientsMax = 16;
constexpr int64_t kNearConnectMs = 1000, kNearTotalMs = 5000;  // of services on this machine or its host

bool MayPass(int status) { return status >= 500 || status == 429 || status == 408; }

bool IsExpired(const net::ClientResponse& response) {
  std::string message;
  const std::string code = ErrorCode(response, &message);
  return code == "ExpiredToken" || code == "ExpiredTokenException" || code == "TokenRefreshRequired" || code == "RequestExpired" ||
         code == "InvalidToken";
}

std::string TextOf(const Json& json, const char* key) {
  return json.is_object() && json.contains(key) && json.at(key).is_string() ? json.at(key).get<std::string>() : std::string();
}

}  // namespace

std::string Variable(const Environment& environment, const std::string& name, const std::string& otherwise) {
  const auto found = environment.find(name);
  return found == environment.end() || found->second.empty() ? otherwise : found->second;
}

Request RequestTo(const std::string& url) {
  const size_t slash = std::min(url.find_first_of("/?", url.find("://") + 3), url.size());
  Request request;
  request.base_url = url.substr(0, slash);
  request.target = slash == url.size() ? "/" : url.substr(slash);
  return request;
}

Caller::Caller(const Context& context, int redirects_max, const std::string& ca_file)
    : context_(context),
      redirects_max_(redirects_max),
      ca_file_(!context.options.ca_file.empty() ? context.options.ca_file
               : !ca_file.empty()               ? ca_file
                                                : Variable(context.environment, "SSL_CERT_FILE")),
      attempts_max_(context.options.attempts_max),
      random_(static_cast<uint64_t>(context.clock.MonotonicNs())) {}

net::HttpClient& Caller::ClientOf(const std::string& base_url, Kind kind) {
  if (clients_.size() > kClientsMax) clients_.clear();
  std::unique_ptr<net::HttpClient>& client = clients_[absl::StrCat(static_cast<int>(kind), " ", base_url)];
  if (client == nullptr) {
    net::ClientOptions options;
    options.connect_timeout_ms = kind == Kind::kNearService ? kNearConnectMs : context_.options.connect_timeout_ms;
    options.timeout_ms = kind == Kind::kNearService ? kNearTotalMs : context_.options.request_timeout_ms;
    options.response_bytes_max = kind == Kind::kStore ? context_.options.listing_bytes_max : kTokenBytesMax;
    options.stall_timeout_ms = context_.options.stall_timeout_ms;
    options.redirects_max = kind == Kind::kStore ? redirects_max_ : 0;
    options.proxies = kind != Kind::kNearService;
    options.ca_file = ca_file_;
    options.cancelled = [pause = &context_.pause] { return pause->stopped(); };
    client = net::HttpClient::Create(base_url, options);
  }
  return *client;
}

StatusOr<std::string> Caller::AskService(const Request& request, Distance distance) {
  net::HttpClient& client = ClientOf(request.base_url, distance == Distance::kNear ? Kind::kNearService : Kind::kFarService);
  for (int attempt = 1;; ++attempt) {
    StatusOr<net::ClientResponse> response =
        client.Send(request.method, request.target, request.content_type, request.body, request.headers);
    if (response.ok() && response->status == 200) return std::move(response->body);
    const bool may_pass = response.ok()
                              ? MayPass(response->status)
                              : distance == Distance::kFar && absl::IsUnavailable(response.status()) && !client.CertificateRefused();
    if (may_pass && attempt < std::min(attempts_max_, kServiceAttemptsMax) &&
        context_.pause.Wait(PauseMs(attempt, response.ok() ? &*response : nullptr))) {
      continue;
    }
    if (!response.ok()) return response.status();
    return Refusal(absl::StrCat(request.base_url, request.target.substr(0, request.target.find('?'))), *response, nullptr);
  }
}

StatusOr<net::ClientResponse> Caller::Attempt(const Request& request, net::BodySink* sink, bool* certificate_refused) {
  net::HttpClient& client = ClientOf(request.base_url, Kind::kStore);
  // A transfer may take as long as it moves.
  client.SetTimeouts(context_.options.connect_timeout_ms, sink != nullptr ? 0 : context_.options.request_timeout_ms);
  StatusOr<net::ClientResponse> response =
      sink != nullptr ? client.Receive(request.method, request.target, request.headers, *sink)
                      : client.Send(request.method, request.target, request.content_type, request.body, request.headers);
  *certificate_refused = client.CertificateRefused();
  return response;
}

int64_t Caller::PauseMs(int attempt, const net::ClientResponse* response) {
  const int64_t longest = context_.options.pause_max_ms;
  const int64_t full = std::min(longest, context_.options.pause_first_ms << std::min(attempt - 1, 20));
  const auto jittered = static_cast<int64_t>(static_cast<double>(full) * random_.Uniform(0.5, 1.0));
  int64_t asked_seconds = 0;
  if (response != nullptr && absl::SimpleAtoi(std::string(response->header("retry-after")), &asked_seconds) && asked_seconds > 0) {
    return std::max(jittered, std::min(longest, asked_seconds > longest ? longest : asked_seconds * 1000));
  }
  return jittered;
}

StatusOr<net::ClientResponse> Caller::Call(const std::string& what, const std::function<StatusOr<Request>()>& make,
                                           CredentialHolder* credentials, net::BodySink* sink, const std::function<int64_t()>& progress) {
  bool renewed = false;
  int64_t reached = progress ? progress() : 0;
  int attempt = 0;
  for (int all = 1;; ++all) {
    ++attempt;
    VIGIL_ASSIGN_OR_RETURN(const Request request, make());
    bool certificate_refused = false;
    StatusOr<net::ClientResponse> response = Attempt(request, sink, &certificate_refused);
    if (response.ok()) {
      const bool refused = response->status == 401 || response->status == 403 || (response->status >= 400 && IsExpired(*response));
      if (refused && !renewed && credentials != nullptr && credentials->Forget()) {
        renewed = true;
        continue;
      }
      if (!MayPass(response->status)) return response;
    } else if (certificate_refused || (!absl::IsUnavailable(response.status()) && !absl::IsDeadlineExceeded(response.status()))) {
      return Status(response.status().code(), absl::StrCat(what, ": ", std::string(response.status().message())));
    }
    if (const int64_t now = progress ? progress() : 0; now > reached) {
      reached = now;
      attempt = 1;
    }
    if (attempt >= attempts_max_ || all >= kAttemptsInAllMax) {
      if (response.ok()) return Refusal(what, *response, credentials);
      return Status(response.status().code(), absl::StrCat(what, ": ", std::string(response.status().message()), " (", attempt,
                                                           attempt == 1 ? " attempt)" : " attempts)"));
    }
    if (!context_.pause.Wait(PauseMs(attempt, response.ok() ? &*response : nullptr))) {
      return absl::CancelledError(absl::StrCat(what, ": given up, the server ends"));
    }
  }
}

std::string Words(std::string_view text) {
  std::string out(absl::StripAsciiWhitespace(absl::string_view(text.data(), std::min(text.size(), kMessageBytesMax))));
  std::replace_if(
      out.begin(), out.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; }, ' ');
  return out;
}

std::string ErrorCode(const net::ClientResponse& response, std::string* message) {
  const std::string body(absl::StripLeadingAsciiWhitespace(response.body));
  std::string code(response.header("x-ms-error-code"));
  std::string words;
  if (body.starts_with('<')) {
    const Status read = ReadXml(body, "error", [&](const XmlElement& element) {
      const std::string_view path = element.path;
      if (path.ends_with("Error/Code")) code = element.text;
      if (path.ends_with("Error/Message")) words = element.text;
      return absl::OkStatus();
    });
    if (!read.ok() && code.empty()) words.clear();  // a page for people
  } else if (body.starts_with('{')) {
    const StatusOr<Json> json = ParseJson(body, "error");
    if (json.ok()) {
      // Google: {"error": {"message": ..., "status": ...}}; OAuth: {"error": "invalid_grant", "error_description": ...}; container:
      // {"code": ...}
      if (json->contains("error") && json->at("error").is_object()) {
        words = TextOf(json->at("error"), "message");
        if (code.empty()) code = TextOf(json->at("error"), "status");
      } else {
        words = TextOf(*json, json->contains("error_description") ? "error_description" : "message");
        if (code.empty()) code = TextOf(*json, json->contains("error") ? "error" : "code");
      }
    }
  } else {
    words = response.body;
  }
  *message = Words(words);
  return Words(code);
}

Status Refusal(const std::string& what, const net::ClientResponse& response, const CredentialHolder* credentials) {
  std::string message;
  const std::string code = ErrorCode(response, &message);
  std::string text = absl::StrCat(what, ": HTTP ", response.status, code.empty() ? "" : " ", code, message.empty() ? "" : ": ", message);
  if (response.status / 100 == 3) absl::StrAppend(&text, "; redirects are followed for https:// addresses alone, and to https:// alone");
  if (credentials != nullptr) absl::StrAppend(&text, " (credentials: ", credentials->Source(), ")");
  if (IsExpired(response) || response.status == 401) return absl::UnauthenticatedError(text);
  switch (response.status) {
    case 403: return absl::PermissionDeniedError(text);
    case 404:
    case 410: return absl::NotFoundError(text);
    case 412: return absl::AbortedError(text);
    default: return MayPass(response.status) ? absl::UnavailableError(text) : absl::InvalidArgumentError(text);
  }
}

}  // namespace vigil::blobs
