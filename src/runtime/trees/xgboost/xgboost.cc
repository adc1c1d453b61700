#include "runtime/trees/xgboost/xgboost.h"

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
#include "runtime/trees/xgboost/fields.h"
#include "runtime/trees/xgboost/xgboost_categories.h"
#include "runtime/trees/xgboost/xgboost_linear.h"
#include "runtime/trees/xgboost/xgboost_trees.h"

namespace vigil::trees {
namespace {

constexpr std::string_view kBoosterPath = "learner.gradient_booster";

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
    VIGIL_RETURN_IF_ERROR(model_.booster == "gblinear" ? ReadLinear() : ReadTrees());
    return std::move(model_);
  }

 private:
  // Version, learner, booster: what decides whether this is a model we serve at all.
  Status ReadHeader() {
    if (!root_.is_object()) return absl::InvalidArgumentError("no XGBoost model: the document is not an object");
    if (const auto version = root_.Find("version"); version.has_value() && !version->numbers().empty()) {
      version_.assign(version->numbers().begin(), version->numbers().end());
      std::vector<std::string> parts;
      for (double part : version_) parts.push_back(NumberText(part));
      model_.library = Cat("xgboost ", absl::StrJoin(parts, "."));
    }
    const auto learner = root_.Find("learner");
    if (!learner.has_value() && root_.Find("Model").has_value()) {
      return absl::InvalidArgumentError(
          "a snapshot of a booster in memory, not a model file; save the model itself, in Python: booster.save_model(\"model.json\")");
    }
    if (!learner.has_value()) return absl::InvalidArgumentError("no XGBoost model: the key 'learner' is missing");
    learner_.emplace(*learner);
    VIGIL_ASSIGN_OR_RETURN(const DocumentCursor booster, Member(*learner_, "gradient_booster", "learner"));
    VIGIL_ASSIGN_OR_RETURN(const DocumentCursor name, Member(booster, "name", kBoosterPath));
    if (name.text() != "gbtree" && name.text() != "dart" && name.text() != "gblinear") {
      return Broken(Cat(kBoosterPath, ".name"), Cat("unknown booster '", name.text(), "'; known: gbtree, dart, gblinear"));
    }
    model_.booster = name.text();
    booster_.emplace(booster);
    std::optional<DocumentCursor> holder = booster;
    model_path_ = kBoosterPath;
    if (model_.booster == "dart") {
      model_path_ += ".gbtree";
      VIGIL_ASSIGN_OR_RETURN(holder, Member(booster, "gbtree", kBoosterPath));
    }
    VIGIL_ASSIGN_OR_RETURN(const DocumentCursor model, Member(*holder, "model", model_path_));
    model_path_ += ".model";
    trees_.emplace(model);
    return absl::OkStatus();
  }

  // Objective, number of outputs, base scores.
  Status ReadParameters() {
    VIGIL_ASSIGN_OR_RETURN(const DocumentCursor objective, Member(*learner_, "objective", "learner"));
    VIGIL_ASSIGN_OR_RETURN(const DocumentCursor name, Member(objective, "name", "learner.objective"));
    StatusOr<Objective> found = FindObjective(name.text());
    if (!found.ok()) return Broken("learner.objective.name", StdView(found.status().message()));
    model_.objective = *found;
    // XGBoost sorts a row's quantiles from 3.4 on, and took logitraw's base score for a probability until 1.3.0.
    if (model_.objective.transform == Transform::kSorted && !FromVersion({3, 4})) model_.objective.transform = Transform::kIdentity;
    if (name.text() == "binary:logitraw" && !version_.empty() && !FromVersion({1, 3, 1})) model_.objective.link = Link::kLogit;

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
    scores.resize(outputs, scores[0]);
    const Status status = BaseMargins(model_.objective.link, absl::MakeSpan(scores));
    if (!status.ok()) return Broken(kPlace, StdView(status.message()));
    base_.assign(scores.begin(), scores.end());
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
    if (const auto attributes = learner_->Find("attributes"); attributes.has_value() && attributes->Find("best_iteration").has_value()) {
      VIGIL_ASSIGN_OR_RETURN(const std::optional<int64_t> best, Integer(*attributes, "best_iteration", "learner.attributes"));
      if (*best < 0 || *best >= INT32_MAX) return Broken("learner.attributes.best_iteration", Cat(*best, " is no round"));
      if (model_.booster != "gblinear") model_.best_rounds = static_cast<int32_t>(*best + 1);
    }
    return absl::OkStatus();
  }

  Status ReadLinear() {
    VIGIL_ASSIGN_OR_RETURN(model_.forest, ReadXgboostLinear(*trees_, model_path_, features_, base_));
    return absl::OkStatus();
  }

