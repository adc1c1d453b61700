// Which engine serves a forest, and the proof that it may.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/status.h"
#include "runtime/trees/engine.h"
#include "runtime/trees/engine_records.h"

namespace vigil::trees {

// Once building and measuring candidates has taken this much of the thread's time, no further one is tried.
inline constexpr int64_t kEngineChoiceBudgetNs = 30'000'000;

// Every engine's name.
std::vector<std::string> EngineNames();

// Builds one by name. INVALID_ARGUMENT: no such engine; FAILED_PRECONDITION: it cannot hold this forest. The forest must outlive it.
StatusOr<std::unique_ptr<Engine>> MakeEngine(const Forest& forest, std::string_view name);

// Scores rows at, just below and just above thresholds, random, missing and infinite, alone and together, and compares each sum's
// bits with the reference's. INTERNAL naming the engine and the first difference.
Status SelfCheck(const Forest& forest, const Engine& engine, Random random);

// Rows that reach a forest's corners, of float or double: [n][features].
template <typename T>
std::vector<T> ProbeRowsOf(const Forest& forest, size_t n, Random* random);
inline std::vector<float> ProbeRows(const Forest& forest, size_t n, Random* random) { return ProbeRowsOf<float>(forest, n, random); }

struct EngineChoice {
  std::unique_ptr<Engine> engine;
  std::string reason;    // one sentence
  std::string measured;  // its times, for people; empty: it was not measured
  bool all = true;       // no candidate was left out for want of time
};

// The engine that is fastest on probe rows, alone and in batches (by the product of the two times), of those that can hold the forest,
// within kEngineChoiceBudgetNs; one that then disagrees with the reference is passed over. `forced`, if not empty, must be able and agree.
StatusOr<EngineChoice> ChooseEngine(const Forest& forest, std::string_view forced, bool self_check, uint64_t seed);

// The same, by what `records` (which may be null) know of the artefact with this digest: an engine that was measured before is not measured
// again, only checked; a choice made now is recorded. The reason says which it was.
StatusOr<EngineChoice> RecallOrChooseEngine(const Forest& forest, std::string_view forced, bool self_check, uint64_t seed,
                                            std::string_view digest, EngineRecords* records);

}  // namespace vigil::trees
