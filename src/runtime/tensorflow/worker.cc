#include "runtime/tensorflow/worker.h"

#include <chrono>

#include "runtime/tensorflow/worker_loop.h"

namespace vigil::tensorflow {

int64_t Worker::NowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

StatusOr<std::unique_ptr<Worker>> Worker::Start(WorkerPlace place, const WorkerLimits& limits) {
  std::unique_ptr<Worker> worker(new Worker);
  worker->loop_ = std::make_unique<Loop>(*worker, std::move(place), limits);
  VIGIL_ASSIGN_OR_RETURN(worker->version_, worker->loop_->WaitLoaded());
  return worker;
}

Worker::~Worker() = default;

Status Worker::Submit(std::string frame, int64_t deadline_ns, Answer answer) {
  return loop_->Submit(std::move(frame), deadline_ns, std::move(answer));
}

}  // namespace vigil::tensorflow
