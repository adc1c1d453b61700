// The binary form: "CBM1", the length of the core, the core as a FlatBuffer, then parts (tables of target statistics and the like) that no
// model we serve needs. Field numbers are those of libs/model/flatbuffers/{model,features}.fbs.
#include <algorithm>
#include <optional>
#include <utility>

#include "runtime/cat.h"
#include "runtime/trees/catboost/catboost_file.h"
#include "runtime/trees/catboost/flatbuffer.h"
#include "runtime/trees/forest.h"

namespace vigil::trees {
namespace {

constexpr std::string_view kCoreFormat = "FlabuffersModel_v1";  // as CatBoost spells it

enum CoreField { kFormatVersion, kModelTrees, kInfoMap };
enum TreesField {
  kApproxDimension,
  kTreeSplits,
  kTreeSizes,
  kTreeStartOffsets,
  kCatFeatures,
  kFloatFeatures,
  kOneHotFeatures,
  kCtrFeatures,
  kLeafValues,
  kLeafWeights,
  kStepNodes,
  kNodeIdToLeafId,
  kTextFeatures,
  kEstimatedFeatures,
  kScale,
  kBias,
  kMultiBias,
  kRepackedBins,
  kEmbeddingFeatures
};

Status Broken(std::string_view place, std::string_view what) { return absl::InvalidArgumentError(Cat(place, ": ", what)); }
Status NotServed(std::string_view what) { return absl::UnimplementedError(Cat("CatBoost ", what, " are not served yet")); }

// A node of a tree that is not oblivious: how far on its children are; 0: there is none, and the node holds that side's leaf.
struct StepNode {
  uint16_t left, right;
};

class CbmReader {
 public:
  explicit CbmReader(std::string_view core) : buffer_(core) {}

  StatusOr<CatboostFile> Read() {
    VIGIL_ASSIGN_OR_RETURN(const FlatTable core, FlatTable::Root(buffer_));
    VIGIL_ASSIGN_OR_RETURN(const std::string_view format, core.Text(kFormatVersion, "FormatVersion"));
    if (format != kCoreFormat) return absl::UnimplementedError(Cat("CatBoost core format '", format.substr(0, 64), "' is not served"));
    VIGIL_ASSIGN_OR_RETURN(const FlatTable trees, core.Table(kModelTrees, "ModelTrees"));
    VIGIL_RETURN_IF_ERROR(ReadInfo(core));
    VIGIL_RETURN_IF_ERROR(RefuseWhatIsNotServed(trees));
    VIGIL_RETURN_IF_ERROR(ReadFeatures(trees));
    VIGIL_RETURN_IF_ERROR(ReadScaleAndBias(trees));
    VIGIL_RETURN_IF_ERROR(ReadTrees(trees));
    return std::move(file_);
  }

 private:
  Status ReadInfo(const FlatTable& core) {
    std::string_view params, version, classes;
    VIGIL_ASSIGN_OR_RETURN(const std::vector<FlatTable> pairs, core.Tables(kInfoMap, "InfoMap"));
    for (const FlatTable& pair : pairs) {
      VIGIL_ASSIGN_OR_RETURN(const std::string_view key, pair.Text(0, "InfoMap key"));
      VIGIL_ASSIGN_OR_RETURN(const std::string_view value, pair.Text(1, "InfoMap value"));
      if (key == "params") params = value;
      if (key == "catboost_version_info") version = value;
      if (key == "class_params") classes = value;
    }
    VIGIL_ASSIGN_OR_RETURN(const auto params_document, ReadInfoDocument("params", params));
    VIGIL_ASSIGN_OR_RETURN(const auto classes_document, ReadInfoDocument("class_params", classes));
    std::optional<DocumentCursor> at_params, at_classes;
    if (params_document.has_value()) at_params.emplace(*params_document);
    if (classes_document.has_value()) at_classes.emplace(*classes_document);
    DescribeCatboost(at_params.has_value() ? &*at_params : nullptr, version, at_classes.has_value() ? &*at_classes : nullptr, &file_);
    return absl::OkStatus();
  }

  static StatusOr<std::optional<Document>> ReadInfoDocument(std::string_view key, std::string_view text) {
    if (text.empty()) return std::optional<Document>();
    StatusOr<Document> document = ReadJsonDocument(text);
    if (!document.ok()) return Broken(Cat("InfoMap ", key), StdView(document.status().message()));
    return std::optional<Document>(*std::move(document));
  }

