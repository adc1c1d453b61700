// A forest with its objective, as a model that the rest of the system serves.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/model.h"
#include "runtime/trees/category_codes.h"
#include "runtime/trees/engine.h"
#include "runtime/trees/engine_records.h"
#include "runtime/trees/forest.h"
#include "runtime/trees/objective.h"

namespace vigil::trees {

// What a format's reader found.
struct TreeModelParts {
  Forest forest;
  Objective objective;
  bool average_prediction = false;                               // the transform takes margin / rounds used (LightGBM's rf)
  std::vector<std::string> feature_names;                        // empty, or one a feature
  std::vector<std::shared_ptr<const CategoryCodes>> categories;  // empty, or one a feature: null for a number
  ModelInfo info;                                                // format, library, digest, best_rounds and the format's own facts
  EngineRecords* engine_records = nullptr;                       // null: engines are measured at every load
};

class TreeModel final : public LoadedModel {
 public:
  // Builds the engines, checks each against the reference (unless options say not to) and keeps the fastest that fits, saying why.
  // INVALID_ARGUMENT for an engine name that does not exist; FAILED_PRECONDITION for one that cannot hold this forest; INTERNAL when a
  // forced engine disagrees with the reference (one that was not forced is passed over, and engine_reason says so).
  static StatusOr<std::unique_ptr<TreeModel>> Make(TreeModelParts parts, const LoadOptions& options);

  const Signature& signature() const override { return signature_; }
  const ModelInfo& info() const override { return info_; }
  std::unique_ptr<Scorer> NewScorer() const override;

  const Forest& forest() const { return forest_; }
  const Objective& objective() const { return objective_; }
  bool average_prediction() const { return average_prediction_; }
  const Engine& engine() const { return *engine_; }

 private:
  explicit TreeModel(TreeModelParts parts);
  void DescribeSignature(std::vector<std::string> feature_names);

  const Forest forest_;
  const Objective objective_;
  const bool average_prediction_;
  const std::vector<std::shared_ptr<const CategoryCodes>> categories_;
  ModelInfo info_;
  Signature signature_;
  std::unique_ptr<Engine> engine_;  // may refer to forest_
};

}  // namespace vigil::trees
