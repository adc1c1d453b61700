// A booster that was saved from a scikit-learn wrapper, answering as the wrapper does: `label` and `probability`, or the prediction up to
// the round where training stopped early.
#pragma once

#include <memory>
#include <string>

#include "runtime/model.h"

namespace vigil::mlflow {

// How the wrapper of that name differs from the booster in it.
struct WrapperRules {
  bool classifier = false;      // answers `label` INT64 [-1] and `probability` FP32 [-1, k]
  bool best_iteration = false;  // stops at the early-stopping round unless told otherwise
};
// Of "xgboost.sklearn.XGBClassifier", "CatBoostClassifier", "xgboost.core.Booster" (nothing differs), ...
WrapperRules RulesOf(const std::string& model_class);

// `inner` behind another face; `signature` is the inner one's, perhaps with other column names. A classifier takes p of a binary model as
// [1 - p, p] and label 1 where p > 0.5, and of k classes the first of the greatest. UNIMPLEMENTED, naming the objective, for a
// classifier whose booster does not give probabilities.
StatusOr<std::unique_ptr<LoadedModel>> WrapModel(std::unique_ptr<LoadedModel> inner, Signature signature, ModelInfo info,
                                                 const WrapperRules& rules);

}  // namespace vigil::mlflow
