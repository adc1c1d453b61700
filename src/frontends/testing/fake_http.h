// An exchange and a loop without sockets: what a handler answers, and when.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/bounded_queue.h"
#include "net/http.h"
#include "net/server.h"

namespace vigil::testing {

struct FakeAnswer {
  int count = 0;  // answers given: must end as 1
  int status = 0;
  std::string content_type;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  bool ended = false;  // of a streamed answer, whose frames are in `body`
  bool client_gone = false;
  size_t unsent_bytes = 0;

  std::string header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
      if (key == name) return value;
    }
    return "";
  }
};

class FakeDeferred final : public net::Deferred {
 public:
  explicit FakeDeferred(FakeAnswer* answer) : answer_(answer) {}
  void Send(int status, std::string_view type, std::string_view body, std::initializer_list<net::ReplyHeader> headers) override {
    ++answer_->count;
    answer_->status = status;
    answer_->content_type.assign(type);
    answer_->body.assign(body);
    for (const net::ReplyHeader& header : headers) answer_->headers.emplace_back(header.name, header.value);
  }
  void Start(int status, std::string_view type, std::initializer_list<net::ReplyHeader> headers) override {
    Send(status, type, "", headers);
  }
  void Frame(std::string_view bytes) override { answer_->body.append(bytes); }
  void End() override { answer_->ended = true; }
  bool client_gone() const override { return answer_->client_gone; }
  size_t unsent_bytes() const override { return answer_->unsent_bytes; }

 private:
  FakeAnswer* answer_;
};

class FakeExchange final : public net::Exchange {
 public:
  explicit FakeExchange(FakeAnswer* answer) : answer_(answer) {}
  void Send(int status, std::string_view type, std::string_view body, std::initializer_list<net::ReplyHeader> headers) override {
    FakeDeferred(answer_).Send(status, type, body, headers);
  }
  std::shared_ptr<net::Deferred> Defer() override { return std::make_shared<FakeDeferred>(answer_); }

 private:
  FakeAnswer* answer_;
};

// Counts what is sent and allocates nothing: for tests that count allocations.
class SilentExchange final : public net::Exchange {
 public:
  void Send(int status, std::string_view, std::string_view body, std::initializer_list<net::ReplyHeader>) override {
    last_status = status;
    bytes += body.size();
  }
  std::shared_ptr<net::Deferred> Defer() override { return nullptr; }
  int last_status = 0;
  size_t bytes = 0;
};

// Tasks run when the test's thread says so.
class FakeLoop final : public net::EventLoop {
 public:
  explicit FakeLoop(uint32_t index = 0) : index_(index) {}
  uint32_t index() const override { return index_; }
  void Post(std::function<void()> task) override { tasks_.TryPush(std::move(task)); }
  uint64_t RunAfter(int64_t, std::function<void()> task) override {
    timers_.push_back(std::move(task));
    return 0;
  }
  void Cancel(uint64_t) override {}
  void AddTurnHook(std::function<void()> hook) override { hooks_.push_back(std::move(hook)); }

  // Waits for one task and runs it; false when none came in ten seconds.
  bool RunOne() {
    auto task = tasks_.Pop(std::chrono::milliseconds(10'000));
    if (!task) return false;
    (*task)();
    return true;
  }
  // All timers are due, but for those that these set.
  void RunTimers() {
    for (const auto& timer : std::exchange(timers_, {})) timer();
  }
  void EndTurn() {
    for (const auto& hook : hooks_) hook();
  }

 private:
  const uint32_t index_;
  BoundedQueue<std::function<void()>> tasks_{1000};
  std::vector<std::function<void()>> hooks_, timers_;
};

}  // namespace vigil::testing
