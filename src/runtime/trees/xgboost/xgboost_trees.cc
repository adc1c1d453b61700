#include "runtime/trees/xgboost/xgboost_trees.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "base/text.h"
#include "runtime/cat.h"
#include "runtime/trees/xgboost/fields.h"

namespace vigil::trees {
namespace {

// XGBoost's OutOfRangeCat: float32 counts no further in steps of one, and a value from here on is in no set.
constexpr double kCategoriesEnd = 16777216;

bool IsIntegerIn(double value, double low, double high) { return value >= low && value <= high && value == std::floor(value); }

// As XGBoost multiplies: both as float32, the product too.
double Weighted(float weight, double leaf) { return double{weight * static_cast<float>(leaf)}; }

}  // namespace

Status XgboostTreeReader::Read(const DocumentCursor& tree, std::string_view place, int32_t output, int32_t round, float weight) {
  if (!tree.is_object()) return Broken(place, "must be an object");
  VIGIL_ASSIGN_OR_RETURN(const DocumentCursor parameters, Member(tree, "tree_param", place));
  const std::string parameters_place = Cat(place, ".tree_param");
  VIGIL_ASSIGN_OR_RETURN(const std::optional<int64_t> nodes, Integer(parameters, "num_nodes", parameters_place));
  VIGIL_ASSIGN_OR_RETURN(const std::optional<int64_t> vector_size, Integer(parameters, "size_leaf_vector", parameters_place));
  TreeArrays arrays;
  const std::pair<std::string_view, absl::Span<const double>*> fields[] = {{"left_children", &arrays.left},
                                                                           {"right_children", &arrays.right},
                                                                           {"split_indices", &arrays.feature},
                                                                           {"split_conditions", &arrays.value},
                                                                           {"default_left", &arrays.default_left}};
  for (const auto& [key, span] : fields) {
    VIGIL_ASSIGN_OR_RETURN(*span, Numbers(tree, key, place));
    if (nodes.has_value() && *nodes != static_cast<int64_t>(span->size())) {
      return Broken(Cat(place, ".", key), Cat(span->size(), " entries where tree_param.num_nodes says ", *nodes));
    }
    if (span->size() != arrays.left.size()) {
      return Broken(Cat(place, ".", key), Cat(span->size(), " entries for ", arrays.left.size(), " left_children"));
    }
  }
  if (const auto weights = tree.Find("sum_hessian"); weights.has_value() && weights->numbers().size() == arrays.left.size()) {
    arrays.cover = weights->numbers();
  }
  VIGIL_RETURN_IF_ERROR(ReadSets(tree, place, &arrays));
  if (vector_size.value_or(1) > 1) {
    if (*vector_size != outputs_) {
      return Broken(Cat(parameters_place, ".size_leaf_vector"), Cat(*vector_size, " in a model with ", outputs_, " outputs"));
    }
    VIGIL_RETURN_IF_ERROR(ReadVectors(tree, place, weight, &arrays));
    output = kEveryOutput;
  } else if (weight != 1) {
    value_.assign(arrays.value.begin(), arrays.value.end());
    for (size_t n = 0; n < value_.size(); ++n) {
      if (arrays.left[n] == -1) value_[n] = Weighted(weight, value_[n]);
    }
    arrays.value = value_;
  }
  const Status status = builder_->AddTree(arrays, output, round);
  return status.ok() ? status : Broken(place, StdView(status.message()));
}

// Node categories_nodes[i] sends the categories from categories[categories_segments[i]] on, categories_sizes[i] of them, to the right, and
// every other value to the left: also one that is negative, never seen, or beyond all categories. A fraction is dropped.
Status XgboostTreeReader::ReadSets(const DocumentCursor& tree, std::string_view place, TreeArrays* arrays) {
  if (!tree.Find("split_type").has_value()) return absl::OkStatus();  // before XGBoost 1.3
  VIGIL_ASSIGN_OR_RETURN(const absl::Span<const double> kinds, Numbers(tree, "split_type", place));
  const auto categorical = static_cast<size_t>(std::count(kinds.begin(), kinds.end(), 1.0));
  if (categorical + static_cast<size_t>(std::count(kinds.begin(), kinds.end(), 0.0)) != kinds.size()) {
    return Broken(Cat(place, ".split_type"), "a kind of split other than 0 (numeric) and 1 (categorical)");
  }
  if (categorical == 0) return absl::OkStatus();
  if (kinds.size() != arrays->left.size()) {
    return Broken(Cat(place, ".split_type"), Cat(kinds.size(), " entries for ", arrays->left.size(), " nodes"));
  }
  absl::Span<const double> nodes, begins, sizes, categories;
  const std::pair<std::string_view, absl::Span<const double>*> fields[] = {
      {"categories_nodes", &nodes}, {"categories_segments", &begins}, {"categories_sizes", &sizes}, {"categories", &categories}};
  for (const auto& [key, span] : fields) {
    VIGIL_ASSIGN_OR_RETURN(*span, Numbers(tree, key, place));
    if (span != &categories && span->size() != categorical) {
      return Broken(Cat(place, ".", key), Cat(span->size(), " entries for ", categorical, " categorical splits"));
    }
  }
  const auto wrong = std::find_if(categories.begin(), categories.end(), [](double c) { return !IsIntegerIn(c, 0, kCategoriesEnd - 1); });
  if (wrong != categories.end()) {
    return Broken(Cat(place, ".categories[", wrong - categories.begin(), "]"),
                  Cat("a category of ", NumberText(*wrong), "; they are from 0 to ", static_cast<int64_t>(kCategoriesEnd) - 1));
  }
  set_.assign(kinds.size(), -1);
  double last_node = -1, end = 0;  // segments follow one another, so that reading them all is no more work than the file is long
  for (size_t i = 0; i < categorical; ++i) {
    if (!IsIntegerIn(nodes[i], last_node + 1, static_cast<double>(kinds.size()) - 1) || kinds[static_cast<size_t>(nodes[i])] != 1) {
      return Broken(Cat(place, ".categories_nodes[", i, "]"), Cat(NumberText(nodes[i]), " is no categorical split, or out of order"));
    }
    last_node = nodes[i];
    const auto count = static_cast<double>(categories.size());
    if (!IsIntegerIn(begins[i], end, count)) {
      return Broken(Cat(place, ".categories_segments[", i, "]"), Cat(NumberText(begins[i]), " is not from ", end, " to ", count));
    }
    if (!IsIntegerIn(sizes[i], 1, count - begins[i])) {
      return Broken(Cat(place, ".categories_sizes[", i, "]"),
                    Cat(NumberText(sizes[i]), " categories from ", begins[i], " on, of ", count, " in the tree"));
    }
    end = begins[i] + sizes[i];
    const auto members = categories.subspan(static_cast<size_t>(begins[i]), static_cast<size_t>(sizes[i]));
    VIGIL_ASSIGN_OR_RETURN(set_[static_cast<size_t>(nodes[i])],
                           builder_->AddSet(members, SetReading::kTruncatedFromZeroOn, /*holds_left=*/false));
  }
  arrays->set = set_;
  return absl::OkStatus();
}

// From XGBoost 3.2 on the vectors are leaf_weights and a leaf's right child is its vector's number; before, every node's vector is in
// base_weights.
Status XgboostTreeReader::ReadVectors(const DocumentCursor& tree, std::string_view place, float weight, TreeArrays* arrays) {
  const bool numbered = tree.Find("leaf_weights").has_value();
  const std::string_view key = numbered ? "leaf_weights" : "base_weights";
  VIGIL_ASSIGN_OR_RETURN(arrays->leaf_vectors, Numbers(tree, key, place));
  const size_t wide = static_cast<size_t>(outputs_), nodes = arrays->left.size();
  if (arrays->leaf_vectors.empty() || arrays->leaf_vectors.size() % wide != 0 ||
      (!numbered && arrays->leaf_vectors.size() != nodes * wide)) {
    return Broken(Cat(place, ".", key), Cat(arrays->leaf_vectors.size(), " values for ", nodes, " nodes and ", wide, " outputs"));
  }
  value_.assign(arrays->value.begin(), arrays->value.end());
  for (size_t n = 0; n < nodes; ++n) {
    if (arrays->left[n] == -1) value_[n] = numbered ? arrays->right[n] : static_cast<double>(n);
  }
  arrays->value = value_;
  if (weight != 1) {
    leaf_vectors_.assign(arrays->leaf_vectors.begin(), arrays->leaf_vectors.end());
    for (double& leaf : leaf_vectors_) leaf = Weighted(weight, leaf);
    arrays->leaf_vectors = leaf_vectors_;
  }
  return absl::OkStatus();
}

}  // namespace vigil::trees
