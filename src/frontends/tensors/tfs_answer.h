// A model's answer in the JSON of TensorFlow Serving's REST API.
#pragma once

#include <string>

#include "absl/types/span.h"
#include "frontends/tensors/answer_tensors.h"

namespace vigil {

// A float always has a point or an exponent, and NaN, Infinity and -Infinity are words, as its own server writes them.
void AppendTfsNumber(float value, std::string* out);

// The items of a JSON list of `rows` predictions: of one tensor its rows, of several objects of theirs by name. Texts of tensors named
// *_bytes are {"b64": base64}; rows of maps are objects by their keys.
void AppendTfsRows(absl::Span<const AnswerTensor> tensors, size_t rows, std::string* out);
// One tensor, or an object of them by name.
void AppendTfsColumns(absl::Span<const AnswerTensor> tensors, std::string* out);

}  // namespace vigil
