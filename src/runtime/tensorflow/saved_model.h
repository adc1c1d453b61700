// What a SavedModel says of itself, read without TensorFlow: saved_model.pb (tensorflow/core/protobuf/{saved_model,meta_graph}.proto).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "domain/schema.h"

namespace vigil::tensorflow {

inline constexpr int64_t kSavedModelBytesMax = (int64_t{1} << 31) - 1;  // protobuf's own limit
inline constexpr size_t kMetaGraphsMax = 64;
inline constexpr size_t kSignaturesMax = 1000;
inline constexpr size_t kSignatureTensorsMax = 1000;  // a signature's inputs and outputs

inline constexpr std::string_view kPredictMethod = "tensorflow/serving/predict";
inline constexpr std::string_view kClassifyMethod = "tensorflow/serving/classify";
inline constexpr std::string_view kRegressMethod = "tensorflow/serving/regress";
inline constexpr std::string_view kDefaultSignature = "serving_default";

// One entry of a signature: what callers name, and the graph's tensor behind it.
struct SignatureTensor {
  TensorSpec spec;
  std::string tensor;         // "serving_default_features:0"
  bool unknown_rank = false;  // the spec's shape is then [-1]
};

struct SignatureDef {
  std::string name;
  std::string method;
  std::vector<SignatureTensor> inputs, outputs;  // by name
  // Not empty: real, but not served, and why (a sparse tensor, a data type of no dialect).
  std::string refusal;
};

struct SavedModel {
  std::vector<std::string> tags;         // of the meta graph that is served
  std::string version;                   // of the TensorFlow that wrote it; may be empty
  std::vector<SignatureDef> signatures;  // by name
  int64_t operations = 0, variables = 0;
  std::string_view graph;  // the serialized GraphDef: a view of what was read

  const SignatureDef* Find(std::string_view name) const;
  std::vector<std::string> names() const;
};

// Reads `bytes`; views of them stay in the result. Serves the meta graph tagged "serve", else the only one. INVALID_ARGUMENT names the
// place.
StatusOr<SavedModel> ReadSavedModel(std::string_view bytes);

// `name`, or for an empty one serving_default, else the only signature there is. NOT_FOUND lists them; UNIMPLEMENTED says what of it is not
// served.
StatusOr<const SignatureDef*> ChooseSignature(const SavedModel& model, std::string_view name);

}  // namespace vigil::tensorflow
