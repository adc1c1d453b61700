#include "runtime/batching.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>
#include <utility>

#include "runtime/cat.h"

namespace vigil {
namespace {

size_t ElementBytes(DType dtype) { return dtype == DType::kString ? sizeof(std::string_view) : DTypeBytes(dtype); }

// Several calls' tensors, one after the other, in memory of its own that is kept from batch to batch.
class MergedBatch {
 public:
  const Batch& Merge(const std::vector<WaitingCall>& calls) {
    size_t rows = 0;
    for (const WaitingCall& call : calls) rows += call.batch->rows();
    batch_ = Batch(rows);
    const auto& tensors = calls[0].batch->tensors();
    memory_.resize(std::max(memory_.size(), tensors.size()));
    for (size_t t = 0; t < tensors.size(); ++t) {
      TensorView merged = tensors[t];
      merged.shape[0] = static_cast<int64_t>(rows);
      // std::string_view is plain data of alignment 8, as new's memory is.
      std::vector<std::byte>& memory = memory_[t];
      memory.resize(static_cast<size_t>(merged.elements()) * ElementBytes(merged.dtype));
      size_t at = 0;
      for (const WaitingCall& call : calls) {
        const TensorView& part = call.batch->tensors()[t];
        const size_t bytes = static_cast<size_t>(part.elements()) * ElementBytes(part.dtype);
        if (bytes > 0) std::memcpy(memory.data() + at, part.data, bytes);
        at += bytes;
      }
      merged.data = memory.data();
      batch_.Add(std::move(merged));
    }
    return batch_;
  }

 private:
  Batch batch_;
  std::vector<std::vector<std::byte>> memory_;
};

// Rows [first, first + rows) of every output. FAILED_PRECONDITION for an output that has not a row a row.
Status Split(const Outputs& merged, size_t all, size_t first, size_t rows, Outputs* to) {
  to->tensors.resize(merged.tensors.size());
  for (size_t o = 0; o < merged.tensors.size(); ++o) {
    const OwnedTensor& from = merged.tensors[o];
    OwnedTensor& part = to->tensors[o];
    if (from.shape.empty() || from.shape[0] != static_cast<int64_t>(all)) {
      return absl::FailedPreconditionError(
          Cat("output '", from.name, "' has not a row for each of the batch: this model cannot be batched"));
    }
    part.name = from.name;
    part.dtype = from.dtype;
    part.shape = from.shape;
    part.shape[0] = static_cast<int64_t>(rows);
    const auto slice = [&](const auto& source, auto* target) {
      const size_t width = all == 0 ? 0 : source.size() / all;
      target->assign(source.begin() + static_cast<int64_t>(first * width), source.begin() + static_cast<int64_t>((first + rows) * width));
    };
    slice(from.floats, &part.floats);
    slice(from.bytes, &part.bytes);
    slice(from.strings, &part.strings);
  }
  return absl::OkStatus();
}

void Answer(WaitingCall call, Status status) {
  // `post` may destroy what holds it: it is called from a copy that this frame owns.
  const auto post = std::move(call.call.post);
  post([done = std::move(call.call.done), status = std::move(status)] { done(status); });
}

// What scorers and threads share.
struct Shared {
  Shared(std::unique_ptr<LoadedModel> model, const BatchingOptions& batching, const Clock& time)
      : inner(std::move(model)), clock(time), queue(batching) {}
  const std::unique_ptr<LoadedModel> inner;
  const Clock& clock;
  std::mutex mutex;
  std::condition_variable wake;
  BatchQueue queue;       // guarded by mutex
  bool stopping = false;  // guarded by mutex
};

// Scores calls together, or each alone where together did not do.
class BatchRunner {
 public:
  explicit BatchRunner(const LoadedModel& model) : scorer_(model.NewScorer()) {}

  void Run(std::vector<WaitingCall> calls) {
    if (calls.size() > 1 && RunTogether(&calls)) return;
    for (WaitingCall& call : calls) {
      ScoreCall asked = Asked(call);
      Status status = Score(*call.batch, asked, call.outputs);
      Answer(std::move(call), std::move(status));
    }
  }

 private:
  static ScoreCall Asked(const WaitingCall& call) {
    ScoreCall asked;
    asked.margin = call.call.margin;
    asked.contributions = call.call.contributions;
    asked.leaves = call.call.leaves;
    asked.doubles = call.call.doubles;
    asked.tree_limit = call.call.tree_limit;
    return asked;
  }

  Status Score(const Batch& batch, ScoreCall& call, Outputs* outputs) {
    const StatusOr<ScoreState> state = scorer_->Score(batch, call, outputs);
    VIGIL_RETURN_IF_ERROR(state.status());
    if (*state == ScoreState::kDone) return absl::OkStatus();
    return absl::InternalError("the model inside answers later: it cannot be batched");
  }

