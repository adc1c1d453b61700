// The thread behind a Worker: one poll loop over the socket, the calls' deadlines and the next start.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "runtime/tensorflow/worker.h"
#include "runtime/tensorflow/worker_process.h"

namespace vigil::tensorflow {

class Worker::Loop {
 public:
  Loop(Worker& owner, WorkerPlace place, const WorkerLimits& limits);
  ~Loop();
  // Waits for the first load.
  StatusOr<std::string> WaitLoaded();
  Status Submit(std::string frame, int64_t deadline_ns, Answer answer);

 private:
  enum class State : uint8_t { kDown, kLoading, kServing };
  struct Call {
    int64_t deadline_ns = INT64_MAX;
    Answer answer;  // empty once given up
  };
  struct Arrived {
    uint64_t id = 0;
    std::string frame;
    Call call;
  };
  using Answers = std::vector<std::pair<Answer, StatusOr<std::string>>>;

  void Run();
  void StartProcess();
  void Poll();
  void TakeArrived();
  bool Send();     // false: the worker is gone
  bool Receive();  // false: the worker is gone, or speaks nonsense
  bool OnFrame();
  void OnLoaded(StatusOr<std::string> version);
  void ExpireCalls();
  void OnDeath(const std::string& why);
  void FailAll(const Status& why);
  void SetState(State state);
  int64_t NextWakeNs() const;
  void Wake();

  Worker& owner_;
  const WorkerPlace place_;
  const WorkerLimits limits_;
  int wake_ = -1;

  // The loop's thread alone.
  WorkerProcess process_;
  std::map<uint64_t, Call> calls_;  // given to the worker, or about to be
  std::deque<std::string> unsent_;  // frames, the first partly sent
  size_t sent_ = 0;                 // bytes of the first
  std::string head_, body_;         // of the frame that is arriving
  std::optional<FrameHead> frame_;
  int64_t started_ns_ = 0, next_start_ns_ = 0, load_deadline_ns_ = INT64_MAX;
  int failures_ = 0;
  bool ever_loaded_ = false;
  std::string load_error_;  // why this process could not load the model

  std::mutex mutex_;  // below
  std::condition_variable loaded_;
  State state_ = State::kDown;
  std::optional<StatusOr<std::string>> first_load_;
  Status down_reason_;  // while a start waits
  std::deque<Arrived> arrived_;
  uint64_t calls_count_ = 0, unsent_bytes_ = 0, last_id_ = 0;
  bool stopping_ = false;

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace vigil::tensorflow
