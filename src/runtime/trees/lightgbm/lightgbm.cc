#include "runtime/trees/lightgbm/lightgbm.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "runtime/cat.h"
#include "runtime/trees/forest_builder.h"
#include "runtime/trees/lightgbm/lightgbm_text.h"

namespace vigil::trees {
namespace {

// LightGBM reads a row as its values that are not zero, and takes what lies within kZeroMagnitude of 0 for zero: x <= threshold of what is
// left is this comparison of x itself.
double ThresholdBesideZero(double threshold) {
  if (threshold >= -kZeroMagnitude && threshold < 0) return std::nextafter(-kZeroMagnitude, -1.0);
  if (threshold >= 0 && threshold < kZeroMagnitude) return kZeroMagnitude;
  return threshold;
}

// The arrays of one tree in a forest's numbering: splits as in the file, then the leaves.
class TreeForm {
 public:
  TreeForm(const LightgbmTree& tree, ForestBuilder* builder) : tree_(tree), builder_(builder) {}

  Status Add(int32_t output, int32_t round) {
    const size_t splits = tree_.split_feature.size(), nodes = splits + static_cast<size_t>(tree_.leaves);
    left_.assign(nodes, -1);
    right_.assign(nodes, -1);
    feature_.assign(nodes, 0);
    value_.assign(nodes, 0);
    default_left_.assign(nodes, 0);
    missing_.assign(nodes, Missing::kNan);
    leaf_number_.assign(nodes, 0);
    for (size_t n = 0; n < splits; ++n) VIGIL_RETURN_IF_ERROR(AddSplit(n));
    for (size_t leaf = 0; leaf < static_cast<size_t>(tree_.leaves); ++leaf) {
      value_[splits + leaf] = tree_.leaf_value[leaf];
      leaf_number_[splits + leaf] = static_cast<int32_t>(leaf);
    }
    if (tree_.linear) AddLinearLeaves(splits);
    TreeArrays arrays;
    arrays.left = left_;
    arrays.right = right_;
    arrays.feature = feature_;
    arrays.value = value_;
    arrays.default_left = default_left_;
    arrays.every_comparison = Comparison::kLessEqual;
    arrays.missing = missing_;
    arrays.set = set_;
    arrays.leaf_number = leaf_number_;
    arrays.linear = linear_;
    cover_ = tree_.split_count;
    cover_.insert(cover_.end(), tree_.leaf_count.begin(), tree_.leaf_count.end());
    arrays.cover = cover_;
    return builder_->AddTree(arrays, output, round);
  }

 private:
  Status AddSplit(size_t n) {
    const auto splits = static_cast<int32_t>(tree_.split_feature.size());
    const auto node_of = [splits](int32_t child) { return child >= 0 ? child : splits + ~child; };
    left_[n] = node_of(tree_.left_child[n]);
    right_[n] = node_of(tree_.right_child[n]);
    feature_[n] = tree_.split_feature[n];
    const uint8_t type = tree_.decision_type[n];
    if ((type & kLightgbmCategorical) != 0) return AddCategoricalSplit(n);  // a missing category goes right
    value_[n] = ThresholdBesideZero(tree_.threshold[n]);
    default_left_[n] = (type & kLightgbmDefaultLeft) != 0;
    switch (tree_.missing(n)) {
      case LightgbmMissing::kNone: missing_[n] = Missing::kNanIsZero; break;
      case LightgbmMissing::kZero: missing_[n] = Missing::kZeroOrNan; break;
      case LightgbmMissing::kNan: missing_[n] = Missing::kNan; break;
    }
    return absl::OkStatus();
  }

  Status AddCategoricalSplit(size_t n) {
    if (set_.empty()) {
      set_.assign(left_.size(), -1);
      built_.assign(tree_.cat_boundaries.size(), -1);
    }
    // Any number of splits may name one set: it is built once.
    const auto set = static_cast<size_t>(tree_.threshold[n]);
    if (built_[set] < 0) {
      VIGIL_ASSIGN_OR_RETURN(built_[set], builder_->AddSet(Codes(set), SetReading::kTruncated, /*holds_left=*/true));
    }
    set_[n] = built_[set];
    return absl::OkStatus();
  }

  std::vector<double> Codes(size_t set) const {
    std::vector<double> codes;
    for (uint32_t word = tree_.cat_boundaries[set]; word < tree_.cat_boundaries[set + 1]; ++word) {
      const uint32_t base = (word - tree_.cat_boundaries[set]) * 32;
      for (uint32_t bit = 0; bit < 32; ++bit) {
        if ((tree_.cat_threshold[word] >> bit & 1) != 0) codes.push_back(base + bit);
      }
    }
    return codes;
  }