  bool RunTogether(std::vector<WaitingCall>* calls) {
    const Batch& batch = merged_.Merge(*calls);
    ScoreCall asked = Asked((*calls)[0]);
    if (!Score(batch, asked, &outputs_).ok()) return false;
    size_t first = 0;
    for (WaitingCall& call : *calls) {
      const size_t rows = call.batch->rows();
      if (!Split(outputs_, batch.rows(), first, rows, call.outputs).ok()) return false;
      first += rows;
    }
    for (WaitingCall& call : *calls) Answer(std::move(call), absl::OkStatus());
    return true;
  }

  const std::unique_ptr<Scorer> scorer_;
  MergedBatch merged_;
  Outputs outputs_;
};

void Work(Shared& shared) {
  BatchRunner runner(*shared.inner);
  std::unique_lock lock(shared.mutex);
  while (!shared.stopping) {
    const int64_t now = shared.clock.MonotonicNs();
    std::vector<WaitingCall> expired = shared.queue.TakeExpired(now);
    if (!expired.empty()) {
      lock.unlock();
      for (WaitingCall& call : expired)
        Answer(std::move(call), absl::DeadlineExceededError("the deadline passed before the model was asked"));
      lock.lock();
      continue;
    }
    const int64_t due = shared.queue.DueNs();
    if (due > now) {
      if (due == INT64_MAX) {
        shared.wake.wait(lock);
      } else {
        shared.wake.wait_for(lock, std::chrono::nanoseconds(due - now));
      }
      continue;
    }
    std::vector<WaitingCall> batch = shared.queue.TakeBatch();
    if (!shared.queue.empty()) shared.wake.notify_one();
    lock.unlock();
    runner.Run(std::move(batch));
    lock.lock();
    shared.queue.Served(shared.clock.MonotonicNs() - now);
  }
}

class BatchingScorer final : public Scorer {
 public:
  explicit BatchingScorer(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

  StatusOr<ScoreState> Score(const Batch& batch, ScoreCall& call, Outputs* outputs) override {
    if (call.post == nullptr || call.done == nullptr) {
      if (alone_ == nullptr) alone_ = shared_->inner->NewScorer();
      return alone_->Score(batch, call, outputs);
    }
    const int64_t now = shared_->clock.MonotonicNs();
    if (call.deadline_ns <= now) return absl::DeadlineExceededError("the deadline passed before the model was asked");
    const std::lock_guard lock(shared_->mutex);
    if (shared_->stopping) return absl::UnavailableError("the model is being unloaded");
    if (!shared_->queue.HasRoom(static_cast<int64_t>(batch.rows()))) {
      return absl::ResourceExhaustedError(Cat(shared_->queue.rows(), " rows wait for this model already"));
    }
    WaitingCall waiting;
    waiting.batch = &batch;
    waiting.outputs = outputs;
    waiting.call = std::move(call);
    waiting.arrived_ns = now;
    shared_->queue.Add(std::move(waiting));
    shared_->wake.notify_one();
    return ScoreState::kLater;
  }

 private:
  const std::shared_ptr<Shared> shared_;
  std::unique_ptr<Scorer> alone_;  // for callers that cannot wait
};

class BatchingModel final : public LoadedModel {
 public:
  BatchingModel(std::unique_ptr<LoadedModel> inner, const BatchingOptions& options, const Clock& clock)
      : shared_(std::make_shared<Shared>(std::move(inner), options, clock)), info_(shared_->inner->info()) {
    info_.facts.emplace_back("batching",
                             Cat("up to ", options.rows_max, " rows, ", options.delay_us_max, " us, ", options.threads, " threads"));
    for (int i = 0; i < std::max(1, options.threads); ++i) threads_.emplace_back([shared = shared_] { Work(*shared); });
  }

  ~BatchingModel() override {
    std::vector<WaitingCall> left;
    {
      const std::lock_guard lock(shared_->mutex);
      shared_->stopping = true;
      while (!shared_->queue.empty()) {
        for (WaitingCall& call : shared_->queue.TakeBatch()) left.push_back(std::move(call));
      }
    }
    shared_->wake.notify_all();
    for (std::thread& thread : threads_) thread.join();
    for (WaitingCall& call : left) Answer(std::move(call), absl::UnavailableError("the model is being unloaded"));
  }

  const Signature& signature() const override { return shared_->inner->signature(); }
  const ModelInfo& info() const override { return info_; }
  std::unique_ptr<Scorer> NewScorer() const override { return std::make_unique<BatchingScorer>(shared_); }

 private:
  const std::shared_ptr<Shared> shared_;
  ModelInfo info_;
  std::vector<std::thread> threads_;
};

}  // namespace

std::unique_ptr<LoadedModel> MakeBatchingModel(std::unique_ptr<LoadedModel> inner, const BatchingOptions& options, const Clock& clock) {
  return std::make_unique<BatchingModel>(std::move(inner), options, clock);
}

}  // namespace vigil
