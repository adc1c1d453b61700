#include "runtime/trees/engine_choice.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/strings/str_join.h"
#include "base/text.h"
#include "runtime/cat.h"
#include "runtime/trees/aligned.h"
#include "runtime/trees/rank_kernels.h"

namespace vigil::trees {
namespace {

constexpr int32_t kSelfCheckRows = 160;
constexpr int32_t kSelfCheckCells = 4 << 20;  // wide models are checked on fewer rows

std::string_view Why(std::string_view name) {
  if (name == "byte-rank") return "thresholds fit byte ranks, so whole trees are compared at once";
  if (name == "float-interleaved") return "the fastest engine that can hold this forest";
  return "no faster engine can hold this forest";
}

// Scores `n` rows `block` at a time.
void ScoreInBlocks(const Engine& engine, const Forest& forest, const float* rows, size_t n, size_t block, absl::Span<const int32_t> ends,
                   std::byte* scratch, float* margins) {
  for (size_t at = 0; at < n; at += block) {
    engine.Score(rows + at * forest.features, std::min(block, n - at), ends, scratch, margins + at * forest.outputs);
  }
}

}  // namespace

std::vector<std::string> EngineNames() { return {"byte-rank", "rank-rows", "rank-nodes", "float-interleaved", "reference"}; }

StatusOr<std::unique_ptr<Engine>> MakeEngine(const Forest& forest, std::string_view name) {
  if (name == "reference") return MakeReferenceEngine(forest);
  if (name == "float-interleaved") return MakeFloatEngine(forest);
  if (name == "rank-nodes") return MakeRankNodesEngine(forest);
  if (name == "rank-rows") return MakeRankRowsEngine(forest);
  if (name == "byte-rank") {
    VIGIL_ASSIGN_OR_RETURN(std::unique_ptr<Engine> large, MakeRankRowsEngine(forest));
    StatusOr<std::unique_ptr<Engine>> nodes = MakeRankNodesEngine(forest);
    if (!nodes.ok()) nodes = MakeFloatEngine(forest);  // many columns: only a register of rows takes any number of them
    VIGIL_RETURN_IF_ERROR(nodes.status());
    const size_t lanes = RowLanes();
    return MakeByteRankEngine(*std::move(nodes), std::move(large), static_cast<size_t>(forest.features),
                              static_cast<size_t>(forest.outputs), lanes * 9 / 32, lanes);
  }
  const std::vector<std::string> known = EngineNames();
  return absl::InvalidArgumentError(Cat("no engine '", name, "'", DidYouMean(name, known), "; known: ", absl::StrJoin(known, ", ")));
}

std::vector<float> ProbeRows(const Forest& forest, size_t n, Random* random) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const float oddities[] = {0.0f, -0.0f, kInfinity, -kInfinity, std::numeric_limits<float>::denorm_min(), -1e-40f, 1e30f, -1e30f};
  const auto features = static_cast<size_t>(forest.features);
  std::vector<float> rows(n * features);
  for (float& x : rows) x = static_cast<float>(random->Normal() * 10);
  // Most cells take a value at or beside a threshold of their own feature: walk random nodes and put their thresholds into random rows.
  const size_t nodes = forest.left.size();
  for (size_t i = 0; i < 4 * rows.size() && nodes > 0; ++i) {
    const size_t node = random->Below(nodes);
    if (forest.left[node] < 0) continue;
    const float threshold = forest.value[node];
    const float choices[] = {threshold, std::nextafter(threshold, -kInfinity), std::nextafter(threshold, kInfinity),
                             threshold + static_cast<float>(random->Normal())};
    rows[random->Below(n) * features + forest.feature[node]] = choices[random->Below(4)];
  }
  for (size_t r = 0; r < n; ++r) {
    const double missing = r % 3 == 0 ? 0.0 : r % 3 == 1 ? 0.1 : 0.5;
    for (size_t f = 0; f < features; ++f) {
      float& x = rows[r * features + f];
      if (random->Uniform() < 0.02) x = oddities[random->Below(std::size(oddities))];
      if (random->Uniform() < missing || r + 1 == n) x = std::numeric_limits<float>::quiet_NaN();
    }
  }
  return rows;
}

Status SelfCheck(const Forest& forest, const Engine& engine, Random random) {
  const auto n = static_cast<size_t>(std::clamp(kSelfCheckCells / forest.features, 8, kSelfCheckRows));
  const std::vector<float> rows = ProbeRows(forest, n, &random);
  const std::unique_ptr<Engine> reference = MakeReferenceEngine(forest);
  AlignedBytes scratch(engine.scratch_bytes());
  std::vector<int32_t> ends(forest.outputs);
  std::vector<float> want(n * forest.outputs), got(want.size());
  const int64_t limits[] = {0, std::max(1, forest.rounds / 2)};
  const size_t blocks[] = {n, 1, 7};
  for (const int64_t limit : limits) {
    forest.TreeEnds(limit, absl::MakeSpan(ends));
    reference->Score(rows.data(), n, ends, nullptr, want.data());
    for (const size_t block : blocks) {
      std::fill(got.begin(), got.end(), std::numeric_limits<float>::quiet_NaN());
      ScoreInBlocks(engine, forest, rows.data(), n, block, ends, scratch.data(), got.data());
      for (size_t i = 0; i < want.size(); ++i) {
        if (std::memcmp(&want[i], &got[i], sizeof(float)) == 0) continue;
        return absl::InternalError(Cat("engine '", engine.name(), "' disagrees with the reference on probe row ", i / forest.outputs,
                                       ", output ", i % forest.outputs, ", in batches of ", block, ": ", NumberText(got[i]),
                                       " where the reference has ", NumberText(want[i])));
      }
    }
  }
  return absl::OkStatus();
}

StatusOr<EngineChoice> ChooseEngine(const Forest& forest, std::string_view forced, bool self_check, uint64_t seed) {
  if (!forced.empty()) {
    VIGIL_ASSIGN_OR_RETURN(std::unique_ptr<Engine> engine, MakeEngine(forest, forced));
    if (self_check) VIGIL_RETURN_IF_ERROR(SelfCheck(forest, *engine, Random(seed)));
    return EngineChoice{std::move(engine), "asked for by name"};
  }
  std::string passed_over;
  for (const std::string_view name : {"byte-rank", "rank-nodes", "rank-rows", "float-interleaved", "reference"}) {
    StatusOr<std::unique_ptr<Engine>> engine = MakeEngine(forest, name);
    const Status status = !engine.ok()                        ? engine.status()
                          : self_check && name != "reference" ? SelfCheck(forest, **engine, Random(seed))
                                                              : absl::OkStatus();
    if (status.ok()) {
      const std::string description = (*engine)->description();
      return EngineChoice{*std::move(engine), Cat(Why(name), description.empty() ? "" : ": ", description, passed_over)};
    }
    passed_over += Cat("; not ", name, ": ", status.message());
  }
  return absl::InternalError(Cat("no engine can serve this forest", passed_over));
}

}  // namespace vigil::trees