  void AddLinearLeaves(size_t splits) {
    linear_.resize(left_.size());
    for (size_t leaf = 0; leaf < static_cast<size_t>(tree_.leaves); ++leaf) {
      const auto begin = static_cast<size_t>(tree_.leaf_begin[leaf]), count = static_cast<size_t>(tree_.leaf_begin[leaf + 1]) - begin;
      TreeArrays::Linear& linear = linear_[splits + leaf];
      linear.constant = tree_.leaf_const[leaf];
      linear.feature = absl::MakeConstSpan(tree_.leaf_features).subspan(begin, count);
      linear.coefficient = absl::MakeConstSpan(tree_.leaf_coeff).subspan(begin, count);
    }
  }

  const LightgbmTree& tree_;
  ForestBuilder* const builder_;
  std::vector<double> left_, right_, feature_, value_, default_left_, cover_;
  std::vector<Missing> missing_;
  std::vector<int32_t> set_, leaf_number_;
  std::vector<int32_t> built_;  // the builder's number of each of the tree's sets; -1: not built
  std::vector<TreeArrays::Linear> linear_;
};

bool NamesAreMadeUp(const std::vector<std::string>& names) {
  for (size_t f = 0; f < names.size(); ++f) {
    if (names[f] != Cat("Column_", f)) return false;
  }
  return true;
}

// The columns that had categories in the training frame. The file keeps only their lists, in the order of the columns, so the columns must
// follow from what was trained as categorical: by the parameter, else by the features' own description.
std::vector<int32_t> CategoricalColumns(const LightgbmText& text) {
  std::vector<int32_t> columns;
  for (const absl::string_view word : absl::StrSplit(AbslView(text.categorical_feature), ',', absl::SkipEmpty())) {
    int32_t column = 0;
    if (!absl::SimpleAtoi(word, &column) || column < 0 || column >= text.features) {
      columns.clear();
      break;
    }
    columns.push_back(column);
  }
  if (columns.empty()) {
    for (int32_t f = 0; f < text.features; ++f) {
      if (text.kinds[static_cast<size_t>(f)] == LightgbmFeatureKind::kCategorical) columns.push_back(f);
    }
  }
  std::sort(columns.begin(), columns.end());
  columns.erase(std::unique(columns.begin(), columns.end()), columns.end());
  return columns;
}

Status ReadCategories(const LightgbmText& text, LightgbmModel* model) {
  if (text.pandas_categorical.empty()) return absl::OkStatus();
  VIGIL_ASSIGN_OR_RETURN(std::vector<std::shared_ptr<const CategoryCodes>> lists, ReadPandasCategories(text.pandas_categorical));
  if (lists.empty()) return absl::OkStatus();
  const std::vector<int32_t> columns = CategoricalColumns(text);
  if (columns.size() != lists.size()) {
    return absl::UnimplementedError(
        Cat("pandas_categorical: ", lists.size(), " lists for ", columns.size(),
            " categorical features (ordered ones are not marked): which column each belongs to is not in the file; ",
            "train with these columns as codes"));
  }
  model->categories.resize(static_cast<size_t>(text.features));
  for (size_t i = 0; i < lists.size(); ++i) model->categories[static_cast<size_t>(columns[i])] = std::move(lists[i]);
  return absl::OkStatus();
}

}  // namespace

StatusOr<LightgbmModel> ReadLightgbm(std::string_view content) {
  VIGIL_ASSIGN_OR_RETURN(const LightgbmText text, ReadLightgbmText(content));
  LightgbmModel model;
  model.objective = text.objective;
  VIGIL_RETURN_IF_ERROR(ReadCategories(text, &model));
  ForestBuilder builder(text.features, std::vector<double>(static_cast<size_t>(text.outputs), 0));
  builder.SetPrecision(Precision::kFloat64, Precision::kFloat64);
  for (size_t t = 0; t < text.trees.size(); ++t) {
    const auto outputs = static_cast<size_t>(text.outputs);
    const Status status = TreeForm(text.trees[t], &builder).Add(static_cast<int32_t>(t % outputs), static_cast<int32_t>(t / outputs));
    if (!status.ok()) return Status(status.code(), Cat("Tree=", t, ": ", StdView(status.message())));
  }
  model.forest = builder.Finish(static_cast<int32_t>(text.trees.size() / static_cast<size_t>(text.outputs)));
  model.average = text.average_output;
  model.library = Cat("lightgbm, model text ", text.version);
  if (!NamesAreMadeUp(text.names)) model.feature_names = text.names;
  return model;
}

}  // namespace vigil::trees
