// The part of XGBoost's C API (xgboost/c_api.h, 3.x) that training needs, found at run time: serving needs no XGBoost. Internal to
// retraining.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"

namespace vigil {

struct XgboostApi {
  using Handle = void*;
  using Size = uint64_t;  // bst_ulong

  const char* (*GetLastError)();
  void (*Version)(int* major, int* minor, int* patch);
  int (*DMatrixCreateFromDense)(const char* array_interface, const char* config, Handle* out);
  int (*DMatrixSetInfoFromInterface)(Handle matrix, const char* field, const char* array_interface);
  int (*DMatrixSetStrFeatureInfo)(Handle matrix, const char* field, const char** features, Size size);
  int (*DMatrixFree)(Handle matrix);
  int (*BoosterCreate)(const Handle matrices[], Size size, Handle* out);
  int (*BoosterFree)(Handle booster);
  int (*BoosterSetParam)(Handle booster, const char* name, const char* value);
  int (*BoosterSetAttr)(Handle booster, const char* key, const char* value);
  int (*BoosterSetStrFeatureInfo)(Handle booster, const char* field, const char** features, Size size);
  int (*BoosterUpdateOneIter)(Handle booster, int iteration, Handle matrix);
  int (*BoosterEvalOneIter)(Handle booster, int iteration, Handle matrices[], const char* names[], Size size, const char** out);
  int (*BoosterSlice)(Handle booster, int begin, int end, int step, Handle* out);
  int (*BoosterPredictFromDMatrix)(Handle booster, Handle matrix, const char* config, Size const** shape, Size* dimensions,
                                   float const** result);
  int (*BoosterSaveModelToBuffer)(Handle booster, const char* config, Size* size, char const** out);

  // "3.2.0"
  std::string VersionText() const;
  // Its own words, INVALID_ARGUMENT.
  Status Check(int code, const char* what) const;
};

// Looks in $VIGIL_XGBOOST_LIB, beside the program (../lib), then where the system's loader looks. Loaded once, never unloaded. Any thread.
// NOT_FOUND says what was tried.
StatusOr<const XgboostApi*> LoadXgboost();

}  // namespace vigil
