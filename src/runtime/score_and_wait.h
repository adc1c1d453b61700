// Scoring from a thread that has no loop: waits for a runtime that answers later.
#pragma once

#include "runtime/model.h"

namespace vigil {

// Scores `batch`, however long it takes. Uses `call.post` and `call.done`, which need not be set.
Status ScoreAndWait(Scorer& scorer, const Batch& batch, ScoreCall& call, Outputs* outputs);

}  // namespace vigil