  static Status RefuseWhatIsNotServed(const FlatTable& trees) {
    const std::pair<TreesField, std::string_view> kinds[] = {{kCtrFeatures, "target statistics (ctr features)"},
                                                             {kTextFeatures, "text features"},
                                                             {kEmbeddingFeatures, "embedding features"},
                                                             {kEstimatedFeatures, "estimated features"}};
    for (const auto& [field, what] : kinds) {
      VIGIL_ASSIGN_OR_RETURN(const uint64_t count, trees.Count(field, what));
      if (count > 0) return NotServed(what);
    }
    return absl::OkStatus();
  }

  Status ReadFeatures(const FlatTable& trees) {
    VIGIL_ASSIGN_OR_RETURN(const std::vector<FlatTable> floats, trees.Tables(kFloatFeatures, "FloatFeatures"));
    for (const FlatTable& table : floats) {
      CatboostFloatFeature& feature = file_.floats.emplace_back();
      VIGIL_ASSIGN_OR_RETURN(feature.column, table.Scalar<int32_t>(2, "FloatFeatures.FlatIndex", -1));
      VIGIL_ASSIGN_OR_RETURN(feature.borders, table.Vector<float>(3, "FloatFeatures.Borders"));
      VIGIL_ASSIGN_OR_RETURN(feature.name, TakenText(table, 4, "FloatFeatures.FeatureId"));
      VIGIL_ASSIGN_OR_RETURN(const int8_t nan, table.Scalar<int8_t>(5, "FloatFeatures.NanValueTreatment", 0));
      if (nan < 0 || nan > 2) return Broken("FloatFeatures.NanValueTreatment", Cat("unknown treatment ", static_cast<int>(nan)));
      feature.nan = static_cast<CatboostNan>(nan);
    }
    VIGIL_ASSIGN_OR_RETURN(const std::vector<FlatTable> categorical, trees.Tables(kCatFeatures, "CatFeatures"));
    for (const FlatTable& table : categorical) {
      CatboostCategoricalFeature& feature = file_.categorical.emplace_back();
      VIGIL_ASSIGN_OR_RETURN(feature.index, table.Scalar<int32_t>(0, "CatFeatures.Index", -1));
      VIGIL_ASSIGN_OR_RETURN(feature.column, table.Scalar<int32_t>(1, "CatFeatures.FlatIndex", -1));
      VIGIL_ASSIGN_OR_RETURN(feature.name, TakenText(table, 2, "CatFeatures.FeatureId"));
    }
    VIGIL_ASSIGN_OR_RETURN(const std::vector<FlatTable> one_hots, trees.Tables(kOneHotFeatures, "OneHotFeatures"));
    for (const FlatTable& table : one_hots) {
      VIGIL_ASSIGN_OR_RETURN(const int32_t index, table.Scalar<int32_t>(0, "OneHotFeatures.Index", -1));
      VIGIL_ASSIGN_OR_RETURN(std::vector<uint32_t> values, table.Vector<uint32_t>(1, "OneHotFeatures.Values"));
      VIGIL_RETURN_IF_ERROR(AddCatboostOneHot(index, std::move(values), &file_));
    }
    ListCatboostSplits(&file_);
    return SettleCatboostColumns(&file_);
  }

  StatusOr<std::string> TakenText(const FlatTable& table, int field, std::string_view name) {
    VIGIL_ASSIGN_OR_RETURN(const std::string_view text, table.Text(field, name));
    VIGIL_RETURN_IF_ERROR(buffer_.Take(text.size()));
    return std::string(text);
  }

  Status ReadScaleAndBias(const FlatTable& trees) {
    VIGIL_ASSIGN_OR_RETURN(file_.outputs, trees.Scalar<int32_t>(kApproxDimension, "ApproxDimension", 0));
    if (file_.outputs < 1 || file_.outputs > kOutputsMax) return Broken("ApproxDimension", Cat(file_.outputs, " outputs"));
    VIGIL_ASSIGN_OR_RETURN(file_.scale, trees.Scalar<double>(kScale, "Scale", 1));
    VIGIL_ASSIGN_OR_RETURN(file_.bias, trees.Vector<double>(kMultiBias, "MultiBias"));
    VIGIL_ASSIGN_OR_RETURN(const double bias, trees.Scalar<double>(kBias, "Bias", 0));  // of files older than MultiBias
    if (file_.bias.empty()) file_.bias.assign(static_cast<size_t>(file_.outputs), bias);
    return absl::OkStatus();
  }

