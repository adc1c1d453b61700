// Between our tensors and ONNX Runtime's values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "domain/batch.h"
#include "runtime/model.h"
#include "runtime/onnx/onnx_session.h"

namespace vigil::onnx {

// A value over `data` (or, for strings, with copies of them): `data` must live as long. `shape` is that of the value.
StatusOr<OrtValuePtr> MakeValue(const OnnxSession& session, DType dtype, absl::Span<const int64_t> shape, const void* data);

// Appends a tensor's rows to `to` ("rows" along its first dimension: at most `rows_max` of them are taken). The first chunk (`first`)
// sets the type and the shape. INTERNAL when a later chunk's rows are of another shape.
Status AppendTensor(const OrtLibrary& ort, OrtValue* from, int64_t rows_max, bool first, OwnedTensor* to);

// Appends row by row a sequence of maps: for each of `keys` (in text) one FP32 tensor of `to`, which begins with the first key's. A key
// that a row lacks is NaN. INVALID_ARGUMENT for a key that is not among `keys`.
Status AppendMaps(const OrtLibrary& ort, OrtValue* from, int64_t rows_max, bool first, const std::vector<std::string>& keys,
                  OwnedTensor* to);

// UNIMPLEMENTED, saying what, when a call asks for what only tree models of their makers' formats have.
Status RefuseTreeAnswers(const ScoreCall& call);

// `values` of a numeric type as FP32 or FP64. False when the type is none of numbers.
bool ConvertNumbers(const TensorView& from, DType to, std::vector<std::byte>* converted);

}  // namespace vigil::onnx
