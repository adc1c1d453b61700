// The MLmodel file of an MLflow model directory: which flavour is served, from which file, and what its signature promises.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "domain/schema.h"

namespace vigil::mlflow {

struct Mlmodel {
  std::string flavour;               // "xgboost", "lightgbm", "catboost", "onnx", "tensorflow"
  std::string data;                  // the artefact, below the directory
  std::string model_class;           // "xgboost.sklearn.XGBClassifier"; CatBoost: "CatBoostClassifier"; empty: not said
  std::string mlflow_version;        // empty: not said
  bool has_columns = false;          // the signature is of named columns
  std::vector<std::string> columns;  // those
  std::string signature_text;        // as written, for `vigil inspect`
  std::string example;               // input example's file, below the directory; empty: none
};

inline constexpr size_t kSignatureColumnsMax = 100'000;

// `file` names the text in errors. INVALID_ARGUMENT for what is broken, with the place; UNIMPLEMENTED for a model without a flavour that
// is served, naming those that it has and how to export it.
StatusOr<Mlmodel> ParseMlmodel(const std::string& text, const std::string& file);

// Holds a model's signature to the columns of the MLmodel. A model without names gets them; one with names must have the same ones, in any
// order. INVALID_ARGUMENT names the column and the nearest.
Status ApplyColumns(const std::vector<std::string>& columns, Signature* signature);

}  // namespace vigil::mlflow
