// ONNX tree ensembles: lifted into our own trees against ONNX Runtime on one thread, in thread CPU time a row, minimum of several runs.
// Random trees (500 of depth 6; 500 of 31 leaves) and any model files given as arguments.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "base/random.h"
#include "runtime/onnx/loader.h"
#include "runtime/testing/onnx_trees.h"

namespace vigil {
namespace {

double ThreadNs() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

// Rows about the split values, one in twenty missing.
std::vector<float> Rows(size_t n, size_t width) {
  Random random(11);
  std::vector<float> rows(n * width);
  for (float& x : rows) {
    x = static_cast<float>(random.Normal() * 2.5);
    if (random.Uniform() < 0.05) x = std::numeric_limits<float>::quiet_NaN();
  }
  return rows;
}

constexpr size_t kRows = 2'000;
constexpr int kRuns = 9;

double NsPerRow(const LoadedModel& model, const std::vector<float>& rows, size_t batch) {
  const size_t width = model.signature().columns.size();
  const std::unique_ptr<Scorer> scorer = model.NewScorer();
  Outputs outputs;
  double best = std::numeric_limits<double>::infinity();
  for (int run = 0; run < kRuns; ++run) {
    const double begin = ThreadNs();
    for (size_t at = 0; at + batch <= kRows; at += batch) {
      ScoreCall call;
      if (!scorer->Score(Batch::FloatMatrix(rows.data() + at * width, batch, width), call, &outputs).ok()) std::abort();
    }
    best = std::min(best, (ThreadNs() - begin) / static_cast<double>(kRows / batch * batch));
  }
  return best;
}

void Compare(const std::string& name, const std::string& path) {
  const auto loader = onnx::MakeOnnxLoader();
  LoadOptions by_ort;
  by_ort.engine = "onnxruntime";
  const auto lifted = loader->Load(path, LoadOptions()), ort = loader->Load(path, by_ort);
  for (const auto* model : {&lifted, &ort}) {
    if (model->ok() && (**model)->signature().columns.size() > 0) continue;
    std::printf("%-28s not measured: %s\n", name.c_str(), std::string(model->status().message()).c_str());
    return;
  }
  const std::vector<float> rows = Rows(kRows, (*ort)->signature().columns.size());
  for (const size_t batch : {1, 8, 64, 1000}) {
    const double ours = NsPerRow(**lifted, rows, batch), theirs = NsPerRow(**ort, rows, batch);
    std::printf("%-28s %-18s batch %4zu: %9.0f ns a row, ONNX Runtime %9.0f ns: %5.1f x\n", name.c_str(), (*lifted)->info().engine.c_str(),
                batch, ours, theirs, theirs / ours);
  }
}

}  // namespace
}  // namespace vigil

int main(int argc, char** argv) {
  using vigil::testing::OnnxTreesOptions;
  OnnxTreesOptions deep;
  deep.classifier = true;
  deep.targets = 2;
  deep.weights = OnnxTreesOptions::Weights::kOneTarget;
  deep.post_transform = 1;  // LOGISTIC
  deep.features = 15;
  deep.trees = 500;
  deep.depth = 6;
  deep.full = true;
  OnnxTreesOptions wide = deep;
  wide.leaves_max = 31;
  const std::pair<const char*, OnnxTreesOptions> cases[] = {{"500 trees of depth 6", deep}, {"500 trees of 31 leaves", wide}};
  for (const auto& [name, options] : cases) {
    const std::string path = (std::filesystem::temp_directory_path() / "vigil_onnx_bench.onnx").string();
    std::ofstream(path, std::ios::binary) << vigil::testing::RandomOnnxTrees(options, 5);
    vigil::Compare(name, path);
    std::filesystem::remove(path);
  }
  for (int i = 1; i < argc; ++i) vigil::Compare(std::filesystem::path(argv[i]).parent_path().filename().string(), argv[i]);
  return 0;
}