  Status ReadTrees(const FlatTable& trees) {
    VIGIL_ASSIGN_OR_RETURN(splits_, trees.Vector<int32_t>(kTreeSplits, "TreeSplits"));
    VIGIL_ASSIGN_OR_RETURN(const std::vector<int32_t> sizes, trees.Vector<int32_t>(kTreeSizes, "TreeSizes"));
    VIGIL_ASSIGN_OR_RETURN(values_, trees.Vector<double>(kLeafValues, "LeafValues"));
    VIGIL_ASSIGN_OR_RETURN(weights_, trees.Vector<double>(kLeafWeights, "LeafWeights"));
    if (!weights_.empty() && weights_.size() * static_cast<size_t>(file_.outputs) != values_.size()) {
      return Broken("LeafWeights", Cat(weights_.size(), " weights for ", values_.size(), " values of ", file_.outputs, " outputs"));
    }
    VIGIL_ASSIGN_OR_RETURN(steps_, trees.Vector<StepNode>(kStepNodes, "NonSymmetricStepNodes"));
    VIGIL_ASSIGN_OR_RETURN(leaf_ids_, trees.Vector<uint32_t>(kNodeIdToLeafId, "NonSymmetricNodeIdToLeafId"));
    VIGIL_ASSIGN_OR_RETURN(const std::vector<int32_t> starts, trees.Vector<int32_t>(kTreeStartOffsets, "TreeStartOffsets"));
    const bool oblivious = steps_.empty() && leaf_ids_.empty();
    if (!oblivious && (steps_.size() != splits_.size() || leaf_ids_.size() != splits_.size())) {
      return Broken("NonSymmetricStepNodes",
                    Cat(steps_.size(), " nodes and ", leaf_ids_.size(), " leaf ids for ", splits_.size(), " splits"));
    }
    uint64_t start = 0;
    for (size_t t = 0; t < sizes.size(); ++t) {
      const std::string place = Cat("tree ", t);
      const int64_t size = sizes[t];
      if (size < 0 || start + static_cast<uint64_t>(size) > splits_.size())
        return Broken(place, Cat("its ", size, " splits run past the list"));
      if (!starts.empty() && (starts.size() != sizes.size() || starts[t] != static_cast<int64_t>(start))) {
        return Broken(place, "TreeStartOffsets disagrees with TreeSizes");
      }
      VIGIL_RETURN_IF_ERROR(oblivious ? ReadOblivious(start, static_cast<size_t>(size), place)
                                      : ReadNodes(start, static_cast<size_t>(size), place));
      start += static_cast<uint64_t>(size);
    }
    if (start != splits_.size()) return Broken("TreeSizes", Cat("the trees have ", start, " of ", splits_.size(), " splits"));
    if (oblivious && values_used_ != values_.size()) {
      return Broken("LeafValues", Cat("the trees have ", values_used_, " of ", values_.size(), " values"));
    }
    return absl::OkStatus();
  }

  Status CheckSplit(int32_t split, std::string_view place) const {
    if (split >= 0 && static_cast<size_t>(split) < file_.splits.size()) return absl::OkStatus();
    return Broken(place, Cat("split ", split, " of ", file_.splits.size()));
  }

  Status ReadOblivious(size_t start, size_t size, std::string_view place) {
    if (size > kCatboostDepthMax) return Broken(place, Cat("of depth ", size, "; at most ", kCatboostDepthMax));
    CatboostTree& tree = file_.trees.emplace_back();
    tree.splits.assign(splits_.begin() + static_cast<int64_t>(start), splits_.begin() + static_cast<int64_t>(start + size));
    for (const int32_t split : tree.splits) VIGIL_RETURN_IF_ERROR(CheckSplit(split, place));
    const size_t count = (size_t{1} << size) * static_cast<size_t>(file_.outputs);
    if (count > values_.size() - values_used_) return Broken(place, "LeafValues is too short for it");
    CopyLeaves(values_used_, count, &tree);
    values_used_ += count;
    return absl::OkStatus();
  }

