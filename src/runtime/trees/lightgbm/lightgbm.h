// LightGBM's model text read into a Forest, computed as LightGBM 4.7 does: float64 rows and sums, so that predictions are its own bits.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "runtime/trees/category_codes.h"
#include "runtime/trees/forest.h"
#include "runtime/trees/objective.h"

namespace vigil::trees {

struct LightgbmModel {
  Forest forest;
  Objective objective;
  bool average = false;                                          // the prediction is of the margin divided by the rounds used (rf)
  std::string library;                                           // "lightgbm, model text v4"
  std::vector<std::string> feature_names;                        // empty where LightGBM made them up (Column_0 ...)
  std::vector<std::shared_ptr<const CategoryCodes>> categories;  // empty, or one a feature: null for a number
};

// UNIMPLEMENTED names what is real but not served; INVALID_ARGUMENT names the place in the file ("Tree=4: left_child").
StatusOr<LightgbmModel> ReadLightgbm(std::string_view content);

}  // namespace vigil::trees
