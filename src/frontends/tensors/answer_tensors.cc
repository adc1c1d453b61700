#include "frontends/tensors/answer_tensors.h"

#include <algorithm>
#include <cstdio>
#include <numeric>

#include "base/text.h"
#include "frontends/words.h"

namespace vigil {

size_t AnswerTensor::elements() const {
  size_t count = 1;
  for (const int64_t dimension : shape) count *= static_cast<size_t>(dimension);
  return count;
}

void AnswerTensors(const Signature& signature, const PredictResult& result, size_t rows, std::vector<AnswerTensor>* out) {
  out->clear();
  for (size_t i = 0; i < signature.outputs.size(); ++i) {
    AnswerTensor tensor;
    tensor.spec = &signature.outputs[i];
    tensor.dtype = tensor.spec->dtype;
    tensor.shape.push_back(static_cast<int64_t>(rows));
    if (result.tensors.empty()) {
      tensor.floats = result.outputs.data();
      // A model whose output has a second dimension answers with one, if it is 1 wide too.
      if (result.width > 1 || tensor.spec->shape.size() > 1) tensor.shape.push_back(static_cast<int64_t>(result.width));
    } else {
      tensor.owned = &result.tensors[i];
      tensor.dtype = tensor.owned->dtype;
      for (size_t d = 1; d < tensor.owned->shape.size(); ++d) tensor.shape.push_back(tensor.owned->shape[d]);
    }
    out->push_back(std::move(tensor));
  }
}

void AppendElement(const OwnedTensor& tensor, size_t i, std::string* out) {
  switch (tensor.dtype) {
    case DType::kFloat32: return AppendJsonNumber(out, tensor.floats[i]);
    case DType::kFloat16:
    case DType::kBfloat16: return AppendJsonNumber(out, static_cast<float>(tensor.number(i)));
    case DType::kFloat64: return AppendJsonNumber(out, tensor.number(i));
    case DType::kBool: out->append(tensor.whole(i) != 0 ? "true" : "false"); return;
    case DType::kUint64: return Append(out, static_cast<uint64_t>(tensor.whole(i)));
    case DType::kString: return AppendJsonString(out, tensor.strings[i]);
    default: return Append(out, tensor.whole(i));
  }
}

void AppendElement(const AnswerTensor& tensor, size_t i, std::string* out) {
  tensor.owned == nullptr ? AppendJsonNumber(out, tensor.floats[i]) : AppendElement(*tensor.owned, i, out);
}

size_t RawBytes(const AnswerTensor& tensor) {
  if (tensor.dtype != DType::kString) return tensor.elements() * DTypeBytes(tensor.dtype);
  size_t bytes = 0;
  for (const std::string& text : tensor.owned->strings) bytes += sizeof(uint32_t) + text.size();
  return bytes;
}

void AppendRawText(std::string_view text, std::string* out) {
  const auto size = static_cast<uint32_t>(text.size());
  out->append(reinterpret_cast<const char*>(&size), sizeof(size));
  out->append(text);
}

void AppendRaw(const AnswerTensor& tensor, std::string* out) {
  if (tensor.dtype == DType::kString) {
    for (const std::string& text : tensor.owned->strings) AppendRawText(text, out);
    return;
  }
  const void* data = tensor.floats;
  if (tensor.owned != nullptr) {
    data = tensor.dtype == DType::kFloat32 ? static_cast<const void*>(tensor.owned->floats.data()) : tensor.owned->bytes.data();
  }
  out->append(static_cast<const char*>(data), RawBytes(tensor));
}

std::vector<std::string> Classify(const AnswerTensor& tensor, size_t count, size_t* width) {
  const size_t rows = tensor.shape.empty() ? 1 : static_cast<size_t>(tensor.shape[0]);
  const size_t classes = rows == 0 ? 0 : tensor.elements() / rows;
  *width = std::min(count, classes);
  std::vector<std::string> best;
  best.reserve(rows * *width);
  std::vector<size_t> order(classes);
  for (size_t row = 0; row < rows; ++row) {
    std::iota(order.begin(), order.end(), size_t{0});
    const auto score = [&](size_t k) { return tensor.number(row * classes + k); };
    // Ties in order of the classes; what is no number last.
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      const double x = score(a), y = score(b);
      return x > y || (y != y && x == x);
    });
    for (size_t k = 0; k < *width; ++k) {
      char text[64];
      const int size = std::snprintf(text, sizeof(text), "%.9g:%zu", score(order[k]), order[k]);
      best.emplace_back(text, static_cast<size_t>(size));
      if (order[k] < tensor.spec->keys.size()) Append(&best.back(), ':', tensor.spec->keys[order[k]]);
    }
  }
  return best;
}

}  // namespace vigil