  // Each node's own leaf ids become leaves: nodes of their own where one side only is missing.
  Status ReadNodes(size_t start, size_t size, std::string_view place) {
    if (size == 0) return Broken(place, "has no nodes");
    CatboostTree& tree = file_.trees.emplace_back();
    tree.oblivious = false;
    tree.splits.assign(size, -1);
    tree.left.assign(size, -1);
    tree.right.assign(size, -1);
    tree.leaf.assign(size, -1);
    std::vector<uint32_t> ids;  // of the tree's leaves
    for (size_t n = 0; n < size; ++n) {
      const StepNode step = steps_[start + n];
      for (const uint16_t ahead : {step.left, step.right}) {
        if (n + ahead >= size) return Broken(place, Cat("node ", n, " leads ", ahead, " nodes on; the tree has ", size));
      }
      const bool is_leaf = step.left == 0 && step.right == 0;
      if (step.left == 0 || step.right == 0) ids.push_back(leaf_ids_[start + n]);
      if (is_leaf) {
        tree.leaf[n] = leaf_ids_[start + n];
        continue;
      }
      VIGIL_RETURN_IF_ERROR(CheckSplit(splits_[start + n], place));
      tree.splits[n] = splits_[start + n];
      if (step.left != 0) tree.left[n] = static_cast<int32_t>(n + step.left);
      if (step.right != 0) tree.right[n] = static_cast<int32_t>(n + step.right);
      if (step.left != 0 && step.right != 0) continue;
      (step.left == 0 ? tree.left : tree.right)[n] = static_cast<int32_t>(tree.leaf.size());
      tree.splits.push_back(-1);
      tree.left.push_back(-1);
      tree.right.push_back(-1);
      tree.leaf.push_back(leaf_ids_[start + n]);
    }
    return TakeLeaves(ids, place, &tree);
  }

  // A tree's leaves lie together in LeafValues, which bounds what the trees can copy of it.
  Status TakeLeaves(const std::vector<uint32_t>& ids, std::string_view place, CatboostTree* tree) {
    const auto outputs = static_cast<uint64_t>(file_.outputs);
    const uint64_t first = ids.empty() ? 0 : *std::min_element(ids.begin(), ids.end());
    const uint64_t count = ids.size() * outputs;
    if (ids.empty() || first + count > values_.size()) return Broken(place, Cat("its ", ids.size(), " leaves lie outside LeafValues"));
    for (int64_t& leaf : tree->leaf) {
      if (leaf < 0) continue;
      const uint64_t offset = static_cast<uint64_t>(leaf) - first;
      if (offset % outputs != 0 || offset >= count) return Broken(place, Cat("leaf id ", leaf, " is not among its own leaves"));
      leaf = static_cast<int64_t>(offset / outputs);
    }
    CopyLeaves(first, count, tree);
    return absl::OkStatus();
  }

  // `count` of LeafValues from `first` on, and the weights of the same leaves.
  void CopyLeaves(uint64_t first, uint64_t count, CatboostTree* tree) const {
    const auto copy = [](const std::vector<double>& from, uint64_t begin, uint64_t n) {
      return std::vector<double>(from.begin() + static_cast<int64_t>(begin), from.begin() + static_cast<int64_t>(begin + n));
    };
    const auto outputs = static_cast<uint64_t>(file_.outputs);
    tree->values = copy(values_, first, count);
    if (!weights_.empty()) tree->weights = copy(weights_, first / outputs, count / outputs);
  }

  FlatBuffer buffer_;
  CatboostFile file_;
  std::vector<int32_t> splits_;
  std::vector<double> values_, weights_;
  std::vector<StepNode> steps_;
  std::vector<uint32_t> leaf_ids_;
  size_t values_used_ = 0;
};

}  // namespace

StatusOr<CatboostFile> ReadCatboostCbm(std::string_view content) {
  constexpr size_t kHead = 8;
  if (!content.starts_with(kCbmMagic)) return absl::InvalidArgumentError("no CatBoost model: the file does not begin with CBM1");
  uint32_t size = 0;
  if (content.size() < kHead) return absl::InvalidArgumentError("the file ends within its head");
  std::memcpy(&size, content.data() + kCbmMagic.size(), sizeof(size));
  if (size > content.size() - kHead) {
    return absl::InvalidArgumentError(Cat("the file has ", content.size() - kHead, " bytes where its head promises ", size));
  }
  return CbmReader(content.substr(kHead, size)).Read();
}

}  // namespace vigil::trees
