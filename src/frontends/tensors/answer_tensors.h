// The answer of a model as named tensors: what every dialect of tensors writes in its own form.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "domain/batch.h"
#include "domain/schema.h"
#include "prediction/pipeline.h"

namespace vigil {

// One output of an answer; views of the result.
struct AnswerTensor {
  const TensorSpec* spec = nullptr;
  DType dtype = DType::kFloat32;
  absl::InlinedVector<int64_t, 4> shape;
  const float* floats = nullptr;       // FP32, or
  const OwnedTensor* owned = nullptr;  // any type

  size_t elements() const;
  // Element `i` as a number; NaN for a text.
  double number(size_t i) const { return floats != nullptr ? static_cast<double>(floats[i]) : owned->number(i); }
  std::string_view text(size_t i) const { return owned->strings[i]; }
};

// Every output of the signature, in its order. No row of the result was refused.
void AnswerTensors(const Signature& signature, const PredictResult& result, size_t rows, std::vector<AnswerTensor>* out);

// Element `i` of a tensor: a number (null when it is not finite), true or false, or a string.
void AppendElement(const OwnedTensor& tensor, size_t i, std::string* out);

// One element as JSON: numbers shortest, truth values as words, texts as strings, what is no finite number as null.
void AppendElement(const AnswerTensor& tensor, size_t i, std::string* out);

// Little-endian elements in row order; texts each behind their length in four bytes: the Open Inference Protocol's binary form.
size_t RawBytes(const AnswerTensor& tensor);
void AppendRaw(const AnswerTensor& tensor, std::string* out);
void AppendRawText(std::string_view text, std::string* out);

// The classification form of Triton and TensorFlow Serving: of each row the `count` greatest elements, greatest first, as "score:index", or
// "score:index:key" where the output has keys. Row-major, rows × min(count, width); `width` becomes that.
std::vector<std::string> Classify(const AnswerTensor& tensor, size_t count, size_t* width);

}  // namespace vigil
