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

bool MayPass(int status) { return status >= 500 || status == 429 || status == 408; }

bool IsExpired(const net::ClientResponse& response) {
  std::string message;
  const std::string code = ErrorCode(response, &message);
  return code == "ExpiredToken" || code == "ExpiredTokenException" || code == "TokenRefreshRequired" || code == "RequestExpired";
}

std::string Clean(std::string_view text) {
  std::string out(absl::StripAsciiWhitespace(absl::string_view(text.data(), std::min(text.size(), kMessageBytesMax))));
  std::replace_if(
      out.begin(), out.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; }, ' ');
  return out;
}

std::string TextOf(const Json& json, const char* key) {
  return json.is_object() && json.contains(key) && json.at(key).is_string() ? json.at(key).get<std::string>() : std::string();
}

}  // namespace

std::string Variable(const Environment& environment, const std::string& name, const std::string& otherwise) {
  const auto found = environment.find(name);
  return found == environment.end() || found->second.empty() ? otherwise : found->second;
}

Caller::Caller(const Context& context, int redirects_max)
    : context_(context),
      redirects_max_(redirects_max),
      attempts_max_(context.options.attempts_max),
      random_(static_cast<uint64_t>(context.clock.MonotonicNs())) {}

net::HttpClient& Caller::ClientOf(const std::string& base_url, bool proxies) {
  std::unique_ptr<net::HttpClient>& client = clients_[absl::StrCat(proxies ? "" : "direct ", base_url)];
  if (client == nullptr) {
    net::ClientOptions options;
    options.connect_timeout_ms = context_.options.connect_timeout_ms;
    options.timeout_ms = context_.options.request_timeout_ms;
    options.response_bytes_max = proxies ? context_.options.listing_bytes_max : kTokenBytesMax;
    options.stall_timeout_ms = context_.options.stall_timeout_ms;
    options.redirects_max = proxies ? redirects_max_ : 0;
    options.proxies = proxies;
    options.ca_file = context_.options.ca_file;
    options.cancelled = [pause = &context_.pause] { return pause->stopped(); };
    client = net::HttpClient::Create(base_url, options);
  }
  return *client;
}

StatusOr<net::ClientResponse> Caller::Once(const Request& request, int64_t connect_timeout_ms) {
  const bool is_link_local = HostOf(request.base_url).starts_with("169.254.");
  net::HttpClient& client = ClientOf(request.base_url, !is_link_local);
  client.SetTimeouts(connect_timeout_ms, context_.options.request_timeout_ms);
  return client.Send(request.method, request.target, request.content_type, request.body, request.headers);
}

StatusOr<net::ClientResponse> Caller::Attempt(const Request& request, net::BodySink* sink) {
  if (clients_.size() > kClientsMax) clients_.clear();
  net::HttpClient& client = ClientOf(request.base_url, true);
  // A transfer may take as long as it moves.
  client.SetTimeouts(context_.options.connect_timeout_ms, sink != nullptr ? 0 : context_.options.request_timeout_ms);
  if (sink != nullptr) return client.Receive(request.method, request.target, request.headers, *sink);
  return client.Send(request.method, request.target, request.content_type, request.body, request.headers);
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
    StatusOr<net::ClientResponse> response = Attempt(request, sink);
    if (response.ok()) {
      const bool refused = response->status == 401 || response->status == 403 || (response->status >= 400 && IsExpired(*response));
      if (refused && !renewed && credentials != nullptr && credentials->Forget()) {
        renewed = true;
        continue;
      }
      if (!MayPass(response->status)) return response;
    } else if (!absl::IsUnavailable(response.status()) && !absl::IsDeadlineExceeded(response.status())) {
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
  *message = Clean(words);
  return Clean(code);
}

Status Refusal(const std::string& what, const net::ClientResponse& response, const CredentialHolder* credentials) {
  std::string message;
  const std::string code = ErrorCode(response, &message);
  std::string text = absl::StrCat(what, ": HTTP ", response.status, code.empty() ? "" : " ", code, message.empty() ? "" : ": ", message);
  if (response.status / 100 == 3) absl::StrAppend(&text, "; redirects are followed from https:// to https:// only");
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
