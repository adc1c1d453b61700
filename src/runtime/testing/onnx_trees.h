// Random tree ensembles as ONNX models, for tests and benches.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vigil::testing {

struct OnnxTreesOptions {
  int version = 3;  // of ai.onnx.ml: 1, 3 (TreeEnsembleRegressor/Classifier) or 5 (TreeEnsemble)
  bool classifier = false;
  bool doubles = false;
  int64_t features = 5;
  int64_t targets = 1;  // or classes
  int64_t trees = 10;
  int depth = 4;  // of every path where `full`, else at most
  bool full = false;
  int64_t leaves_max = 0;        // leaf-wise growth to so many leaves; 0: by depth
  std::vector<int> modes = {0};  // drawn from: NodeMode's numbers
  double missing_true = 0.3;     // share of splits whose missing values take the true branch
  enum class Weights { kOneTarget, kEveryTarget, kOneATree, kSecondOnly, kMirrored } weights = Weights::kEveryTarget;
  bool positive_weights = false;
  int64_t base_values = 0;  // how many
  int aggregate = 1;        // AVERAGE, SUM, MIN, MAX
  int post_transform = 0;   // NONE, LOGISTIC, SOFTMAX, SOFTMAX_ZERO, PROBIT
  bool text_labels = false;
  int64_t first_label = 10;  // of integers
};

// A model of one operator from X (FP32 or FP64 [-1, features]) to Y, or to label and scores. Split values are drawn from few, so that rows
// meet them exactly.
std::string RandomOnnxTrees(const OnnxTreesOptions& options, uint64_t seed);

}  // namespace vigil::testing
