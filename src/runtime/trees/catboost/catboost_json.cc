// The JSON form. Like CatBoost's own reader this goes by each split's `split_index`, the number of a border or one-hot value.
#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "base/text.h"
#include "runtime/cat.h"
#include "runtime/trees/catboost/catboost_file.h"
#include "runtime/trees/forest.h"

namespace vigil::trees {
namespace {

constexpr double kIndexMax = 1 << 30;

Status Broken(std::string_view place, std::string_view what) { return absl::InvalidArgumentError(Cat(place, ": ", what)); }

// A member that is an integer from `low` to `high`.
StatusOr<int64_t> Integer(const DocumentCursor& object, std::string_view key, std::string_view place, double low, double high) {
  const auto found = object.Find(key);
  if (!found.has_value()) return Broken(Cat(place, ".", key), "is missing");
  const double value = found->number();
  if (!found->is_number() || !(value >= low && value <= high) || value != std::floor(value)) {
    return Broken(Cat(place, ".", key), Cat("must be an integer from ", NumberText(low), " to ", NumberText(high)));
  }
  return static_cast<int64_t>(value);
}

class JsonReader {
 public:
  explicit JsonReader(const Document& document) : root_(document) {}

  StatusOr<CatboostFile> Read() {
    const auto features = root_.Find("features_info");
    const auto oblivious = root_.Find("oblivious_trees"), trees = root_.Find("trees");
    if (!features.has_value()) return absl::InvalidArgumentError("no CatBoost model: the key 'features_info' is missing");
    if (!oblivious.has_value() && !trees.has_value()) {
      return absl::InvalidArgumentError("no CatBoost model: neither 'oblivious_trees' nor 'trees' is there");
    }
    ReadInfo();
    VIGIL_RETURN_IF_ERROR(ReadFeatures(*features));
    VIGIL_RETURN_IF_ERROR(oblivious.has_value() ? ReadObliviousTrees(*oblivious) : ReadNodeTrees(*trees));
    VIGIL_RETURN_IF_ERROR(ReadScaleAndBias());
    return std::move(file_);
  }

 private:
  void ReadInfo() {
    const auto info = root_.Find("model_info");
    std::optional<DocumentCursor> params, classes;
    std::string_view version;
    if (info.has_value()) {
      params = info->Find("params");
      classes = info->Find("class_params");
      if (const auto text = info->Find("catboost_version_info"); text.has_value()) version = text->text();
    }
    DescribeCatboost(params.has_value() ? &*params : nullptr, version, classes.has_value() ? &*classes : nullptr, &file_);
  }

  Status ReadFeatures(const DocumentCursor& info) {
    for (const std::string_view key : {"ctrs", "text_features", "embedding_features", "estimated_features"}) {
      if (const auto found = info.Find(key); found.has_value() && !found->Children().empty()) {
        return absl::UnimplementedError(
            Cat("features_info.", key, ": CatBoost ", key == "ctrs" ? "target statistics (ctr features)" : key, " are not served yet"));
      }
    }
    if (const auto floats = info.Find("float_features"); floats.has_value()) {
      const std::vector<DocumentCursor> list = floats->Children();
      for (size_t i = 0; i < list.size(); ++i) {
        VIGIL_RETURN_IF_ERROR(ReadFloatFeature(list[i], Cat("features_info.float_features[", i, "]")));
      }
    }
    if (const auto categorical = info.Find("categorical_features"); categorical.has_value()) {
      const std::vector<DocumentCursor> list = categorical->Children();
      for (size_t i = 0; i < list.size(); ++i) {
        VIGIL_RETURN_IF_ERROR(ReadCategoricalFeature(list[i], Cat("features_info.categorical_features[", i, "]")));
      }
    }
    ListCatboostSplits(&file_);
    return SettleCatboostColumns(&file_);
  }

  // `feature_name` is written where the names came with the data and not with the model.
  static std::string NameOf(const DocumentCursor& feature) {
    for (const std::string_view key : {"feature_id", "feature_name"}) {
      if (const auto name = feature.Find(key); name.has_value() && !name->text().empty()) return std::string(name->text());
    }
    return "";
  }

