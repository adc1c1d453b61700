// Every scoring engine beside XGBoost itself, in one run on one thread.
//   engine_bench [MODEL [INSTRUCTION_SET]]
// Without MODEL, or with an empty one, it trains one of 500 trees, depth 6, 30 features (kept beside the binary for the next run).
// INSTRUCTION_SET (AVX3_DL, AVX3, AVX2, SSE4, SSSE3) stands in for a lesser machine.
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "base/random.h"
#include "runtime/engine_bench.h"
#include "runtime/testing/xgboost_peer.h"
#include "runtime/trees/loader.h"
#include "runtime/trees/rank_kernels.h"

namespace vigil::bench {
namespace {

using testing::XgboostPeer;

constexpr size_t kTrainRows = 60000;
constexpr size_t kFeatures = 30;
constexpr int kRounds = 500;

// A noisy nonlinear label, so that trees grow to their full depth; four features have 5% missing.
Status TrainModel(XgboostPeer* peer, const std::string& path) {
  Random random(7);
  std::vector<float> matrix, labels;
  for (size_t r = 0; r < kTrainRows; ++r) {
    double score = 0;
    for (size_t f = 0; f < kFeatures; ++f) {
      const double x = random.Normal();
      score += std::sin(x * (1.0 + static_cast<double>(f) / 7)) * (f % 3 == 0 ? 1 : 0.4);
      matrix.push_back(f < 4 && random.Uniform() < 0.05 ? std::numeric_limits<float>::quiet_NaN() : static_cast<float>(x));
    }
    labels.push_back(score + random.Normal() > 0.5 ? 1.0f : 0.0f);
  }
  std::printf("training %d trees of depth 6 on %zu rows of %zu features, once\n", kRounds, kTrainRows, kFeatures);
  return peer->Train(matrix, labels,
                     {{"objective", "binary:logistic"},
                      {"max_depth", "6"},
                      {"eta", "0.1"},
                      {"tree_method", "hist"},
                      {"max_bin", "256"},
                      {"min_child_weight", "0"},
                      {"nthread", "2"},
                      {"verbosity", "0"}},
                     kRounds, path);
}

Status MeasurePeer(XgboostPeer* peer, const std::vector<float>& rows, size_t columns, EngineTiming* timing) {
  Status failed;
  for (const int64_t batch : kBenchBatches) {
    const auto score = [&](size_t at) {
      const float* result = nullptr;
      size_t size = 0;
      const Status status = peer->Predict(rows.data() + at * columns, static_cast<size_t>(batch), columns, false, &result, &size);
      if (!status.ok()) failed = status;
    };
    timing->ns_per_row.emplace_back(batch, MeasureNsPerRow(rows.size() / columns, static_cast<size_t>(batch), 20'000'000, score));
    VIGIL_RETURN_IF_ERROR(failed);
  }
  return absl::OkStatus();
}

// The largest difference between our margins and XGBoost's.
StatusOr<double> Disagreement(XgboostPeer* peer, const LoadedModel& model, const std::vector<float>& rows, size_t columns) {
  ScoreCall call;
  call.margin = true;
  Outputs outputs;
  const size_t n = rows.size() / columns;
  VIGIL_RETURN_IF_ERROR(model.NewScorer()->Score(Batch::FloatMatrix(rows.data(), n, columns), call, &outputs).status());
  const float* result = nullptr;
  size_t size = 0;
  VIGIL_RETURN_IF_ERROR(peer->Predict(rows.data(), n, columns, true, &result, &size));
  double worst = size == outputs.tensors[1].floats.size() ? 0 : std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < size && std::isfinite(worst); ++i)
    worst = std::max(worst, std::abs(double{result[i]} - outputs.tensors[1].floats[i]));
  return worst;
}

void Print(const EngineTiming& timing, const EngineTiming& peer) {
  std::printf("%-28s", timing.engine.c_str());
  for (size_t i = 0; i < timing.ns_per_row.size(); ++i) {
    std::printf("  %9.0f %6.1fx", timing.ns_per_row[i].second, peer.ns_per_row[i].second / timing.ns_per_row[i].second);
  }
  std::printf("\n");
}

Status Run(const std::string& program, std::string path, const std::string& instruction_set) {
  trees::UseRankKernelTarget(instruction_set);
  const std::filesystem::path dir = std::filesystem::absolute(program).parent_path();
  VIGIL_ASSIGN_OR_RETURN(const std::unique_ptr<XgboostPeer> peer, XgboostPeer::Open((dir / ".." / "lib" / "libxgboost.so").string()));
  if (path.empty()) {
    path = (dir / "engine_bench_500x6x30.json").string();
    if (!std::filesystem::exists(path)) VIGIL_RETURN_IF_ERROR(TrainModel(peer.get(), path));
  }
  std::vector<std::unique_ptr<ModelLoader>> loaders;
  loaders.push_back(trees::MakeXgboostLoader());
  VIGIL_ASSIGN_OR_RETURN(const std::unique_ptr<LoadedModel> model, LoadModel(loaders, path, {}));
  VIGIL_RETURN_IF_ERROR(peer->Load(path));

  const size_t columns = model->table().names.size();
  const std::vector<float> rows = BenchRows(*model, 4096, 1);
  VIGIL_ASSIGN_OR_RETURN(const double worst, Disagreement(peer.get(), *model, rows, columns));
  EngineTiming reference{"XGBoost " + peer->version() + " FromDense", {}};
  VIGIL_RETURN_IF_ERROR(MeasurePeer(peer.get(), rows, columns, &reference));
  VIGIL_ASSIGN_OR_RETURN(const EngineBench bench, BenchEngines(*model, 1));

  for (const auto& [key, value] : model->info().facts) std::printf("%s %s  ", key.c_str(), value.c_str());
  std::printf("\nchosen: %s (%s); instruction set %s; largest difference from XGBoost's margins %.3g\n", bench.engine.c_str(),
              model->info().engine_reason.c_str(), trees::RankKernelTarget().c_str(), worst);
  std::printf("ns a row, thread CPU time, minimum of %d, and how many times as fast as XGBoost\n%-28s", kBenchRepeats, "engine");
  for (const int64_t batch : kBenchBatches) std::printf("  %8lld rows    ", static_cast<long long>(batch));
  std::printf("\n");
  Print(reference, reference);
  for (const EngineTiming& timing : bench.timings) Print(timing, reference);
  return absl::OkStatus();
}

}  // namespace
}  // namespace vigil::bench

int main(int argc, char** argv) {
  const vigil::Status status = vigil::bench::Run(argv[0], argc > 1 ? argv[1] : "", argc > 2 ? argv[2] : "");
  if (!status.ok()) std::fprintf(stderr, "engine_bench: %s\n", std::string(status.message()).c_str());
  return status.ok() ? 0 : 1;
}
