// Tensors as the JSON of model servers: numbers flat or nested, texts as strings.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/status.h"
#include "domain/batch.h"
#include "domain/schema.h"

namespace vigil::remote {

// What a dialect does with what JSON has no word for.
enum class JsonForm : uint8_t {
  kStrict,  // Open Inference Protocol: a missing number is null, an infinity 1e999, which reads as one
  kTfs,     // TensorFlow Serving: bare NaN and Infinity; bytes that are not UTF-8 as {"b64": "..."}
};

// INVALID_ARGUMENT where the form has no way to say it: bytes that are not UTF-8 in kStrict.
Status AppendFlat(const TensorView& tensor, JsonForm form, std::string* out);
// Nested by the tensor's shape.
Status AppendNested(const TensorView& tensor, JsonForm form, std::string* out);

// JSON in which NaN, Infinity and -Infinity may stand bare, as Python and TensorFlow Serving write them.
StatusOr<Json> ParseLoose(std::string_view text, std::string_view what);

// Fills `tensor` (name and type from `spec`) from `data`, flat or nested. `shape` is what the answer says, empty: as the data is nested.
// INTERNAL names what does not fit: the first dimension must be `rows`.
Status ReadTensor(const Json& data, const TensorSpec& spec, absl::Span<const int64_t> shape, size_t rows, OwnedTensor* tensor);

}  // namespace vigil::remote