  Status ReadFloatFeature(const DocumentCursor& from, const std::string& place) {
    CatboostFloatFeature feature;
    VIGIL_ASSIGN_OR_RETURN(const int64_t column, Integer(from, "flat_feature_index", place, 0, kFeaturesMax - 1));
    feature.column = static_cast<int32_t>(column);
    feature.name = NameOf(from);
    if (const auto nan = from.Find("nan_value_treatment"); nan.has_value()) {
      if (nan->text() != "AsIs" && nan->text() != "AsFalse" && nan->text() != "AsTrue") {
        return Broken(Cat(place, ".nan_value_treatment"), Cat("unknown treatment '", nan->text().substr(0, 64), "'"));
      }
      feature.nan = nan->text() == "AsTrue" ? CatboostNan::kAsTrue : nan->text() == "AsFalse" ? CatboostNan::kAsFalse : CatboostNan::kAsIs;
    }
    if (const auto borders = from.Find("borders"); borders.has_value()) {
      if (!borders->Children().empty()) return Broken(Cat(place, ".borders"), "must be an array of numbers");
      for (const double border : borders->numbers()) feature.borders.push_back(static_cast<float>(border));
    }
    file_.floats.push_back(std::move(feature));
    return absl::OkStatus();
  }

  Status ReadCategoricalFeature(const DocumentCursor& from, const std::string& place) {
    CatboostCategoricalFeature feature;
    VIGIL_ASSIGN_OR_RETURN(const int64_t index, Integer(from, "feature_index", place, 0, kFeaturesMax - 1));
    VIGIL_ASSIGN_OR_RETURN(const int64_t column, Integer(from, "flat_feature_index", place, 0, kFeaturesMax - 1));
    feature.index = static_cast<int32_t>(index);
    feature.column = static_cast<int32_t>(column);
    feature.name = NameOf(from);
    file_.categorical.push_back(std::move(feature));
    const auto values = from.Find("values");
    if (!values.has_value()) return absl::OkStatus();
    std::vector<uint32_t> hashes;
    for (const double value : values->numbers()) {
      // Written as a signed integer of 32 bits.
      if (!(value >= INT32_MIN && value <= UINT32_MAX) || value != std::floor(value)) {
        return Broken(Cat(place, ".values"), Cat(NumberText(value), " is no hash"));
      }
      hashes.push_back(static_cast<uint32_t>(static_cast<int64_t>(value)));
    }
    return AddCatboostOneHot(index, std::move(hashes), &file_);
  }

  StatusOr<int32_t> SplitIndex(const DocumentCursor& split, std::string_view place) {
    VIGIL_ASSIGN_OR_RETURN(const int64_t index, Integer(split, "split_index", place, 0, kIndexMax));
    if (static_cast<size_t>(index) >= file_.splits.size()) {
      return Broken(Cat(place, ".split_index"), Cat(index, " of ", file_.splits.size(), " borders and one-hot values"));
    }
    return static_cast<int32_t>(index);
  }

  // Every leaf has one value an output, the same number in all trees.
  Status SettleOutputs(size_t values, size_t leaves, const std::string& place) {
    if (values == 0 || values % leaves != 0 || values / leaves > kOutputsMax)
      return Broken(place, Cat(values, " values for ", leaves, " leaves"));
    const auto outputs = static_cast<int32_t>(values / leaves);
    if (outputs_known_ && outputs != file_.outputs)
      return Broken(place, Cat(outputs, " values a leaf where other trees have ", file_.outputs));
    file_.outputs = outputs;
    outputs_known_ = true;
    return absl::OkStatus();
  }

  Status ReadObliviousTrees(const DocumentCursor& list) {
    const std::vector<DocumentCursor> trees = list.Children();
    for (size_t t = 0; t < trees.size(); ++t) {
      const std::string place = Cat("oblivious_trees[", t, "]");
      const auto values = trees[t].Find("leaf_values"), splits = trees[t].Find("splits");
      if (!values.has_value()) return Broken(Cat(place, ".leaf_values"), "is missing");
      CatboostTree& tree = file_.trees.emplace_back();
      if (splits.has_value()) {
        for (const DocumentCursor& split : splits->Children()) {
          VIGIL_ASSIGN_OR_RETURN(const int32_t index, SplitIndex(split, Cat(place, ".splits[", tree.splits.size(), "]")));
          tree.splits.push_back(index);
        }
      }
      if (tree.splits.size() > kCatboostDepthMax)
        return Broken(place, Cat("of depth ", tree.splits.size(), "; at most ", kCatboostDepthMax));
      tree.values.assign(values->numbers().begin(), values->numbers().end());
      VIGIL_RETURN_IF_ERROR(SettleOutputs(tree.values.size(), size_t{1} << tree.splits.size(), Cat(place, ".leaf_values")));
      if (const auto weights = trees[t].Find("leaf_weights"); weights.has_value()) {
        tree.weights.assign(weights->numbers().begin(), weights->numbers().end());
        if (!tree.weights.empty() && tree.weights.size() != size_t{1} << tree.splits.size()) {
          return Broken(Cat(place, ".leaf_weights"), Cat(tree.weights.size(), " weights for ", size_t{1} << tree.splits.size(), " leaves"));
        }
      }
    }
    return absl::OkStatus();
  }

