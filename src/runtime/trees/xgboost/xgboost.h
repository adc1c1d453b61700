// XGBoost's model schema (JSON and UBJSON, versions 1.0 to 3.4) read into a Forest.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "runtime/trees/category_codes.h"
#include "runtime/trees/document.h"
#include "runtime/trees/forest.h"
#include "runtime/trees/objective.h"

namespace vigil::trees {

struct XgboostModel {
  Forest forest;
  Objective objective;
  std::string booster;                                           // "gbtree", "dart" or "gblinear"
  std::string library;                                           // "xgboost 3.2.0"; empty when the file does not say
  std::vector<std::string> feature_names;                        // empty, or forest.features of them
  std::vector<std::shared_ptr<const CategoryCodes>> categories;  // empty, or one a feature: null for a number
  int32_t best_rounds = 0;  // rounds up to the early-stopping one; 0: trained without early stopping, or linear (which uses all)
};

// INVALID_ARGUMENT names the place in the document ("learner.gradient_booster.model.trees[3]").
StatusOr<XgboostModel> ReadXgboost(const Document& document);

}  // namespace vigil::trees
