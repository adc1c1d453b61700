#include "runtime/trees/catboost/catboost.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/text.h"
#include "runtime/cat.h"
#include "runtime/trees/forest_builder.h"

namespace vigil::trees {
namespace {

class ModelMaker {
 public:
  explicit ModelMaker(CatboostFile file)
      : file_(std::move(file)), builder_(file_.columns, std::vector<double>(static_cast<size_t>(file_.outputs), 0)) {
    builder_.SetPrecision(Precision::kFloat32, Precision::kFloat64);
  }

  StatusOr<CatboostModel> Make() {
    VIGIL_ASSIGN_OR_RETURN(model_.objective, FindCatboostObjective(file_.loss));
    if (model_.objective.transform == Transform::kMeanVariance && file_.outputs != 2) {
      return absl::InvalidArgumentError(Cat("loss ", file_.loss, " has 2 outputs; the trees have ", file_.outputs));
    }
    VIGIL_RETURN_IF_ERROR(CheckScaleAndBias());
    for (size_t t = 0; t < file_.trees.size(); ++t) {
      const Status status = AddTree(file_.trees[t], static_cast<int32_t>(t));
      if (!status.ok()) return Status(status.code(), Cat("tree ", t, ": ", StdView(status.message())));
    }
    model_.forest = builder_.Finish(static_cast<int32_t>(file_.trees.size()));
    model_.forest.scale = file_.scale;
    if (std::any_of(file_.bias.begin(), file_.bias.end(), [](double bias) { return bias != 0; })) model_.forest.bias = file_.bias;
    model_.library = std::move(file_.library);
    model_.classes = std::move(file_.classes);
    NameColumns();
    ReadCategories();
    return std::move(model_);
  }

 private:
  Status CheckScaleAndBias() const {
    if (file_.bias.size() != static_cast<size_t>(file_.outputs)) {
      return absl::InvalidArgumentError(Cat("scale_and_bias: ", file_.bias.size(), " biases for ", file_.outputs, " outputs"));
    }
    for (const double value : file_.bias) {
      if (!std::isfinite(value)) return absl::InvalidArgumentError(Cat("scale_and_bias: a bias of ", NumberText(value)));
    }
    if (!std::isfinite(file_.scale)) return absl::InvalidArgumentError(Cat("scale_and_bias: a scale of ", NumberText(file_.scale)));
    return absl::OkStatus();
  }

  void Reset(size_t nodes) {
    left_.assign(nodes, -1);
    right_.assign(nodes, -1);
    feature_.assign(nodes, 0);
    value_.assign(nodes, 0);
    default_left_.assign(nodes, 0);
    leaf_number_.assign(nodes, 0);
    set_.assign(file_.one_hots.empty() ? 0 : nodes, -1);
  }

  // A row that the question is true of goes right.
  Status SetSplit(size_t n, int32_t split_number, size_t left, size_t right) {
    const CatboostSplit& split = file_.splits[static_cast<size_t>(split_number)];
    left_[n] = static_cast<double>(left);
    right_[n] = static_cast<double>(right);
    const auto place = static_cast<size_t>(split.place);
    if (split.one_hot) {
      const CatboostOneHot& one_hot = file_.one_hots[static_cast<size_t>(split.feature)];
      feature_[n] = file_.categorical[static_cast<size_t>(one_hot.categorical)].column;
      default_left_[n] = 1;  // no category, or none that training saw
      VIGIL_ASSIGN_OR_RETURN(set_[n], builder_.AddSet({static_cast<double>(place)}, SetReading::kExact, /*holds_left=*/false));
      return absl::OkStatus();
    }
    const CatboostFloatFeature& feature = file_.floats[static_cast<size_t>(split.feature)];
    feature_[n] = feature.column;
    value_[n] = feature.borders[place];
    default_left_[n] = feature.nan == CatboostNan::kAsTrue ? 0 : 1;
    return absl::OkStatus();
  }

