#pragma once

#include <memory>

#include "runtime/model.h"

namespace vigil::trees {

// XGBoost models as JSON or UBJSON, told apart by their first bytes.
std::unique_ptr<ModelLoader> MakeXgboostLoader();

// LightGBM's model text.
std::unique_ptr<ModelLoader> MakeLightgbmLoader();

// CatBoost's .cbm and JSON.
std::unique_ptr<ModelLoader> MakeCatboostLoader();

}  // namespace vigil::trees
