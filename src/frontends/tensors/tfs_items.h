// One value of TensorFlow Serving's JSON → elements of a tensor. Included by parsers on simdjson only.
#pragma once

#include "frontends/rows/json_simd.h"
#include "frontends/tensors/row_tensors.h"

namespace vigil {

struct TfsItemOptions {
  size_t elements_max = 0;       // of one value: what the body's length allows
  bool null_is_missing = false;  // null for a value, and in a flat list; in deeper ones it always is. Where the type can be missing
  bool feature = false;          // of an example: one element or a list of them, which are the same
};

// Reads the value into the next row of `tensor`, whose shape is that of the first value: lists of one depth that differ in length are
// refused. Numbers must be of the tensor's type (1 is a float, 1.0 and true are no whole numbers); NaN, Infinity and -Infinity are floats;
// truth values are true and false; texts are strings or {"b64": base64 of their bytes}. Failures say what is wrong without naming the tensor.
Status ReadTfsItem(simdjson::ondemand::value value, const TfsItemOptions& options, RequestMemory* memory, RowTensors* tensors,
                   RowTensor* tensor);
// The same of a value that is a list.
Status ReadTfsList(simdjson::ondemand::array list, const TfsItemOptions& options, RequestMemory* memory, RowTensors* tensors,
                   RowTensor* tensor);

}  // namespace vigil
