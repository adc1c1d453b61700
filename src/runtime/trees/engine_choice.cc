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

size_t Bytes(Precision precision) { return precision == Precision::kFloat64 ? sizeof(double) : sizeof(float); }

// Scores `n` rows `block` at a time.
void ScoreInBlocks(const Engine& engine, const Forest& forest, const void* rows, size_t n, size_t block, absl::Span<const int32_t> ends,
                   std::byte* scratch, std::byte* sums) {
  const size_t row_bytes = forest.features * Bytes(forest.inputs), sum_bytes = forest.outputs * Bytes(forest.sums);
  for (size_t at = 0; at < n; at += block) {
    engine.Score(static_cast<const std::byte*>(rows) + at * row_bytes, std::min(block, n - at), ends, scratch, sums + at * sum_bytes);
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

template <typename T>
std::vector<T> ProbeRowsOf(const Forest& forest, size_t n, Random* random) {
  constexpr T kInfinity = std::numeric_limits<T>::infinity();
  constexpr T kNan = std::numeric_limits<T>::quiet_NaN();
  const T oddities[] = {0, T{-0.0f}, kInfinity, -kInfinity, std::numeric_limits<T>::denorm_min(), T{-1e-40f}, T{1e30f}, T{-1e30f}};
  const auto features = static_cast<size_t>(forest.features);
  std::vector<T> rows(n * features);
  for (T& x : rows) x = static_cast<T>(random->Normal() * 10);
  // Most cells take a value at or beside a threshold of their own feature: walk random nodes and put their thresholds into random rows.
  const size_t nodes = forest.left.size();
  for (size_t i = 0; i < 4 * rows.size() && nodes > 0; ++i) {
    const auto node = static_cast<int64_t>(random->Below(nodes));
    if (forest.IsLeaf(node)) continue;
    auto threshold = static_cast<T>(forest.value[node]);
    if (forest.IsSet(node)) {
      const absl::Span<const double> bounds = forest.Bounds(forest.set[node]);
      if (bounds.empty()) continue;
      threshold = static_cast<T>(bounds[random->Below(bounds.size())]);
    }
    const T choices[] = {threshold, std::nextafter(threshold, -kInfinity), std::nextafter(threshold, kInfinity),
                         threshold + static_cast<T>(random->Normal())};
    rows[random->Below(n) * features + forest.feature[node]] = choices[random->Below(4)];
  }
  for (size_t r = 0; r < n; ++r) {
    const double missing = r % 3 == 0 ? 0.0 : r % 3 == 1 ? 0.1 : 0.5;
    for (size_t f = 0; f < features; ++f) {
      T& x = rows[r * features + f];
      if (random->Uniform() < 0.02) x = oddities[random->Below(std::size(oddities))];
      if (random->Uniform() < missing || r + 1 == n) x = kNan;
    }
  }
  return rows;
}
template std::vector<float> ProbeRowsOf<float>(const Forest& forest, size_t n, Random* random);
template std::vector<double> ProbeRowsOf<double>(const Forest& forest, size_t n, Random* random);

namespace {

template <typename Sum>
Status FirstDifference(const Forest& forest, const Engine& engine, size_t block, const std::vector<std::byte>& want,
                       const std::vector<std::byte>& got) {
  for (size_t i = 0; i < want.size() / sizeof(Sum); ++i) {
    Sum wanted, gotten;
    std::memcpy(&wanted, want.data() + i * sizeof(Sum), sizeof(Sum));
    std::memcpy(&gotten, got.data() + i * sizeof(Sum), sizeof(Sum));
    if (std::memcmp(&wanted, &gotten, sizeof(Sum)) == 0) continue;
    return absl::InternalError(Cat("engine '", engine.name(), "' disagrees with the reference on probe row ", i / forest.outputs,
                                   ", output ", i % forest.outputs, ", in batches of ", block, ": ", NumberText(gotten),
                                   " where the reference has ", NumberText(wanted)));
  }
  return absl::OkStatus();
}

}  // namespace

Status SelfCheck(const Forest& forest, const Engine& engine, Random random) {
  const auto n = static_cast<size_t>(std::clamp(kSelfCheckCells / forest.features, 8, kSelfCheckRows));
  const bool double_rows = forest.inputs == Precision::kFloat64, double_sums = forest.sums == Precision::kFloat64;
  const std::vector<float> floats = double_rows ? std::vector<float>() : ProbeRowsOf<float>(forest, n, &random);
  const std::vector<double> doubles = double_rows ? ProbeRowsOf<double>(forest, n, &random) : std::vector<double>();
  const void* rows = double_rows ? static_cast<const void*>(doubles.data()) : floats.data();
  const std::unique_ptr<Engine> reference = MakeReferenceEngine(forest);
  AlignedBytes scratch(engine.scratch_bytes());
  std::vector<int32_t> ends(forest.outputs);
  std::vector<std::byte> want(n * forest.outputs * Bytes(forest.sums)), got(want.size());
  const int64_t limits[] = {0, std::max(1, forest.rounds / 2)};
  const size_t blocks[] = {n, 1, 7};
  for (const int64_t limit : limits) {
    forest.TreeEnds(limit, absl::MakeSpan(ends));
    reference->Score(rows, n, ends, nullptr, want.data());
    for (const size_t block : blocks) {
      std::fill(got.begin(), got.end(), std::byte{0xff});  // NaNs
      ScoreInBlocks(engine, forest, rows, n, block, ends, scratch.data(), got.data());
      VIGIL_RETURN_IF_ERROR(double_sums ? FirstDifference<double>(forest, engine, block, want, got)
                                        : FirstDifference<float>(forest, engine, block, want, got));
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
