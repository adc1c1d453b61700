// Scores batches with a TreeModel.
#pragma once

#include <memory>

#include "runtime/model.h"
#include "runtime/trees/tree_model.h"

namespace vigil::trees {

// Takes one matrix of numbers of any type. Outputs: `prediction` ([n], or [n, k]) and, if asked for, `margin` ([n], or [n, outputs]): FP32,
// or FP64 when the call says `doubles` and the forest sums doubles; then `contributions` and `leaves`. The model must outlive it.
std::unique_ptr<Scorer> MakeTreeScorer(const TreeModel& model);

}  // namespace vigil::trees
