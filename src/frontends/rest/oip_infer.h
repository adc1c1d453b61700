// Open Inference Protocol bodies that come by another dialect's route.
#pragma once

#include <string_view>

namespace vigil {

class RestHandler;
struct Call;

// SageMaker's containers for Triton: binary tensors on /invocations. The parameter json-header-size says how much of the body is JSON, in
// the request as in the answer.
inline constexpr std::string_view kSagemakerTriton = "application/vnd.sagemaker-triton.binary+json";
// `json_size` as it was written; empty: all of the body is JSON.
void InferSagemakerTriton(RestHandler& handler, Call& call, std::string_view model, std::string_view json_size);

}  // namespace vigil
