// A model made of code, for tests of everything above the runtime: any tensors in and out, answers now or later, failures on demand.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
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
};

// The options of a model of `width` FP32 columns whose prediction is their sum; a missing value counts as 0.
FakeModelOptions SumOfColumns(int64_t width);

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
