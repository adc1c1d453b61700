// Ways to compute a forest's sums. All add a row's leaves in the forest's order and type, so all give the same bits as the reference, in
// every batch size: which engine runs is a question of speed only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/types/span.h"
#include "base/status.h"
#include "runtime/trees/forest.h"

namespace vigil::trees {

inline constexpr size_t kScratchAlignment = 64;

// Immutable; any thread may call. Holds what it needs of the forest unless it says otherwise.
class Engine {
 public:
  virtual ~Engine() = default;
  virtual std::string_view name() const = 0;
  // How it goes about this forest, for people; empty: as its name says.
  virtual std::string description() const { return ""; }
  virtual int64_t memory_bytes() const = 0;
  // Bytes a caller's thread must lend to each Score, aligned to kScratchAlignment.
  virtual size_t scratch_bytes() const = 0;
  // rows: [n][features] of the forest's `inputs` type, float or double. tree_ends: Forest::TreeEnds. sums: [n][outputs] of its `sums`
  // type, before Forest::FinishMargins. Allocates nothing.
  virtual void Score(const void* rows, size_t n, absl::Span<const int32_t> tree_ends, std::byte* scratch, void* sums) const = 0;
};

// Each factory builds from a forest, or says in FAILED_PRECONDITION why its form cannot hold this one.

// "reference": the plain walk over any forest, which must outlive it.
std::unique_ptr<Engine> MakeReferenceEngine(const Forest& forest);

// FAILED_PRECONDITION naming what is not plain: float32 rows and sums, numeric splits, NaN for missing, constant leaves.
Status RequirePlain(const Forest& forest);

// "float-interleaved": eight trees walked side by side on float thresholds. Any forest of up to 2^30 nodes
// whose splits on a feature agree in what is missing; it must outlive the engine.
StatusOr<std::unique_ptr<Engine>> MakeFloatEngine(const Forest& forest);

// "linear-terms": trees that are one linear leaf of one term, which is what a linear model is.
StatusOr<std::unique_ptr<Engine>> MakeLinearEngine(const Forest& forest);

// The next three take a row at a time and decide all splits of many trees at once, as bytes: rows and sums of either type, splits on sets,
// up to 128 byte-rank columns (a feature of up to 255 thresholds takes one).

// "rank-nodes": complete trees to depth 6, whose decisions are walked; deeper ones as chained blocks.
StatusOr<std::unique_ptr<Engine>> MakeRankNodesEngine(const Forest& forest);

// "rank-leaves": trees of any shape of up to 32 leaves, each found by its path's decisions; larger ones as chained blocks.
StatusOr<std::unique_ptr<Engine>> MakeRankLeavesEngine(const Forest& forest);

// "rank-oblivious": trees that ask one thing a level, to depth 16: their decisions number the leaf.
StatusOr<std::unique_ptr<Engine>> MakeRankObliviousEngine(const Forest& forest);

// "rank-rows": a register of rows at a time against every node of a tree, as bytes. Plain forests of depth up to 6.
StatusOr<std::unique_ptr<Engine>> MakeRankRowsEngine(const Forest& forest);

// "byte-rank": `small` for batches and remainders below `large_from` rows, `large` above, in whole registers of `large_block` rows.
std::unique_ptr<Engine> MakeByteRankEngine(std::unique_ptr<Engine> small, std::unique_ptr<Engine> large, size_t features, size_t outputs,
                                           size_t large_from, size_t large_block);

}  // namespace vigil::trees
