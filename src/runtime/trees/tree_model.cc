#include "runtime/trees/tree_model.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_join.h"
#include "runtime/cat.h"
#include "runtime/trees/category_scorer.h"
#include "runtime/trees/engine_choice.h"
#include "runtime/trees/rank_kernels.h"
#include "runtime/trees/tree_scorer.h"

namespace vigil::trees {

TreeModel::TreeModel(TreeModelParts parts)
    : forest_(std::move(parts.forest)),
      objective_(parts.objective),
      average_prediction_(parts.average_prediction),
      categories_(std::move(parts.categories)),
      info_(std::move(parts.info)) {
  DescribeSignature(std::move(parts.feature_names));
}

void TreeModel::DescribeSignature(std::vector<std::string> feature_names) {
  signature_.columns_are_named = !feature_names.empty();
  for (int32_t f = 0; f < forest_.features && !signature_.columns_are_named; ++f) feature_names.push_back(Cat("f", f));
  signature_.columns = std::move(feature_names);
  const bool doubles = forest_.inputs == Precision::kFloat64;
  signature_.inputs.push_back({"input", doubles ? DType::kFloat64 : DType::kFloat32, {-1, forest_.features}});
  signature_.output_width = static_cast<int64_t>(PredictionWidth(objective_.transform, forest_.outputs));
  signature_.outputs.push_back({"prediction", forest_.sums == Precision::kFloat64 ? DType::kFloat64 : DType::kFloat32, {-1}});
  if (signature_.output_width > 1) signature_.outputs[0].shape.push_back(signature_.output_width);
  signature_.task = objective_.task;
  if (!categories_.empty()) DescribeCategoryInputs(categories_, forest_.inputs, &signature_);
}

StatusOr<std::unique_ptr<TreeModel>> TreeModel::Make(TreeModelParts parts, const LoadOptions& options) {
  EngineRecords* const records = parts.engine_records;
  std::unique_ptr<TreeModel> model(new TreeModel(std::move(parts)));
  VIGIL_ASSIGN_OR_RETURN(EngineChoice choice, RecallOrChooseEngine(model->forest_, options.engine, options.self_check, options.seed,
                                                                   model->info_.digest, records));
  model->engine_ = std::move(choice.engine);
  ModelInfo& info = model->info_;
  info.engine = model->engine_->name();
  info.engine_reason = std::move(choice.reason);
  const Forest& forest = model->forest_;
  info.memory_bytes = forest.memory_bytes() + model->engine_->memory_bytes();
  int64_t leaves = 0, reachable_splits = 0;
  for (const int32_t left : forest.left) left < 0 ? ++leaves : ++reachable_splits;
  info.facts.emplace_back("objective", model->objective_.name);
  const bool linear = reachable_splits == 0 && !forest.linear.empty();
  int32_t last_tree = -1;  // a tree with vector leaves is in the forest once an output
  for (const int32_t source : forest.tree_source) last_tree = std::max(last_tree, source);
  if (linear) info.facts.emplace_back("weights", Cat(forest.term_coefficient.size()));
  if (!linear) info.facts.emplace_back("trees", Cat(last_tree + 1));
  info.facts.emplace_back("rounds", Cat(forest.rounds));
  if (!linear) info.facts.emplace_back("depth", Cat(forest.depth));
  if (!linear) info.facts.emplace_back("splits", Cat(reachable_splits));
  info.facts.emplace_back("features", Cat(forest.features));
  info.facts.emplace_back("outputs", Cat(forest.outputs));
  for (size_t c = 0; c < model->categories_.size(); ++c) {
    if (model->categories_[c] == nullptr) continue;
    info.facts.emplace_back(Cat("column ", model->signature_.columns[c]), model->categories_[c]->description());
  }
  info.facts.emplace_back("base_margin", absl::StrJoin(forest.base, ","));
  info.facts.emplace_back("instruction_set", RankKernelTarget());
  if (info.best_rounds > 0) info.facts.emplace_back("best_iteration", Cat(info.best_rounds - 1));
  return model;
}

std::unique_ptr<Scorer> TreeModel::NewScorer() const {
  std::unique_ptr<Scorer> scorer = MakeTreeScorer(*this);
  return categories_.empty() ? std::move(scorer) : MakeCategoryScorer(signature_, categories_, forest_.inputs, std::move(scorer));
}

}  // namespace vigil::trees
