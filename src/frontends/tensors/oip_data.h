// The `data` of a tensor in JSON → elements of its type. Included by parsers on simdjson only.
#pragma once

#include "frontends/rows/json_simd.h"
#include "frontends/tensors/request_memory.h"

namespace vigil {

// Reads `elements` elements, flat or nested, into memory, and points the tensor there. Failures say what is wrong without naming the
// tensor. The caller has bounded `elements` by the length of the text.
Status ReadJsonData(simdjson::ondemand::array data, size_t elements, RequestMemory* memory, TensorView* tensor);

}  // namespace vigil
