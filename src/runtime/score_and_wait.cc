#include "runtime/score_and_wait.h"

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>

namespace vigil {
namespace {

// This thread's loop for the length of one call. Shared: a runtime may post once more after it has answered.
struct Loop {
  std::mutex mutex;
  std::condition_variable posted;
  std::deque<std::function<void()>> tasks;
};

}  // namespace

Status ScoreAndWait(Scorer& scorer, const Batch& batch, ScoreCall& call, Outputs* outputs) {
  const auto loop = std::make_shared<Loop>();
  std::optional<Status> answered;
  call.post = [loop](std::function<void()> task) {
    std::lock_guard lock(loop->mutex);
    loop->tasks.push_back(std::move(task));
    loop->posted.notify_one();
  };
  call.done = [&answered](Status status) { answered = std::move(status); };
  VIGIL_ASSIGN_OR_RETURN(const ScoreState state, scorer.Score(batch, call, outputs));
  if (state == ScoreState::kDone) return absl::OkStatus();
  while (!answered) {
    std::unique_lock lock(loop->mutex);
    loop->posted.wait(lock, [&] { return !loop->tasks.empty(); });
    const std::function<void()> task = std::move(loop->tasks.front());
    loop->tasks.pop_front();
    lock.unlock();
    task();
  }
  return *answered;
}

}  // namespace vigil
