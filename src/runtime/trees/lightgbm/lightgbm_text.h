// LightGBM's model text (versions v2 to v4) as plain values, checked for lengths and ranges but not for the shape of its trees: that a walk
// ends is for ForestBuilder to say. Source: LightGBM 4.7 src/boosting/gbdt_model_text.cpp, src/io/tree.cpp, checked against the library.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "runtime/trees/objective.h"

namespace vigil::trees {

// A node's decision_type: one bit for a categorical split, one for the default direction, two for what counts as missing.
inline constexpr uint8_t kLightgbmCategorical = 1;
inline constexpr uint8_t kLightgbmDefaultLeft = 2;
enum class LightgbmMissing : uint8_t { kNone = 0, kZero = 1, kNan = 2 };

struct LightgbmTree {
  int32_t leaves = 1;
  // One a split: leaves - 1. A child from 0 on is a split, below it is leaf ~child.
  std::vector<int32_t> split_feature, left_child, right_child;
  std::vector<double> threshold;  // of a categorical split: its number in cat_boundaries
  std::vector<uint8_t> decision_type;
  std::vector<double> leaf_value;  // one a leaf
  // Training rows that came by: one a split, one a leaf; both empty where the file does not say.
  std::vector<double> split_count, leaf_count;
  // The codes that go left, as bits: set i is the words [cat_boundaries[i], cat_boundaries[i + 1]) of cat_threshold.
  std::vector<uint32_t> cat_boundaries, cat_threshold;
  // A linear tree's leaf gives leaf_const plus its features' values times leaf_coeff; leaf l has the terms [leaf_begin[l], leaf_begin[l +
  // 1]).
  bool linear = false;
  std::vector<double> leaf_const;
  std::vector<int64_t> leaf_begin;
  std::vector<int32_t> leaf_features;
  std::vector<double> leaf_coeff;

  LightgbmMissing missing(size_t split) const { return static_cast<LightgbmMissing>(decision_type[split] >> 2 & 3); }
};

enum class LightgbmFeatureKind : uint8_t { kNumeric, kCategorical, kUnused };

struct LightgbmText {
  std::string version;          // "v4"
  int32_t features = 0;         // columns a row
  int32_t outputs = 1;          // trees a round
  bool average_output = false;  // a random forest: the prediction is the mean over the rounds
  Objective objective;
  std::vector<std::string> names;          // one a feature
  std::vector<LightgbmFeatureKind> kinds;  // one a feature, from feature_infos
  std::vector<LightgbmTree> trees;         // tree t belongs to output t % outputs
  std::string categorical_feature;         // this parameter, as trained: "0,1"; empty: not said
  std::string pandas_categorical;          // JSON: the category lists of the training frame; empty: not said
};

// INVALID_ARGUMENT names the section and the key ("Tree=4: left_child"); UNIMPLEMENTED a version that is not served.
StatusOr<LightgbmText> ReadLightgbmText(std::string_view content);

}  // namespace vigil::trees
