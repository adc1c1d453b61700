#include "runtime/engine_bench.h"

#include <time.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/random.h"
#include "base/text.h"
#include "runtime/trees/aligned.h"
#include "runtime/trees/engine_choice.h"
#include "runtime/trees/tree_model.h"

namespace vigil {
namespace {

constexpr size_t kPoolRows = 4096;
constexpr double kMissingShare = 0.05;

struct Range {
  float low = 0, high = 1;
};

std::vector<Range> ThresholdRanges(const trees::Forest& forest) {
  constexpr float kMax = std::numeric_limits<float>::max();
  std::vector<Range> ranges(forest.features, Range{kMax, -kMax});
  for (size_t n = 0; n < forest.left.size(); ++n) {
    if (forest.left[n] < 0) continue;
    Range& range = ranges[forest.feature[n]];
    const auto widen = [&](double value) {
      if (!std::isfinite(value)) return;
      range.low = std::min(range.low, static_cast<float>(value));
      range.high = std::max(range.high, static_cast<float>(value));
    };
    if (!forest.IsSet(static_cast<int64_t>(n))) {
      widen(forest.value[n]);
      continue;
    }
    for (const double bound : forest.Bounds(forest.set[n])) widen(bound);
  }
  for (Range& range : ranges) {
    if (range.low > range.high) range = Range{};
  }
  return ranges;
}

}  // namespace

int64_t ThreadCpuNs() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

std::vector<float> BenchRows(const LoadedModel& model, size_t n, uint64_t seed) {
  const size_t columns = model.signature().columns.size();
  std::vector<Range> ranges(columns);
  if (const auto* tree_model = dynamic_cast<const trees::TreeModel*>(&model)) ranges = ThresholdRanges(tree_model->forest());
  Random random(seed);
  std::vector<float> rows(n * columns);
  for (size_t i = 0; i < rows.size(); ++i) {
    const Range& range = ranges[i % columns];
    rows[i] = static_cast<float>(random.Uniform(range.low, range.high));
    if (random.Uniform() < kMissingShare) rows[i] = std::numeric_limits<float>::quiet_NaN();
  }
  return rows;
}

std::vector<std::string> BenchBodies(const LoadedModel& model, size_t n, uint64_t seed) {
  const std::vector<std::string>& columns = model.signature().columns;
  const std::vector<float> rows = BenchRows(model, n, seed);
  std::vector<std::string> bodies;
  for (size_t r = 0; r < n; ++r) {
    std::string body = "{\"rows\":[{";
    for (size_t c = 0; c < columns.size(); ++c) {
      if (c > 0) body.push_back(',');
      AppendJsonString(&body, columns[c]);
      body.push_back(':');
      AppendJsonNumber(&body, rows[r * columns.size() + c]);
    }
    bodies.push_back(body + "}]}");
  }
  return bodies;
}

StatusOr<EngineBench> BenchEngines(const LoadedModel& model, uint64_t seed, int64_t repeat_ns) {
  const size_t columns = model.signature().columns.size();
  if (columns == 0) return absl::UnimplementedError("only models that take one matrix of numbers are measured");
  const std::vector<float> rows = BenchRows(model, kPoolRows, seed);
  const std::vector<double> double_rows(rows.begin(), rows.end());
  const TensorSpec& input = model.signature().inputs[0];
  const bool doubles = input.dtype == DType::kFloat64;
  const auto row = [&](size_t at) {
    return doubles ? static_cast<const void*>(double_rows.data() + at * columns) : rows.data() + at * columns;
  };
  EngineBench bench;
  bench.engine = model.info().engine;

  const std::unique_ptr<Scorer> scorer = model.NewScorer();
  ScoreCall call;
  Outputs outputs;
  Status failed;
  EngineTiming& chosen = bench.timings.emplace_back(EngineTiming{"chosen", {}});
  for (const int64_t batch : kBenchBatches) {
    const auto score = [&](size_t at) {
      Batch one(static_cast<size_t>(batch));
      one.Add({input.name, doubles ? DType::kFloat64 : DType::kFloat32, {batch, static_cast<int64_t>(columns)}, row(at)});
      const auto state = scorer->Score(one, call, &outputs);
      if (!state.ok()) failed = state.status();
    };
    chosen.ns_per_row.emplace_back(batch, MeasureNsPerRow(kPoolRows, static_cast<size_t>(batch), repeat_ns, score));
    VIGIL_RETURN_IF_ERROR(failed);
  }

  const auto* tree_model = dynamic_cast<const trees::TreeModel*>(&model);
  if (tree_model == nullptr) return bench;
  const trees::Forest& forest = tree_model->forest();
  std::vector<int32_t> ends(forest.outputs);
  forest.TreeEnds(0, absl::MakeSpan(ends));
  std::vector<double> sums(static_cast<size_t>(kBenchBatches[std::size(kBenchBatches) - 1]) * forest.outputs);  // floats or doubles
  for (const std::string& name : trees::EngineNames()) {
    const auto engine = trees::MakeEngine(forest, name);
    if (!engine.ok()) continue;  // it cannot hold this forest
    trees::AlignedBytes scratch((*engine)->scratch_bytes());
    EngineTiming& timing = bench.timings.emplace_back(EngineTiming{name, {}});
    for (const int64_t batch : kBenchBatches) {
      const auto score = [&](size_t at) { (*engine)->Score(row(at), static_cast<size_t>(batch), ends, scratch.data(), sums.data()); };
      timing.ns_per_row.emplace_back(batch, MeasureNsPerRow(kPoolRows, static_cast<size_t>(batch), repeat_ns, score));
    }
  }
  return bench;
}

}  // namespace vigil
