#include "runtime/trees/xgboost.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/text.h"
#include "runtime/cat.h"
#include "runtime/trees/forest_builder.h"

namespace vigil::trees {
namespace {

constexpr std::string_view kModelPath = "learner.gradient_booster.model";

Status Broken(std::string_view place, std::string_view what) { return absl::InvalidArgumentError(Cat(place, ": ", what)); }
Status NotServed(std::string_view what) { return absl::UnimplementedError(Cat(what, " not served yet")); }

StatusOr<DocumentCursor> Member(const DocumentCursor& object, std::string_view key, std::string_view place) {
  std::optional<DocumentCursor> found = object.Find(key);
  if (!found.has_value()) return Broken(Cat(place, place.empty() ? "" : ".", key), "is missing");
  return *found;
}

// XGBoost writes parameters as text ("num_trees":"500"); some versions wrote numbers. Nothing when the key is absent.
StatusOr<std::optional<int64_t>> Integer(const DocumentCursor& object, std::string_view key, std::string_view place) {
  const std::optional<DocumentCursor> found = object.Find(key);
  if (!found.has_value()) return std::optional<int64_t>();
  int64_t value = 0;
  if (found->is_text() && absl::SimpleAtoi(AbslView(found->text()), &value)) return std::optional<int64_t>(value);
  if (found->is_number() && std::abs(found->number()) < 9e15 && found->number() == std::floor(found->number())) {
    return std::optional<int64_t>(static_cast<int64_t>(found->number()));
  }
  return Broken(Cat(place, ".", key), "must be an integer");
}

// The first name that came before.
std::optional<std::string> Repeated(const std::vector<std::string>& names) {
  std::set<std::string> seen;
  for (const std::string& name : names) {
    if (!seen.insert(name).second) return name;
  }
  return std::nullopt;
}

class XgboostReader {
 public:
  explicit XgboostReader(const Document& document) : root_(document) {}

  StatusOr<XgboostModel> Read() {
    VIGIL_RETURN_IF_ERROR(ReadHeader());
    VIGIL_RETURN_IF_ERROR(ReadParameters());
    VIGIL_RETURN_IF_ERROR(ReadFeatures());
    VIGIL_RETURN_IF_ERROR(ReadTrees());
    return std::move(model_);
  }

 private:
  // Version, learner, booster: what decides whether this is a model we serve at all.
  Status ReadHeader() {
    if (!root_.is_object()) return absl::InvalidArgumentError("no XGBoost model: the document is not an object");
    if (const auto version = root_.Find("version"); version.has_value() && !version->numbers().empty()) {
      std::vector<std::string> parts;
      for (double part : version->numbers()) parts.push_back(NumberText(part));
      model_.library = Cat("xgboost ", absl::StrJoin(parts, "."));
    }
    const auto learner = root_.Find("learner");
    if (!learner.has_value()) return absl::InvalidArgumentError("no XGBoost model: the key 'learner' is missing");
    learner_.emplace(*learner);
    VIGIL_ASSIGN_OR_RETURN(const DocumentCursor booster, Member(*learner_, "gradient_booster", "learner"));
    VIGIL_ASSIGN_OR_RETURN(const DocumentCursor name, Member(booster, "name", "learner.gradient_booster"));
    if (name.text() == "dart" || name.text() == "gblinear") return NotServed(Cat("XGBoost booster '", name.text(), "' is"));
    if (name.text() != "gbtree") {
      return Broken("learner.gradient_booster.name", Cat("unknown booster '", name.text(), "'; known: gbtree, dart, gblinear"));
    }
    VIGIL_ASSIGN_OR_RETURN(const DocumentCursor trees, Member(booster, "model", "learner.gradient_booster"));
    gbtree_.emplace(trees);
    return absl::OkStatus();
  }

  // Objective, number of outputs, base scores.
  Status ReadParameters() {
    VIGIL_ASSIGN_OR_RETURN(const DocumentCursor objective, Member(*learner_, "objective", "learner"));
    VIGIL_ASSIGN_OR_RETURN(const DocumentCursor name, Member(objective, "name", "learner.objective"));
    StatusOr<Objective> found = FindObjective(name.text());
    if (!found.ok()) return Broken("learner.objective.name", StdView(found.status().message()));
    model_.objective = *found;

    static constexpr std::string_view kPlace = "learner.learner_model_param";
    VIGIL_ASSIGN_OR_RETURN(const DocumentCursor parameters, Member(*learner_, "learner_model_param", "learner"));
    VIGIL_ASSIGN_OR_RETURN(const std::optional<int64_t> classes, Integer(parameters, "num_class", kPlace));
    VIGIL_ASSIGN_OR_RETURN(const std::optional<int64_t> targets, Integer(parameters, "num_target", kPlace));
    VIGIL_ASSIGN_OR_RETURN(const std::optional<int64_t> features, Integer(parameters, "num_feature", kPlace));
    if (!features.has_value() || *features < 1 || *features > kFeaturesMax) {
      return Broken(Cat(kPlace, ".num_feature"), Cat("must be from 1 to ", kFeaturesMax));
    }
    features_ = static_cast<int32_t>(*features);
    const int64_t outputs = std::max({classes.value_or(0), targets.value_or(1), int64_t{1}});
    if (outputs > kOutputsMax) return Broken(kPlace, Cat(outputs, " outputs; at most ", kOutputsMax));
    if (model_.objective.task == Task::kMulticlass && classes.value_or(0) < 1) {
      return Broken(Cat(kPlace, ".num_class"), Cat("must be at least 1 with ", model_.objective.name));
    }
    return ReadBaseScores(parameters, static_cast<size_t>(outputs));
  }