  Status ReadNodeTrees(const DocumentCursor& list) {
    const std::vector<DocumentCursor> trees = list.Children();
    for (size_t t = 0; t < trees.size(); ++t) {
      CatboostTree& tree = file_.trees.emplace_back();
      tree.oblivious = false;
      VIGIL_RETURN_IF_ERROR(ReadNode(trees[t], Cat("trees[", t, "]"), &tree));
      if (tree.weights.size() * static_cast<size_t>(file_.outputs) != tree.values.size()) tree.weights.clear();  // not every leaf says
    }
    return absl::OkStatus();
  }

  // Recurses no deeper than a document nests. Appends the node and all below it, children after their parents.
  Status ReadNode(const DocumentCursor& from, const std::string& place, CatboostTree* tree) {
    const size_t n = tree->splits.size();
    tree->splits.push_back(-1);
    tree->left.push_back(-1);
    tree->right.push_back(-1);
    tree->leaf.push_back(-1);
    if (const auto value = from.Find("value"); value.has_value()) {
      if (const auto weight = from.Find("weight"); weight.has_value() && weight->is_number()) tree->weights.push_back(weight->number());
      return ReadLeaf(*value, place, n, tree);
    }
    const auto split = from.Find("split"), left = from.Find("left"), right = from.Find("right");
    if (!split.has_value() || !left.has_value() || !right.has_value()) return Broken(place, "must have a value, or split, left and right");
    VIGIL_ASSIGN_OR_RETURN(tree->splits[n], SplitIndex(*split, Cat(place, ".split")));
    tree->left[n] = static_cast<int32_t>(tree->splits.size());
    VIGIL_RETURN_IF_ERROR(ReadNode(*left, Cat(place, ".left"), tree));
    tree->right[n] = static_cast<int32_t>(tree->splits.size());
    return ReadNode(*right, Cat(place, ".right"), tree);
  }

  Status ReadLeaf(const DocumentCursor& value, const std::string& place, size_t n, CatboostTree* tree) {
    const size_t before = tree->values.size();
    if (value.is_number()) {
      tree->values.push_back(value.number());
    } else {
      tree->values.insert(tree->values.end(), value.numbers().begin(), value.numbers().end());
    }
    VIGIL_RETURN_IF_ERROR(SettleOutputs(tree->values.size() - before, 1, Cat(place, ".value")));
    tree->leaf[n] = static_cast<int64_t>(before / static_cast<size_t>(file_.outputs));
    return absl::OkStatus();
  }

  // [scale, [bias an output]]; absent in files of before 0.24.
  Status ReadScaleAndBias() {
    const auto found = root_.Find("scale_and_bias");
    if (found.has_value()) {
      const std::vector<DocumentCursor> parts = found->Children();
      const absl::Span<const double> numbers = found->numbers();  // one number for the bias: [1,0]
      if (numbers.size() == 2) {
        file_.scale = numbers[0];
        file_.bias.assign(1, numbers[1]);
      } else if (parts.size() == 2 && parts[0].is_number() && parts[1].is_array()) {
        file_.scale = parts[0].number();
        file_.bias.assign(parts[1].numbers().begin(), parts[1].numbers().end());
      } else {
        return Broken("scale_and_bias", "must be a number and a list of numbers");
      }
    }
    if (file_.trees.empty()) file_.outputs = static_cast<int32_t>(std::clamp<size_t>(file_.bias.size(), 1, kOutputsMax));
    if (file_.bias.empty()) file_.bias.assign(static_cast<size_t>(file_.outputs), 0);
    return absl::OkStatus();
  }

  const DocumentCursor root_;
  CatboostFile file_;
  bool outputs_known_ = false;
};

}  // namespace

StatusOr<CatboostFile> ReadCatboostJson(const Document& document) { return JsonReader(document).Read(); }

}  // namespace vigil::trees
