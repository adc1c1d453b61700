#include "frontends/graphql/subscriptions.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "frontends/graphql/http.h"
#include "frontends/graphql/problems.h"
#include "frontends/words.h"

namespace vigil::graphql {
namespace {

constexpr std::string_view kHeartbeat = ":\n\n";

std::unique_ptr<const Api> MadeApi() {
  StatusOr<std::unique_ptr<const Api>> api = Api::Make();
  if (api.ok()) return *std::move(api);
  // Its text and its resolvers are constants of this program; api_test.cc makes it.
  std::fprintf(stderr, "%s\n", std::string(api.status().message()).c_str());
  std::abort();
}

}  // namespace

Shared::Shared() : api(MadeApi()) {}

std::unique_ptr<ListenerPlace> ListenerPlace::Take(std::atomic<size_t>& taken) {
  if (taken.fetch_add(1, std::memory_order_relaxed) < kListenersMax) return std::unique_ptr<ListenerPlace>(new ListenerPlace(taken));
  taken.fetch_sub(1, std::memory_order_relaxed);
  return nullptr;
}

Subscriptions::Subscriptions(Shared& shared, Operations& operations, const InferStatistics& statistics, const Clock& clock,
                             net::EventLoop& loop, std::weak_ptr<bool> alive)
    : shared_(shared), operations_(operations), statistics_(statistics), clock_(clock), loop_(loop), alive_(std::move(alive)) {}

void Subscriptions::Add(std::shared_ptr<Listener> listener, std::shared_ptr<net::Deferred> stream, std::string_view request_id) {
  listener->stream = std::move(stream);
  listener->written_ns = clock_.MonotonicNs();
  // Proxies must neither keep nor hold back what streams.
  listener->stream->Start(200, ContentTypeOf(Form::kEvents),
                          {{"X-Request-Id", request_id}, {"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}});
  if (stopped_) return Complete(*listener);
  listener->stream->Frame(kHeartbeat);  // the client learns that it listens
  listeners_.push_back(std::move(listener));
  LookLater();
}

void Subscriptions::Complete(Listener& listener) {
  std::string events;
  AppendComplete(&events);
  listener.stream->Frame(events);
  listener.stream->End();
  listener.stream.reset();
}

void Subscriptions::Stop() {
  stopped_ = true;
  for (const auto& listener : std::exchange(listeners_, {})) Complete(*listener);
}

void Subscriptions::LookLater() {
  if (turn_is_due_ || listeners_.empty()) return;
  turn_is_due_ = true;
  loop_.RunAfter(kLookMs, [this, alive = alive_] {
    const std::shared_ptr<bool> flag = alive.lock();
    if (flag == nullptr || !*flag) return;
    turn_is_due_ = false;
    Turn();
  });
}

void Subscriptions::Turn() {
  const int64_t now_ns = clock_.MonotonicNs();
  DropGone(now_ns);
  for (const auto& listener : listeners_) {
    if (now_ns - listener->written_ns < kHeartbeatMs * 1'000'000) continue;
    listener->written_ns = now_ns;
    listener->stream->Frame(kHeartbeat);
  }
  if (!looking_ && !listeners_.empty()) AskWorker();
  LookLater();
}

void Subscriptions::DropGone(int64_t now_ns) {
  // A stream that is dropped unended is cut, so that it cannot look whole.
  std::erase_if(listeners_, [&](const std::shared_ptr<Listener>& listener) {
    const bool late = now_ns >= listener->deadline_ns;
    const bool gone = listener->stream->client_gone() || listener->stream->unsent_bytes() > kUnsentBytesMax;
    if (gone) listener->stream.reset();
    if (!gone && late) Complete(*listener);
    return gone || late;
  });
}

void Subscriptions::AskWorker() {
  looking_ = shared_.pool.TrySubmit(
      [this, listeners = listeners_, alive = alive_, loop = &loop_, operations = &operations_, statistics = &statistics_, clock = &clock_] {
        Look look(*operations, *statistics, *clock);
        auto all = std::make_shared<std::vector<Written>>();
        for (const auto& listener : listeners) {
          Written written = EventsFor(listener, look);
          if (!written.events.empty()) all->push_back(std::move(written));
        }
        loop->Post([this, all, alive] {
          const std::shared_ptr<bool> flag = alive.lock();
          if (flag != nullptr && *flag) Write(*all);
        });
      });
}

Subscriptions::Written Subscriptions::EventsFor(const std::shared_ptr<Listener>& listener, Look& look) {
  Written written{listener, {}, false};
  const StatusOr<std::vector<Json>> events = listener->feed->Next(look);
  if (!events.ok()) {
    AppendNext(FailureText(events.status()), &written.events);
    written.over = true;
    return written;
  }
  ExecuteOptions options;
  options.context = &listener->context;
  options.extensions = ProblemExtensions;
  for (const Json& event : *events) {
    const Json root{{std::string(listener->subscription.field()), event}};
    AppendNext(listener->subscription.Next(Value::Borrowed(&root), options).Text(), &written.events);
  }
  return written;
}

void Subscriptions::Write(const std::vector<Written>& all) {
  looking_ = false;
  const int64_t now_ns = clock_.MonotonicNs();
  for (const Written& written : all) {
    const auto found = std::find(listeners_.begin(), listeners_.end(), written.listener);
    if (found == listeners_.end()) continue;  // it left meanwhile
    written.listener->written_ns = now_ns;
    written.listener->stream->Frame(written.events);
    if (!written.over) continue;
    Complete(*written.listener);
    listeners_.erase(found);
  }
}

}  // namespace vigil::graphql
