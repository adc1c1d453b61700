// How fast a model scores on this machine: what `vigil bench engine` prints.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "runtime/model.h"

namespace vigil {

inline constexpr int64_t kBenchBatches[] = {1, 8, 64, 1000};
inline constexpr int kBenchRepeats = 9;

struct EngineTiming {
  std::string engine;                                  // "chosen": through Scorer, as served; otherwise an engine's margins alone
  std::vector<std::pair<int64_t, double>> ns_per_row;  // by batch size
};

struct EngineBench {
  std::string engine;  // the chosen one's name
  std::vector<EngineTiming> timings;
};

// Thread CPU time, minimum of kBenchRepeats, over uniform random rows within each feature's range of thresholds, 5% missing (for models
// that are no trees, whose ranges are unknown, within [0, 1)). Each repeat takes about `repeat_ns`.
StatusOr<EngineBench> BenchEngines(const LoadedModel& model, uint64_t seed, int64_t repeat_ns = 4'000'000);

// The rows that BenchEngines scores: [n][columns].
std::vector<float> BenchRows(const LoadedModel& model, size_t n, uint64_t seed);

// The same rows as `n` request bodies of one row each, distinct so that no branch learns them: {"rows":[{name: value, ...}]}, columns in
// the model's order, missing values null.
std::vector<std::string> BenchBodies(const LoadedModel& model, size_t n, uint64_t seed);

// Nanoseconds of this thread's CPU time.
int64_t ThreadCpuNs();

// Minimum nanoseconds a row of kBenchRepeats, each at least `ns_min` of calls of `score(first_row)` on `batch` rows out of `rows`.
template <typename Score>
double MeasureNsPerRow(size_t rows, size_t batch, int64_t ns_min, Score&& score) {
  double best = 1e300;
  size_t at = 0;
  for (int repeat = -1; repeat < kBenchRepeats; ++repeat) {  // the first warms up
    const int64_t start = ThreadCpuNs();
    int64_t spent = 0, scored = 0;
    while (spent < ns_min) {
      for (size_t calls = 0; calls < 1 + 256 / batch; ++calls) {
        if (at + batch > rows) at = 0;
        score(at);
        at += batch;
        scored += static_cast<int64_t>(batch);
      }
      spent = ThreadCpuNs() - start;
    }
    if (repeat >= 0) best = std::min(best, static_cast<double>(spent) / static_cast<double>(scored));
  }
  return best;
}

}  // namespace vigil
