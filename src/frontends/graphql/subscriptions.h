// The subscriptions of one loop: streams of server-sent events, fed by looks that a worker makes.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "frontends/graphql/api.h"
#include "frontends/graphql/feeds.h"
#include "frontends/graphql/language/execute.h"
#include "frontends/rest/offload.h"
#include "net/http.h"
#include "net/server.h"

namespace vigil::graphql {

// What all loops share of the graph.
struct Shared {
  Shared();

  std::unique_ptr<const Api> api;
  // Its own, so that a graph that asks for much, or waits for a prediction, holds up no other control request.
  OffloadPool pool{OffloadOptions{}};
  std::atomic<size_t> listeners{0};  // subscriptions open
};

inline constexpr size_t kListenersMax = 256;  // a process

// A place among kListenersMax; given back when this is destroyed.
class ListenerPlace {
 public:
  // Null when all are taken.
  static std::unique_ptr<ListenerPlace> Take(std::atomic<size_t>& taken);
  ~ListenerPlace() { taken_.fetch_sub(1, std::memory_order_relaxed); }
  ListenerPlace(const ListenerPlace&) = delete;
  ListenerPlace& operator=(const ListenerPlace&) = delete;

 private:
  explicit ListenerPlace(std::atomic<size_t>& taken) : taken_(taken) {}
  std::atomic<size_t>& taken_;
};

// One open subscription.
struct Listener {
  std::unique_ptr<ListenerPlace> place;
  int64_t deadline_ns = INT64_MAX;
  // Worker's, one at a time.
  Subscription subscription;
  std::unique_ptr<Feed> feed;
  Context context;
  // Loop's.
  std::shared_ptr<net::Deferred> stream = nullptr;
  int64_t written_ns = 0;
};

// Only on the loop's thread.
class Subscriptions {
 public:
  static constexpr int64_t kLookMs = 500;             // between looks
  static constexpr int64_t kHeartbeatMs = 15'000;     // of silence, before a comment is sent
  static constexpr size_t kUnsentBytesMax = 1 << 20;  // beyond it the reader is too slow and is cut

  // All outlive it; `alive` is false once it is destroyed.
  Subscriptions(Shared& shared, Operations& operations, const InferStatistics& statistics, const Clock& clock, net::EventLoop& loop,
                std::weak_ptr<bool> alive);

  // Begins the stream.
  void Add(std::shared_ptr<Listener> listener, std::shared_ptr<net::Deferred> stream, std::string_view request_id);
  // Completes all, and from now on each new one at once.
  void Stop();
  size_t size() const { return listeners_.size(); }

 private:
  struct Written {
    std::shared_ptr<Listener> listener;
    std::string events;
    bool over = false;
  };
  void LookLater();
  void Turn();
  void DropGone(int64_t now_ns);
  void AskWorker();
  void Write(const std::vector<Written>& all);
  static Written EventsFor(const std::shared_ptr<Listener>& listener, Look& look);
  static void Complete(Listener& listener);

  Shared& shared_;
  Operations& operations_;
  const InferStatistics& statistics_;
  const Clock& clock_;
  net::EventLoop& loop_;
  const std::weak_ptr<bool> alive_;
  std::vector<std::shared_ptr<Listener>> listeners_;
  bool turn_is_due_ = false;
  bool looking_ = false;  // a worker makes a look
  bool stopped_ = false;
};

}  // namespace vigil::graphql
