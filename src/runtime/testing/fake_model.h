// A model made of code, for tests of everything above the runtime: any tensors in and out, answers now or later, failures on demand.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "runtime/model.h"

namespace vigil::testing {

struct FakeModelOptions {
  Signature signature;
  // Fills outputs->tensors from a batch that fits the signature; an error is the call's error.
  std::function<Status(const Batch&, Outputs*)> score;
  // Answer later: kLater, and the outputs come through ScoreCall::post once FakeModel::Release lets them.
  bool later = false;
  std::string digest = std::string(64, '0');
};

// The options of a model of `width` FP32 columns whose prediction is their sum; a missing value counts as 0.
FakeModelOptions SumOfColumns(int64_t width);

// The options of a model with one tensor a column and every kind of them, and several outputs. Takes amount (FP32 [-1]), channel (BYTES
// [-1, 1]), count (INT64 [-1]), rate (FP64 [-1, 1]), pair (FP32 [-1, 2]) and night (BOOL [-1]); answers label (INT64: count), probabilities
// (FP32: 1 - rate, rate), note (BYTES: "channel/rate/count/night") and the map shares (no: amount + pair_0, yes: pair_1).
FakeModelOptions MixedColumns();
// One FP64 matrix of `width` columns; answers FP64: the sum, in the columns' order.
FakeModelOptions SumOfDoubles(int64_t width);

// Loads `options` from any file that begins with "fake", whatever else is in it.
class FakeLoader final : public ModelLoader {
 public:
  FakeLoader(FakeModelOptions options, const Clock& clock) : options_(std::move(options)), clock_(clock) {}
  bool Recognises(const std::string&, std::string_view head) const override { return head.starts_with("fake"); }
  StatusOr<std::unique_ptr<LoadedModel>> Load(const std::string& path, const LoadOptions& options) const override;

 private:
  const FakeModelOptions options_;
  const Clock& clock_;
};

// Thread-safe as LoadedModel promises. Calls that answer later wait, in order, for Release.
class FakeModel final : public LoadedModel {
 public:
  // `clock` judges deadlines and must outlive the model.
  FakeModel(FakeModelOptions options, const Clock& clock);
  ~FakeModel() override;

  const Signature& signature() const override;
  const ModelInfo& info() const override;
  std::unique_ptr<Scorer> NewScorer() const override;

  // Posts the answers of every waiting call to its thread; a call past its deadline by then is answered DEADLINE_EXCEEDED. Any thread.
  void Release();
  size_t waiting() const;
  int64_t calls() const;

 private:
  struct State;
  class FakeScorer;
  const std::shared_ptr<State> state_;  // outlives the model while calls wait
};

}  // namespace vigil::testing
