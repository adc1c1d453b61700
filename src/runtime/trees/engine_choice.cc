#include "runtime/trees/engine_choice.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_join.h"
#include "base/text.h"
#include "runtime/cat.h"
#include "runtime/engine_bench.h"
#include "runtime/trees/aligned.h"
#include "runtime/trees/rank_kernels.h"

namespace vigil::trees {
namespace {

constexpr int32_t kSelfCheckRows = 160;
constexpr int32_t kSelfCheckCells = 4 << 20;  // wide models are checked on fewer rows

constexpr size_t kMeasuredRows = 64;
constexpr int kMeasurePasses = 3;
constexpr int64_t kMeasurePassNsMax = 500'000;  // about: at least one batch
constexpr double kClearlyFaster = 0.95;         // of the time: what a later candidate must do to be taken

// In the order they are tried: those that are likely the fastest where they fit come first. Which of the middle two that is, the number
// of leaves says.
constexpr std::string_view kCandidatesFewLeaves[] = {"rank-oblivious", "byte-rank", "rank-leaves", "rank-nodes", "float-interleaved"};
constexpr std::string_view kCandidatesManyLeaves[] = {"rank-oblivious", "byte-rank", "rank-nodes", "rank-leaves", "float-interleaved"};

constexpr std::string_view kCandidatesLinear[] = {"linear-terms", "float-interleaved"};

absl::Span<const std::string_view> Candidates(const Forest& forest) {
  if (!forest.linear.empty() && forest.depth == 0) return kCandidatesLinear;  // ranks have no form for linear leaves
  // Splits of every tree on average: nodes that no path reaches count too, which matters little here.
  const size_t trees = std::max(1, forest.trees());
  return forest.left.size() / trees / 2 < kLeafLanes ? absl::MakeConstSpan(kCandidatesFewLeaves) : kCandidatesManyLeaves;
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

std::vector<std::string> EngineNames() {
  return {"byte-rank", "rank-oblivious", "rank-leaves", "rank-rows", "rank-nodes", "linear-terms", "float-interleaved", "reference"};
}

StatusOr<std::unique_ptr<Engine>> MakeEngine(const Forest& forest, std::string_view name) {
  if (name == "reference") return MakeReferenceEngine(forest);
  if (name == "float-interleaved") return MakeFloatEngine(forest);
  if (name == "linear-terms") return MakeLinearEngine(forest);
  if (name == "rank-nodes") return MakeRankNodesEngine(forest);
  if (name == "rank-leaves") return MakeRankLeavesEngine(forest);
  if (name == "rank-oblivious") return MakeRankObliviousEngine(forest);
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

// Rows to try engines on, and what the reference makes of them (only if `check`).
class Probe {
 public:
  Probe(const Forest& forest, Random random, bool check)
      : forest_(forest), n_(static_cast<size_t>(std::clamp(kSelfCheckCells / forest.features, 8, kSelfCheckRows))), ends_(forest.outputs) {
    forest.inputs == Precision::kFloat64 ? Hold(ProbeRowsOf<double>(forest, n_, &random)) : Hold(ProbeRowsOf<float>(forest, n_, &random));
    got_.resize(n_ * forest.outputs * Bytes(forest.sums));
    if (!check) return;
    const std::unique_ptr<Engine> reference = MakeReferenceEngine(forest);
    for (size_t i = 0; i < std::size(want_); ++i) {
      want_[i].resize(got_.size());
      forest.TreeEnds(Limit(i), absl::MakeSpan(ends_));
      reference->Score(rows_.data(), n_, ends_, nullptr, want_[i].data());
    }
  }

  Status Check(const Engine& engine) {
    AlignedBytes scratch(engine.scratch_bytes());
    for (size_t i = 0; i < std::size(want_); ++i) {
      forest_.TreeEnds(Limit(i), absl::MakeSpan(ends_));
      for (const size_t block : {n_, size_t{1}, size_t{7}}) {
        std::fill(got_.begin(), got_.end(), std::byte{0xff});  // NaNs
        ScoreInBlocks(engine, forest_, rows_.data(), n_, block, ends_, scratch.data(), got_.data());
        VIGIL_RETURN_IF_ERROR(forest_.sums == Precision::kFloat64 ? FirstDifference<double>(forest_, engine, block, want_[i], got_)
                                                                  : FirstDifference<float>(forest_, engine, block, want_[i], got_));
      }
    }
    return absl::OkStatus();
  }

  // Nanoseconds a row in batches of `block`: of this thread's CPU, the best of a few passes.
  double Measure(const Engine& engine, size_t block) {
    AlignedBytes scratch(engine.scratch_bytes());
    forest_.TreeEnds(0, absl::MakeSpan(ends_));
    const size_t rows = std::min(n_, kMeasuredRows), row_bytes = rows_.size() / n_;
    double best = std::numeric_limits<double>::infinity();
    for (int pass = 0; pass < kMeasurePasses; ++pass) {
      const int64_t begin = ThreadCpuNs();
      int64_t took = 0;
      size_t done = 0;
      for (; done < rows && took < kMeasurePassNsMax; done += block) {
        const size_t n = std::min(block, rows - done);
        engine.Score(rows_.data() + done * row_bytes, n, ends_, scratch.data(), got_.data());
        if (took == 0 || done % 16 == 0) took = ThreadCpuNs() - begin;
      }
      took = ThreadCpuNs() - begin;
      best = std::min(best, static_cast<double>(took) / static_cast<double>(std::min(done, rows)));
    }
    return best;
  }

 private:
  template <typename T>
  void Hold(const std::vector<T>& rows) {
    rows_ = AlignedBytes(rows.size() * sizeof(T));
    if (!rows.empty()) std::memcpy(rows_.data(), rows.data(), rows.size() * sizeof(T));
  }
  // In rounds: all of them, and some.
  int64_t Limit(size_t i) const { return i == 0 ? 0 : std::max(1, forest_.rounds / 2); }

  const Forest& forest_;
  const size_t n_;
  std::vector<int32_t> ends_;
  AlignedBytes rows_;
  std::vector<std::byte> want_[2], got_;
};

std::string TimesText(double alone, double together) {
  const auto text = [](double ns) { return NumberText(std::round(ns / 10) / 100); };
  return Cat(text(alone), " us a row alone, ", text(together), " in batches of ", kMeasuredRows);
}

// The fastest candidate that can hold the forest, of those that are not known to be wrong; none: a null engine, and why.
EngineChoice MeasureCandidates(const Forest& forest, const std::set<std::string>& wrong, Probe* probe) {
  const int64_t begin = ThreadCpuNs();
  std::unique_ptr<Engine> best;
  double best_score = 0;
  std::string best_times, others;
  bool all = true;
  for (const std::string_view name : Candidates(forest)) {
    if (wrong.count(std::string(name)) != 0) continue;
    if (best != nullptr && ThreadCpuNs() - begin > kEngineChoiceBudgetNs) {
      others += Cat("; ", name, " not tried: the ", kEngineChoiceBudgetNs / 1'000'000, " ms for this were over");
      all = false;
      continue;
    }
    StatusOr<std::unique_ptr<Engine>> engine = MakeEngine(forest, name);
    if (!engine.ok()) {
      others += Cat("; not ", name, ": ", engine.status().message());
      continue;
    }
    const double alone = probe->Measure(**engine, 1), together = probe->Measure(**engine, kMeasuredRows);
    const double score = alone * together;
    if (best == nullptr || score < best_score * kClearlyFaster * kClearlyFaster) {
      if (best != nullptr) others += Cat("; ", best->name(), ": ", best_times);
      best = *std::move(engine);
      best_score = score;
      best_times = TimesText(alone, together);
    } else {
      others += Cat("; ", name, ": ", TimesText(alone, together));
    }
  }
  if (best == nullptr) return {nullptr, others, "", true};
  const std::string description = best->description();
  std::string reason =
      Cat("the fastest measured: ", best_times, description.empty() ? "" : " (", description, description.empty() ? "" : ")", others);
  return {std::move(best), std::move(reason), std::move(best_times), all};
}

}  // namespace

Status SelfCheck(const Forest& forest, const Engine& engine, Random random) { return Probe(forest, random, true).Check(engine); }

StatusOr<EngineChoice> ChooseEngine(const Forest& forest, std::string_view forced, bool self_check, uint64_t seed) {
  if (!forced.empty()) {
    VIGIL_ASSIGN_OR_RETURN(std::unique_ptr<Engine> engine, MakeEngine(forest, forced));
    if (self_check) VIGIL_RETURN_IF_ERROR(SelfCheck(forest, *engine, Random(seed)));
    return EngineChoice{std::move(engine), "asked for by name", "", true};
  }
  Probe probe(forest, Random(seed), self_check);
  std::set<std::string> wrong;
  std::string disagreements;
  while (true) {
    EngineChoice choice = MeasureCandidates(forest, wrong, &probe);
    if (choice.engine == nullptr) {
      return EngineChoice{MakeReferenceEngine(forest), Cat("no faster engine can hold this forest", choice.reason, disagreements), "",
                          true};
    }
    const Status status = self_check ? probe.Check(*choice.engine) : absl::OkStatus();
    if (status.ok()) {
      choice.reason += disagreements;
      return choice;
    }
    wrong.emplace(choice.engine->name());
    disagreements += Cat("; not ", choice.engine->name(), ": ", status.message());
  }
}

StatusOr<EngineChoice> RecallOrChooseEngine(const Forest& forest, std::string_view forced, bool self_check, uint64_t seed,
                                            std::string_view digest, EngineRecords* records) {
  if (records == nullptr || !forced.empty()) return ChooseEngine(forest, forced, self_check, seed);
  std::string again = records->rejected();
  if (const std::optional<EngineRecord> former = records->Find(digest)) {
    StatusOr<std::unique_ptr<Engine>> engine = MakeEngine(forest, former->engine);
    Status fits = engine.status();
    if (fits.ok() && self_check) fits = SelfCheck(forest, **engine, Random(seed));
    if (fits.ok()) {
      return EngineChoice{*std::move(engine), Cat("the fastest when it was first measured on this machine: ", former->measured),
                          former->measured, former->all};
    }
    again = Cat("of before: ", former->engine, ", but ", fits.message());
  }
  VIGIL_ASSIGN_OR_RETURN(EngineChoice choice, ChooseEngine(forest, forced, self_check, seed));
  if (!again.empty()) choice.reason += Cat("; measured again: ", again);
  if (choice.measured.empty()) return choice;  // nothing was measured, so nothing is saved by remembering it
  const Status kept = records->Keep(digest, {std::string(choice.engine->name()), choice.measured, choice.all});
  if (!kept.ok()) choice.reason += Cat("; not recorded: ", kept.message());
  return choice;
}

}  // namespace vigil::trees
