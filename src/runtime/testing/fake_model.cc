#include "runtime/testing/fake_model.h"

#include <cmath>
#include <mutex>
#include <utility>

#include "base/hash.h"
#include "base/text.h"
#include "runtime/cat.h"
#include "runtime/file.h"
#include "runtime/fit.h"

namespace vigil::testing {
FakeModelOptions SumOfColumns(int64_t width) {
  FakeModelOptions options;
  options.signature.inputs.push_back({"input", DType::kFloat32, {-1, width}});
  options.signature.outputs.push_back({"prediction", DType::kFloat32, {-1}});
  for (int64_t c = 0; c < width; ++c) options.signature.columns.push_back(Cat("f", c));
  options.signature.task = Task::kRegression;
  options.score = [](const Batch& batch, Outputs* outputs) {
    outputs->tensors.resize(1);
    const absl::Span<float> sums = outputs->tensors[0].ResetFloats("prediction", {static_cast<int64_t>(batch.rows())});
    const float* rows = batch.float_matrix();
    for (size_t r = 0; r < batch.rows(); ++r) {
      sums[r] = 0;
      for (size_t c = 0; c < batch.width(); ++c) sums[r] += std::isnan(*rows) ? 0 : *rows, ++rows;
    }
    return absl::OkStatus();
  };
  return options;
}

FakeModelOptions MixedColumns() {
  FakeModelOptions options;
  Signature& signature = options.signature;
  signature.inputs = {{"amount", DType::kFloat32, {-1}},  {"channel", DType::kString, {-1, 1}}, {"count", DType::kInt64, {-1}},
                      {"rate", DType::kFloat64, {-1, 1}}, {"pair", DType::kFloat32, {-1, 2}},   {"night", DType::kBool, {-1}}};
  signature.outputs = {{"label", DType::kInt64, {-1}},
                       {"probabilities", DType::kFloat32, {-1, 2}},
                       {"note", DType::kString, {-1}},
                       {"shares", DType::kFloat32, {-1, 2}, {"no", "yes"}}};
  options.score = [](const Batch& batch, Outputs* outputs) {
    const auto rows = static_cast<int64_t>(batch.rows());
    const auto* amount = static_cast<const float*>(batch.Find("amount")->data);
    const auto* channel = static_cast<const std::string_view*>(batch.Find("channel")->data);
    const auto* count = static_cast<const int64_t*>(batch.Find("count")->data);
    const auto* rate = static_cast<const double*>(batch.Find("rate")->data);
    const auto* pair = static_cast<const float*>(batch.Find("pair")->data);
    const auto* night = static_cast<const uint8_t*>(batch.Find("night")->data);
    outputs->tensors.resize(4);
    outputs->tensors[0].Reset("label", DType::kInt64, {rows});
    const absl::Span<float> probabilities = outputs->tensors[1].ResetFloats("probabilities", {rows, 2});
    outputs->tensors[2].Reset("note", DType::kString, {rows});
    const absl::Span<float> shares = outputs->tensors[3].ResetFloats("shares", {rows, 2});
    for (size_t r = 0; r < batch.rows(); ++r) {
      outputs->tensors[0].As<int64_t>()[r] = count[r];
      probabilities[2 * r + 1] = static_cast<float>(rate[r]);
      probabilities[2 * r] = 1 - probabilities[2 * r + 1];
      outputs->tensors[2].strings[r] = Cat(channel[r], "/", NumberText(rate[r]), "/", count[r], "/", static_cast<int>(night[r]));
      shares[2 * r] = amount[r] + pair[2 * r];
      shares[2 * r + 1] = pair[2 * r + 1];
    }
    return absl::OkStatus();
  };
  return options;
}

FakeModelOptions SumOfDoubles(int64_t width) {
  FakeModelOptions options;
  options.signature.inputs.push_back({"input", DType::kFloat64, {-1, width}});
  options.signature.outputs.push_back({"prediction", DType::kFloat64, {-1}});
  options.signature.task = Task::kRegression;
  options.score = [width](const Batch& batch, Outputs* outputs) {
    outputs->tensors.resize(1);
    const int64_t shape[] = {static_cast<int64_t>(batch.rows())};
    outputs->tensors[0].Reset("prediction", DType::kFloat64, shape);
    const auto* x = static_cast<const double*>(batch.tensors()[0].data);
    for (double& sum : outputs->tensors[0].As<double>()) {
      sum = 0;
      for (int64_t c = 0; c < width; ++c) sum += *x++;
    }
    return absl::OkStatus();
  };
  return options;
}

StatusOr<std::unique_ptr<LoadedModel>> FakeLoader::Load(const std::string& path, const LoadOptions&) const {
  VIGIL_ASSIGN_OR_RETURN(const std::string bytes, ReadModelFile(path));
  FakeModelOptions options = options_;
  options.digest = Sha256Hex(bytes);
  return std::make_unique<FakeModel>(std::move(options), clock_);
}

struct FakeModel::State {
  State(FakeModelOptions given, const Clock& given_clock) : options(std::move(given)), clock(given_clock) {
    info.format = "fake";
    info.engine = "fake";
    info.engine_reason = "the only one";
    info.digest = options.digest;
  }

