// Dynamic batching: calls of many threads that arrive about the same time are scored as one batch, for runtimes that gain from it (ONNX
// Runtime, TensorFlow). Native trees do not: a row costs them less than a queue.
#pragma once

#include <memory>

#include "base/clock.h"
#include "runtime/batch_queue.h"
#include "runtime/model.h"

namespace vigil {

// A model that answers later, from threads of its own, on each caller's loop (ScoreCall::post, done). It says what `inner` says of itself,
// with the batching among its facts. A call past its deadline is DEADLINE_EXCEEDED without being scored; one for which the queue has no
// room RESOURCE_EXHAUSTED; one that spoils its batch fails alone. A caller that cannot wait (no post) is scored at once, by itself.
// Destroying the model answers what waits with UNAVAILABLE. `inner` must answer at once; `clock` must outlive the model.
std::unique_ptr<LoadedModel> MakeBatchingModel(std::unique_ptr<LoadedModel> inner, const BatchingOptions& options, const Clock& clock);

}  // namespace vigil