  Status AddTree(const CatboostTree& tree, int32_t round) {
    VIGIL_RETURN_IF_ERROR(tree.oblivious ? FillOblivious(tree) : FillNodes(tree));
    const bool vectors = file_.outputs > 1;
    for (size_t n = 0; n < left_.size(); ++n) {
      // A leaf's value is the number of its vector, or its only number.
      if (left_[n] < 0) value_[n] = vectors ? leaf_number_[n] : tree.values[static_cast<size_t>(leaf_number_[n])];
    }
    SumWeights(tree);
    TreeArrays arrays;
    arrays.left = left_;
    arrays.right = right_;
    arrays.feature = feature_;
    arrays.value = value_;
    arrays.default_left = default_left_;
    arrays.every_comparison = Comparison::kLessEqual;
    arrays.set = set_;
    arrays.leaf_number = leaf_number_;
    arrays.cover = cover_;
    if (vectors) arrays.leaf_vectors = tree.values;
    return builder_.AddTree(arrays, vectors ? kEveryOutput : 0, round);
  }

  // The weight that passed each node: of its leaves. Children come after their parents.
  void SumWeights(const CatboostTree& tree) {
    cover_.assign(tree.weights.empty() ? 0 : left_.size(), 0);
    for (size_t n = cover_.size(); n-- > 0;) {
      cover_[n] = left_[n] < 0 ? tree.weights[static_cast<size_t>(leaf_number_[n])]
                               : cover_[static_cast<size_t>(left_[n])] + cover_[static_cast<size_t>(right_[n])];
    }
  }

  // A complete tree, level by level from the last split, so that its leaves lie in the order of their numbers.
  Status FillOblivious(const CatboostTree& tree) {
    const size_t depth = tree.splits.size(), inner = (size_t{1} << depth) - 1;
    Reset(2 * inner + 1);
    for (size_t level = 0, n = 0; level < depth; ++level) {
      for (size_t i = 0; i < size_t{1} << level; ++i, ++n) {
        VIGIL_RETURN_IF_ERROR(SetSplit(n, tree.splits[depth - 1 - level], 2 * n + 1, 2 * n + 2));
      }
    }
    for (size_t leaf = 0; leaf <= inner; ++leaf) leaf_number_[inner + leaf] = static_cast<int32_t>(leaf);
    return absl::OkStatus();
  }

  Status FillNodes(const CatboostTree& tree) {
    Reset(tree.splits.size());
    for (size_t n = 0; n < tree.splits.size(); ++n) {
      if (tree.leaf[n] >= 0) {
        leaf_number_[n] = static_cast<int32_t>(tree.leaf[n]);
      } else {
        VIGIL_RETURN_IF_ERROR(SetSplit(n, tree.splits[n], static_cast<size_t>(tree.left[n]), static_cast<size_t>(tree.right[n])));
      }
    }
    return absl::OkStatus();
  }

  // Names where the model has any; a column that has none, or that the model does not list, is f<column>.
  void NameColumns() {
    std::vector<std::string> names(static_cast<size_t>(file_.columns));
    bool any = false;
    const auto name = [&](int32_t column, const std::string& text) {
      names[static_cast<size_t>(column)] = text;
      any = any || !text.empty();
    };
    for (const CatboostFloatFeature& feature : file_.floats) name(feature.column, feature.name);
    for (const CatboostCategoricalFeature& feature : file_.categorical) name(feature.column, feature.name);
    if (!any) return;
    for (size_t c = 0; c < names.size(); ++c) {
      if (names[c].empty()) names[c] = Cat("f", c);
    }
    model_.feature_names = std::move(names);
  }

  void ReadCategories() {
    if (file_.categorical.empty()) return;
    std::vector<std::vector<uint32_t>> hashes(file_.categorical.size());
    for (CatboostOneHot& one_hot : file_.one_hots) hashes[static_cast<size_t>(one_hot.categorical)] = std::move(one_hot.values);
    model_.categories.resize(static_cast<size_t>(file_.columns));
    for (size_t i = 0; i < hashes.size(); ++i) {
      model_.categories[static_cast<size_t>(file_.categorical[i].column)] = MakeHashedCategories(std::move(hashes[i]));
    }
  }

  CatboostFile file_;
  CatboostModel model_;
  ForestBuilder builder_;
  std::vector<double> left_, right_, feature_, value_, default_left_, cover_;
  std::vector<int32_t> set_, leaf_number_;
};

}  // namespace

StatusOr<CatboostModel> MakeCatboostModel(CatboostFile file) { return ModelMaker(std::move(file)).Make(); }

}  // namespace vigil::trees
