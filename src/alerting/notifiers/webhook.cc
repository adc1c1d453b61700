#include "alerting/notifiers/webhook.h"

#include <algorithm>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/hash.h"

namespace vigil {
namespace {

bool WorthRetrying(int status) { return status >= 500 || status == 408 || status == 425 || status == 429; }

}  // namespace

WebhookNotifier::WebhookNotifier(WebhookOptions options, std::unique_ptr<net::HttpClient> client)
    : options_(std::move(options)), client_(std::move(client)), queue_(options_.queue_max), thread_([this] { Run(); }) {}

WebhookNotifier::~WebhookNotifier() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  queue_.Close();
  thread_.join();
}

Status WebhookNotifier::Notify(const std::vector<Alert>& group, bool resolved) {
  Message message;
  message.body = DumpJson(AlertmanagerPayload(group, options_.receiver, options_.external_url, resolved));
  // The same news has the same key even if the control loop tells it twice.
  message.idempotency_key = absl::StrFormat("%016x", StableHash(message.body));
  {
    std::lock_guard lock(mutex_);
    ++pending_;
  }
  if (queue_.TryPush(message)) return absl::OkStatus();
  {
    std::lock_guard lock(mutex_);
    --pending_;
  }
  ++refused_;
  return absl::ResourceExhaustedError(
      absl::StrCat("webhook ", options_.receiver, ": ", options_.queue_max, " notifications wait already; this one is dropped"));
}

WebhookCounters WebhookNotifier::counters() const { return {sent_, retried_, failed_, refused_}; }

bool WebhookNotifier::WaitIdle(int64_t timeout_ms) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::milliseconds(timeout_ms), [this] { return pending_ == 0; });
}

void WebhookNotifier::Run() {
  while (true) {
    std::optional<Message> message = queue_.Pop(std::chrono::milliseconds(1000));
    if (!message.has_value()) {
      if (queue_.closed()) return;
      continue;
    }
    Deliver(*message);
    {
      std::lock_guard lock(mutex_);
      --pending_;
    }
    changed_.notify_all();
  }
}

void WebhookNotifier::Deliver(const Message& message) {
  std::vector<std::string> headers = options_.headers;
  headers.push_back("Idempotency-Key: " + message.idempotency_key);
  int64_t wait_ms = options_.backoff_ms;
  for (int attempt = 1;; ++attempt) {
    {
      std::lock_guard lock(mutex_);
      if (stopping_) break;
    }
    const auto response = client_->Send("POST", options_.target, "application/json", message.body, headers);
    if (response.ok() && response->status >= 200 && response->status < 300) {
      ++sent_;
      return;
    }
    if ((response.ok() && !WorthRetrying(response->status)) || attempt >= options_.attempts_max) break;
    ++retried_;
    if (!Sleep(wait_ms)) break;
    wait_ms = std::min(2 * wait_ms, options_.backoff_max_ms);
  }
  ++failed_;
}

bool WebhookNotifier::Sleep(int64_t ms) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, std::chrono::milliseconds(ms), [this] { return stopping_; });
}

}  // namespace vigil
