// The model that the bank had before Vigil: fitted on past transactions whose labels are known, with its reference profile.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "demo/days.h"

namespace vigil::demo {

struct FirstModel {
  std::string model_path;
  std::string profile_path;
};

// XGBoost, 200 trees of depth 5, learning rate 0.1.
StatusOr<FirstModel> TrainFirstModel(const std::vector<DemoRow>& rows, const std::string& directory);
inline constexpr int kTrees = 200;
const std::vector<std::pair<std::string, std::string>>& TreeParams();

}  // namespace vigil::demo