  // "5E-1" up to XGBoost 3.0; "[5E-1]", one entry an output, from 3.1 on. One entry serves every output.
  Status ReadBaseScores(const DocumentCursor& parameters, size_t outputs) {
    static constexpr std::string_view kPlace = "learner.learner_model_param.base_score";
    VIGIL_ASSIGN_OR_RETURN(const DocumentCursor text, Member(parameters, "base_score", "learner.learner_model_param"));
    std::vector<float> scores;
    if (text.is_number()) scores.push_back(static_cast<float>(text.number()));
    std::string_view list = text.text();
    if (list.starts_with('[')) {
      if (!list.ends_with(']')) return Broken(kPlace, "an array without its end");
      list = list.substr(1, list.size() - 2);
    }
    if (!text.is_number()) {
      for (const absl::string_view part : absl::StrSplit(AbslView(list), ',')) {
        float score = 0;
        if (!absl::SimpleAtof(part, &score) || !std::isfinite(score)) return Broken(kPlace, Cat("'", part, "' is not a number"));
        scores.push_back(score);
      }
    }
    if (scores.size() != outputs && scores.size() != 1) return Broken(kPlace, Cat(scores.size(), " values for ", outputs, " outputs"));
    for (size_t o = 0; o < outputs; ++o) {
      const StatusOr<float> margin = BaseMargin(model_.objective.link, scores[scores.size() == 1 ? 0 : o]);
      if (!margin.ok()) return Broken(kPlace, StdView(margin.status().message()));
      base_.push_back(*margin);
    }
    return absl::OkStatus();
  }

  Status ReadFeatures() {
    if (const auto names = learner_->Find("feature_names"); names.has_value()) {
      for (const DocumentCursor& name : names->Children()) {
        if (!name.is_text()) return Broken("learner.feature_names", "must be an array of strings");
        model_.feature_names.emplace_back(name.text());
      }
      if (!model_.feature_names.empty() && model_.feature_names.size() != static_cast<size_t>(features_)) {
        return Broken("learner.feature_names", Cat(model_.feature_names.size(), " names for ", features_, " features"));
      }
      if (const std::optional<std::string> name = Repeated(model_.feature_names); name.has_value()) {
        return Broken("learner.feature_names", Cat("names '", *name, "' twice"));
      }
    }
    if (const auto types = learner_->Find("feature_types"); types.has_value()) {
      for (const DocumentCursor& type : types->Children()) {
        if (type.text() == "c") return NotServed("categorical features are");
      }
    }
    if (const auto attributes = learner_->Find("attributes"); attributes.has_value() && attributes->Find("best_iteration").has_value()) {
      VIGIL_ASSIGN_OR_RETURN(const std::optional<int64_t> best, Integer(*attributes, "best_iteration", "learner.attributes"));
      if (*best < 0 || *best >= INT32_MAX) return Broken("learner.attributes.best_iteration", Cat(*best, " is no round"));
      model_.best_rounds = static_cast<int32_t>(*best + 1);
    }
    return absl::OkStatus();
  }

  Status ReadTrees() {
    if (const auto categories = gbtree_->Find("cats"); categories.has_value()) {
      if (const auto encoding = categories->Find("enc");
          encoding.has_value() && (!encoding->Children().empty() || !encoding->numbers().empty())) {
        return NotServed("categorical features are");
      }
    }
    VIGIL_ASSIGN_OR_RETURN(const DocumentCursor parameters, Member(*gbtree_, "gbtree_model_param", kModelPath));
    VIGIL_ASSIGN_OR_RETURN(const DocumentCursor list, Member(*gbtree_, "trees", kModelPath));
    VIGIL_ASSIGN_OR_RETURN(const DocumentCursor info, Member(*gbtree_, "tree_info", kModelPath));
    VIGIL_ASSIGN_OR_RETURN(const std::optional<int64_t> declared, Integer(parameters, "num_trees", Cat(kModelPath, ".gbtree_model_param")));
    const std::vector<DocumentCursor> trees = list.Children();
    if (declared.has_value() && *declared != static_cast<int64_t>(trees.size())) {
      return Broken(kModelPath, Cat("num_trees says ", *declared, " and ", trees.size(), " trees follow"));
    }
    if (info.numbers().size() != trees.size()) {
      return Broken(Cat(kModelPath, ".tree_info"), Cat(info.numbers().size(), " entries for ", trees.size(), " trees"));
    }
    VIGIL_ASSIGN_OR_RETURN(const std::vector<int32_t> rounds, ReadRounds(parameters, trees.size()));

    ForestBuilder builder(features_, base_);
    for (size_t t = 0; t < trees.size(); ++t) {
      const std::string place = Cat(kModelPath, ".trees[", t, "]");
      const double output = info.numbers()[t];
      if (!(output >= 0 && output < static_cast<double>(base_.size())) || output != std::floor(output)) {
        return Broken(Cat(kModelPath, ".tree_info[", t, "]"), Cat("output ", NumberText(output), " of ", base_.size()));
      }
      VIGIL_RETURN_IF_ERROR(ReadTree(trees[t], place, static_cast<int32_t>(output), rounds[t], &builder));
    }
    model_.forest = builder.Finish(rounds.empty() ? 0 : rounds.back() + 1);
    return absl::OkStatus();
  }

