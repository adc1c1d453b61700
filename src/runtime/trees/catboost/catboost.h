// A CatBoost model read into a Forest, computed as CatBoost does: values rounded to float32, leaves summed in float64.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "runtime/trees/catboost/catboost_file.h"
#include "runtime/trees/category_codes.h"
#include "runtime/trees/forest.h"
#include "runtime/trees/objective.h"

namespace vigil::trees {

struct CatboostModel {
  Forest forest;
  Objective objective;
  std::string library;
  std::string classes;                                           // the class labels as trained; may be empty
  std::vector<std::string> feature_names;                        // empty, or one a column
  std::vector<std::shared_ptr<const CategoryCodes>> categories;  // empty, or one a column: null for a number
};

StatusOr<CatboostModel> MakeCatboostModel(CatboostFile file);

// A loss by the name that the training parameters give it; empty: not said, so that the prediction is the margin.
StatusOr<Objective> FindCatboostObjective(std::string_view loss);

}  // namespace vigil::trees
