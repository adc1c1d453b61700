// What every runtime promises through runtime/model.h, as checks that each runtime's tests call with a model of its own.
#pragma once

#include <functional>
#include <vector>

#include "runtime/model.h"

namespace vigil::testing {

struct RuntimeConformance {
  const LoadedModel* model = nullptr;
  // At least 3 rows of the single FP32 matrix input, row-major.
  std::vector<float> rows;
  // For a runtime that answers later: lets waiting answers out. Empty: it answers at once.
  std::function<void()> release;
  bool gives_margin = false;                 // `margin` on ScoreCall::margin
  bool row_results_depend_on_batch = false;  // true only for a runtime whose library does so
};

// Fails the calling test (gtest, non-fatally) for each promise not kept: info and signature are filled; outputs have the signature's names,
// types and shapes; a row's result is the same alone and in any batch, on any scorer, from any thread; an empty batch is answered; batches
// that do not fit are INVALID_ARGUMENT and leave the scorer usable; `done` comes exactly once and only after kLater; a deadline is kept;
// scorers are independent.
void CheckRuntime(const RuntimeConformance& runtime);

}  // namespace vigil::testing