  // The round of each tree. `iteration_indptr` says where each round begins (XGBoost 1.7 on); before, a round was one tree an output and
  // parallel tree.
  StatusOr<std::vector<int32_t>> ReadRounds(const DocumentCursor& parameters, size_t trees) {
    std::vector<int32_t> rounds(trees);
    const std::string place = Cat(kModelPath, ".iteration_indptr");
    if (const auto begins = gbtree_->Find("iteration_indptr"); begins.has_value()) {
      const absl::Span<const double> at = begins->numbers();
      if (at.empty() || at.front() != 0 || at.back() != static_cast<double>(trees)) {
        return Broken(place, Cat("must run from 0 to the number of trees, ", trees));
      }
      for (size_t r = 0; r + 1 < at.size(); ++r) {
        if (!(at[r + 1] >= at[r] && at[r + 1] <= static_cast<double>(trees)) || at[r] != std::floor(at[r])) {
          return Broken(place, Cat("entry ", r + 1, " is out of order"));
        }
        for (auto t = static_cast<size_t>(at[r]); t < static_cast<size_t>(at[r + 1]); ++t) rounds[t] = static_cast<int32_t>(r);
      }
      return rounds;
    }
    VIGIL_ASSIGN_OR_RETURN(const std::optional<int64_t> parallel,
                           Integer(parameters, "num_parallel_tree", Cat(kModelPath, ".gbtree_model_param")));
    const int64_t wide = std::clamp<int64_t>(parallel.value_or(1), 1, INT32_MAX) * static_cast<int64_t>(base_.size());
    for (size_t t = 0; t < trees; ++t) rounds[t] = static_cast<int32_t>(static_cast<int64_t>(t) / wide);
    return rounds;
  }

  static Status ReadTree(const DocumentCursor& tree, std::string_view place, int32_t output, int32_t round, ForestBuilder* builder) {
    if (!tree.is_object()) return Broken(place, "must be an object");
    VIGIL_ASSIGN_OR_RETURN(const DocumentCursor parameters, Member(tree, "tree_param", place));
    const std::string parameters_place = Cat(place, ".tree_param");
    VIGIL_ASSIGN_OR_RETURN(const std::optional<int64_t> vector_leaf, Integer(parameters, "size_leaf_vector", parameters_place));
    if (vector_leaf.value_or(1) > 1) return NotServed(Cat(place, ": vector leaves (multi_strategy=multi_output_tree) are"));
    if (const auto types = tree.Find("split_type"); types.has_value()) {
      const absl::Span<const double> kinds = types->numbers();
      const auto odd = std::find_if(kinds.begin(), kinds.end(), [](double kind) { return kind != 0; });
      if (odd != kinds.end()) return NotServed(Cat(place, ", node ", odd - kinds.begin(), ": categorical splits are"));
    }
    TreeArrays arrays;
    const std::pair<std::string_view, absl::Span<const double>*> fields[] = {{"left_children", &arrays.left},
                                                                             {"right_children", &arrays.right},
                                                                             {"split_indices", &arrays.feature},
                                                                             {"split_conditions", &arrays.value},
                                                                             {"default_left", &arrays.default_left}};
    VIGIL_ASSIGN_OR_RETURN(const std::optional<int64_t> nodes, Integer(parameters, "num_nodes", parameters_place));
    for (const auto& [key, span] : fields) {
      VIGIL_ASSIGN_OR_RETURN(const DocumentCursor field, Member(tree, key, place));
      if (!field.is_array()) return Broken(Cat(place, ".", key), "must be an array of numbers");
      *span = field.numbers();
      if (nodes.has_value() && *nodes != static_cast<int64_t>(span->size())) {
        return Broken(Cat(place, ".", key), Cat(span->size(), " entries where tree_param.num_nodes says ", *nodes));
      }
    }
    if (const auto weights = tree.Find("sum_hessian"); weights.has_value() && weights->numbers().size() == arrays.left.size()) {
      arrays.cover = weights->numbers();
    }
    const Status status = builder->AddTree(arrays, output, round);
    return status.ok() ? status : Broken(place, StdView(status.message()));
  }

  const DocumentCursor root_;
  std::optional<DocumentCursor> learner_, gbtree_;
  XgboostModel model_;
  int32_t features_ = 0;
  std::vector<double> base_;
};

}  // namespace

StatusOr<XgboostModel> ReadXgboost(const Document& document) { return XgboostReader(document).Read(); }

}  // namespace vigil::trees
