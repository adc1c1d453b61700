// Alerts to an HTTP endpoint in Alertmanager's format.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "alerting/alerting.h"
#include "base/bounded_queue.h"
#include "net/client.h"

namespace vigil {

struct WebhookOptions {
  std::string receiver = "webhook";  // name in the payload
  std::string target = "/";          // path and query of the endpoint
  std::string external_url;          // where people find this server
  std::vector<std::string> headers;  // "Authorization: Bearer ..."
  size_t queue_max = 256;            // notifications waiting; beyond it they are refused and counted
  int attempts_max = 6;
  int64_t backoff_ms = 500;         // doubles after each attempt ...
  int64_t backoff_max_ms = 30'000;  // ... up to this
};

struct WebhookCounters {
  int64_t sent = 0;
  int64_t retried = 0;
  int64_t failed = 0;   // given up: refused by the receiver (4xx), attempts used up, or stopped
  int64_t refused = 0;  // the queue was full
};

// Notify only enqueues; one thread of its own sends, in order. Server errors, 408, 425, 429 and transport errors are tried again with
// the same body and the same `Idempotency-Key`, so that a receiver that saw the first try can drop the second. Destruction abandons what
// waits.
class WebhookNotifier final : public Notifier {
 public:
  WebhookNotifier(WebhookOptions options, std::unique_ptr<net::HttpClient> client);
  ~WebhookNotifier() override;
  std::string_view name() const override { return options_.receiver; }
  // RESOURCE_EXHAUSTED when the queue is full.
  Status Notify(const std::vector<Alert>& group, bool resolved) override;
  WebhookCounters counters() const;
  // Blocks until everything accepted so far was sent or given up, or the time is over (false). For tests and a drained shutdown.
  bool WaitIdle(int64_t timeout_ms);

 private:
  struct Message {
    std::string body;
    std::string idempotency_key;
  };
  void Run();
  void Deliver(const Message& message);
  bool Sleep(int64_t ms);  // false: stopping

  const WebhookOptions options_;
  const std::unique_ptr<net::HttpClient> client_;  // used by thread_ only
  BoundedQueue<Message> queue_;
  std::atomic<int64_t> sent_{0}, retried_{0}, failed_{0}, refused_{0};

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;  // guarded by mutex_
  int64_t pending_ = 0;    // guarded by mutex_
  std::thread thread_;
};

}  // namespace vigil
