// What TensorFlow Serving's two APIs, REST and gRPC, say of a model: its signature, and its answer as classes or as one value.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "domain/batch.h"
#include "prediction/pipeline.h"
#include "runtime/model.h"

namespace vigil {

inline constexpr std::string_view kTfsClassifyMethod = "tensorflow/serving/classify";
inline constexpr std::string_view kTfsRegressMethod = "tensorflow/serving/regress";
inline constexpr std::string_view kTfsPredictMethod = "tensorflow/serving/predict";

// "DT_FLOAT" and its like.
std::string_view TfsDTypeName(DType dtype);

// The name of the one signature that a model is served with: a SavedModel's own, else "serving_default".
std::string_view TfsSignatureName(const LoadedModel& model);
// Whether `name` is that, or empty.
bool IsTfsSignature(std::string_view name, const LoadedModel& model);
// INVALID_ARGUMENT naming the signature that there is, when it is not.
Status CheckTfsSignature(std::string_view name, const LoadedModel& model);

// "float": a type as TensorFlow's messages call it.
std::string_view TfsTypeWord(DType dtype);
// A failure to find a model, or its version (empty: the latest), in TensorFlow Serving's words before ours; others as they are.
Status TfsUnresolved(const Status& status, std::string_view model, std::string_view version);
// The version that a label points to; INVALID_ARGUMENT naming the label and the nearest one.
StatusOr<std::string> TfsLabelledVersion(const RegistrySnapshot& models, std::string_view model, std::string_view label);

// How a model's scores (PredictResult::outputs) are classes.
class TfsClasses {
 public:
  // INVALID_ARGUMENT when they are not: a single number that is no probability.
  static StatusOr<TfsClasses> Of(const LoadedModel& model);

  size_t size() const { return labels_.size(); }
  // Of class `k` in a row of the answer: what the model calls it, else its number.
  std::string_view label(const PredictResult& result, size_t row, size_t k) const;
  // The one probability of a binary model is that of class "1"; class "0" has the rest.
  float score(const PredictResult& result, size_t row, size_t k) const;

 private:
  std::vector<std::string> labels_;
  int label_output_ = -1;  // texts beside the scores, one each
  bool complement_ = false;
};

// The classes of the model that a scratch last answered with, so that a warm request makes none.
class TfsClassesOf {
 public:
  // The pointer holds until the next call.
  StatusOr<const TfsClasses*> Get(const std::shared_ptr<const LoadedModel>& model);

 private:
  std::weak_ptr<const LoadedModel> model_;
  StatusOr<TfsClasses> classes_ = absl::UnavailableError("none yet");
};

// INVALID_ARGUMENT unless the model answers with one number a row, which is PredictResult::outputs.
Status CheckTfsRegression(const LoadedModel& model);

}  // namespace vigil