  // What each tree's leaves are multiplied by. DART's weights are beside the booster's model, from XGBoost 3.4 on within it; trees added
  // without dropout may have none.
  StatusOr<std::vector<float>> ReadWeights(size_t trees) {
    std::vector<float> weights(trees, 1.0f);
    const bool within = trees_->Find("weight_drop").has_value();
    if (!within && model_.booster != "dart" && !booster_->Find("weight_drop").has_value()) return weights;
    const std::string_view place = within ? std::string_view(model_path_) : kBoosterPath;
    VIGIL_ASSIGN_OR_RETURN(const absl::Span<const double> given, Numbers(within ? *trees_ : *booster_, "weight_drop", place));
    if (given.size() > trees || (model_.booster == "dart" && given.size() != trees)) {
      return Broken(Cat(place, ".weight_drop"), Cat(given.size(), " weights for ", trees, " trees"));
    }
    for (size_t t = 0; t < given.size(); ++t) weights[t] = static_cast<float>(given[t]);
    return weights;
  }

  Status ReadTrees() {
    if (const auto categories = trees_->Find("cats"); categories.has_value()) {
      VIGIL_ASSIGN_OR_RETURN(model_.categories,
                             ReadXgboostCategories(*categories, Cat(model_path_, ".cats"), features_, FromVersion({3, 4})));
    }
    VIGIL_ASSIGN_OR_RETURN(const DocumentCursor parameters, Member(*trees_, "gbtree_model_param", model_path_));
    VIGIL_ASSIGN_OR_RETURN(const DocumentCursor list, Member(*trees_, "trees", model_path_));
    VIGIL_ASSIGN_OR_RETURN(const absl::Span<const double> info, Numbers(*trees_, "tree_info", model_path_));
    VIGIL_ASSIGN_OR_RETURN(const std::optional<int64_t> declared,
                           Integer(parameters, "num_trees", Cat(model_path_, ".gbtree_model_param")));
    const std::vector<DocumentCursor> trees = list.Children();
    if (declared.has_value() && *declared != static_cast<int64_t>(trees.size())) {
      return Broken(model_path_, Cat("num_trees says ", *declared, " and ", trees.size(), " trees follow"));
    }
    if (info.size() != trees.size()) {
      return Broken(Cat(model_path_, ".tree_info"), Cat(info.size(), " entries for ", trees.size(), " trees"));
    }
    VIGIL_ASSIGN_OR_RETURN(const std::vector<int32_t> rounds, ReadRounds(parameters, trees.size()));

    VIGIL_ASSIGN_OR_RETURN(const std::vector<float> weights, ReadWeights(trees.size()));
    ForestBuilder builder(features_, base_);
    XgboostTreeReader reader(static_cast<int32_t>(base_.size()), &builder);
    for (size_t t = 0; t < trees.size(); ++t) {
      const std::string place = Cat(model_path_, ".trees[", t, "]");
      const double output = info[t];
      if (!(output >= 0 && output < static_cast<double>(base_.size())) || output != std::floor(output)) {
        return Broken(Cat(model_path_, ".tree_info[", t, "]"), Cat("output ", NumberText(output), " of ", base_.size()));
      }
      VIGIL_RETURN_IF_ERROR(reader.Read(trees[t], place, static_cast<int32_t>(output), rounds[t], weights[t]));
    }
    model_.forest = builder.Finish(rounds.empty() ? 0 : rounds.back() + 1);
    return absl::OkStatus();
  }

  // The round of each tree. `iteration_indptr` says where each round begins (XGBoost 1.7 on); before, a round was one tree an output and
  // parallel tree.
  StatusOr<std::vector<int32_t>> ReadRounds(const DocumentCursor& parameters, size_t trees) {
    std::vector<int32_t> rounds(trees);
    const std::string place = Cat(model_path_, ".iteration_indptr");
    if (const auto begins = trees_->Find("iteration_indptr"); begins.has_value()) {
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
                           Integer(parameters, "num_parallel_tree", Cat(model_path_, ".gbtree_model_param")));
    const int64_t wide = std::clamp<int64_t>(parallel.value_or(1), 1, INT32_MAX) * static_cast<int64_t>(base_.size());
    for (size_t t = 0; t < trees; ++t) rounds[t] = static_cast<int32_t>(static_cast<int64_t>(t) / wide);
    return rounds;
  }

  // Is the file from this version or a later one? False where it does not say.
  bool FromVersion(const std::vector<double>& first) const { return version_ >= first; }

  const DocumentCursor root_;
  std::optional<DocumentCursor> learner_, booster_, trees_;  // trees_: the booster's model, of weights if it is linear
  std::string model_path_;                                   // of trees_
  std::vector<double> version_;
  XgboostModel model_;
  int32_t features_ = 0;
  std::vector<double> base_;
};

}  // namespace

StatusOr<XgboostModel> ReadXgboost(const Document& document) { return XgboostReader(document).Read(); }

}  // namespace vigil::trees
