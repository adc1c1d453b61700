// What the Open Inference Protocol's two forms, REST and gRPC, say of the server, its models, and their configuration in Triton's words.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "base/status.h"
#include "domain/schema.h"
#include "frontends/rest/infer_statistics.h"
#include "service/predict_service.h"

namespace vigil {

inline constexpr std::string_view kOipServerName = "vigil";
inline constexpr std::array<std::string_view, 6> kOipExtensions = {"binary_tensor_data", "classification", "model_configuration",
                                                                   "model_repository",   "parameters",     "statistics"};

// Whether a request for the version (empty: the champion) would be answered: it is loaded, or is loaded for the first request that asks.
// UNAVAILABLE: not now; NOT_FOUND names the nearest model or version.
Status OipModelReady(PredictService& predict, std::string_view model, std::string_view version);

// Calls `tell` for each version that there are statistics of: the model's, or every model's (empty) in order of their names. Of a model
// that made room for others the version that it comes back with is told too. NOT_FOUND or UNAVAILABLE for a model that is not served.
Status OipStatistics(PredictService& predict, const InferStatistics& statistics, std::string_view model, std::string_view version,
                     absl::FunctionRef<void(const std::string& model, const std::string& version, const InferSums& sums)> tell);
// In the order of both forms: a name, how many, and their time together. Requests are scored as they come, so that each is one execution;
// nothing waits in a queue of ours.
struct OipDuration {
  std::string_view name;
  int64_t count = 0, ns = 0;
};
std::array<OipDuration, 8> OipDurations(const InferSums& sums);

// ---- a model's configuration (Triton's config.pbtxt) ----

// "TYPE_FP32", and its number in model_config.proto's DataType.
std::string_view TritonTypeName(DType dtype);
int TritonTypeNumber(DType dtype);
// Whether each tensor's first dimension is the row: it is not told then.
bool IsTritonBatched(const Signature& signature);
// The dimensions of a tensor. One without any other than the row has the dimension 1, which is no part of its shape (`reshape` to none).
struct TritonDims {
  absl::Span<const int64_t> dims;
  bool reshape = false;
};
TritonDims TritonDimsOf(const TensorSpec& spec, bool batched);
// Those that are numbers, as Triton's are.
std::vector<int64_t> TritonVersions(const ServedModel& model);

}  // namespace vigil
