#pragma once

#include <memory>

#include "runtime/model.h"
#include "runtime/trees/engine_records.h"

namespace vigil::trees {

// `records`, which may be null and outlives the loader: what was measured before is not measured again.

// XGBoost models as JSON or UBJSON, told apart by their first bytes.
std::unique_ptr<ModelLoader> MakeXgboostLoader(EngineRecords* records = nullptr);

// LightGBM's model text.
std::unique_ptr<ModelLoader> MakeLightgbmLoader(EngineRecords* records = nullptr);

// CatBoost's .cbm and JSON.
std::unique_ptr<ModelLoader> MakeCatboostLoader(EngineRecords* records = nullptr);

}  // namespace vigil::trees