  struct Waiting {
    const Batch* batch;
    Outputs* outputs;
    ScoreCall call;
  };

  Status Answer(const Batch& batch, const ScoreCall& call, Outputs* outputs) const {
    if (clock.MonotonicNs() >= call.deadline_ns) return absl::DeadlineExceededError("the deadline passed before the model answered");
    return options.score(batch, outputs);
  }

  const FakeModelOptions options;
  const Clock& clock;
  ModelInfo info;
  std::atomic<int64_t> calls{0};
  mutable std::mutex mutex;
  std::vector<Waiting> waiting;
};

class FakeModel::FakeScorer final : public Scorer {
 public:
  explicit FakeScorer(std::shared_ptr<State> state) : state_(std::move(state)) {}

  StatusOr<ScoreState> Score(const Batch& batch, ScoreCall& call, Outputs* outputs) override {
    state_->calls.fetch_add(1, std::memory_order_relaxed);
    VIGIL_RETURN_IF_ERROR(CheckFits(state_->options.signature, batch));
    if (!state_->options.later) {
      VIGIL_RETURN_IF_ERROR(state_->Answer(batch, call, outputs));
      return ScoreState::kDone;
    }
    if (call.post == nullptr || call.done == nullptr) {
      return absl::FailedPreconditionError("this model answers later, and the caller cannot wait: ScoreCall needs post and done");
    }
    std::lock_guard lock(state_->mutex);
    state_->waiting.push_back({&batch, outputs, call});
    return ScoreState::kLater;
  }

 private:
  const std::shared_ptr<State> state_;
};

FakeModel::FakeModel(FakeModelOptions options, const Clock& clock) : state_(std::make_shared<State>(std::move(options), clock)) {}
FakeModel::~FakeModel() = default;
const Signature& FakeModel::signature() const { return state_->options.signature; }
const ModelInfo& FakeModel::info() const { return state_->info; }
std::unique_ptr<Scorer> FakeModel::NewScorer() const { return std::make_unique<FakeScorer>(state_); }
int64_t FakeModel::calls() const { return state_->calls.load(std::memory_order_relaxed); }

size_t FakeModel::waiting() const {
  std::lock_guard lock(state_->mutex);
  return state_->waiting.size();
}

void FakeModel::Release() {
  std::vector<State::Waiting> released;
  {
    std::lock_guard lock(state_->mutex);
    released.swap(state_->waiting);
  }
  for (State::Waiting& one : released) {
    // Scored on the calling thread's own loop, where the batch and the outputs belong.
    const auto post = one.call.post;
    post([state = state_, one = std::move(one)] { one.call.done(state->Answer(*one.batch, one.call, one.outputs)); });
  }
}

}  // namespace vigil::testing
