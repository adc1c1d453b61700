#include "frontends/tensors/tfs_answer.h"

#include <cmath>

#include "absl/strings/escaping.h"
#include "base/text.h"
#include "frontends/words.h"

namespace vigil {
namespace {

template <typename T>
void AppendFloat(T value, std::string* out) {
  if (!std::isfinite(value)) {
    out->append(std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
    return;
  }
  const size_t begin = out->size();
  AppendJsonNumber(out, value);
  if (std::string_view(*out).substr(begin).find_first_of(".eE") == std::string_view::npos) out->append(".0");
}

void AppendText(std::string_view text, bool bytes, std::string* out) {
  if (!bytes) return AppendJsonString(out, text);
  Append(out, "{\"b64\":\"", absl::Base64Escape(absl::string_view(text.data(), text.size())), "\"}");
}

void AppendOwned(const OwnedTensor& tensor, size_t i, bool bytes, std::string* out) {
  switch (tensor.dtype) {
    case DType::kFloat32: return AppendFloat(tensor.floats[i], out);
    case DType::kFloat16:
    case DType::kBfloat16: return AppendFloat(static_cast<float>(tensor.number(i)), out);
    case DType::kFloat64: return AppendFloat(tensor.number(i), out);
    case DType::kString: return AppendText(tensor.strings[i], bytes, out);
    default: return AppendElement(tensor, i, out);
  }
}

// Nested lists of the tensor's elements from dimension `d` on; `*at` is the next element.
class TensorWriter {
 public:
  TensorWriter(const AnswerTensor& tensor, std::string* out)
      : tensor_(tensor), bytes_(std::string_view(tensor.spec->name).ends_with("_bytes")), out_(out) {
    for (size_t d = 1; d < tensor.shape.size(); ++d) width_ *= static_cast<size_t>(tensor.shape[d]);
  }

  void AppendRow(size_t row) {
    size_t at = row * width_;
    const std::vector<std::string>& keys = tensor_.spec->keys;
    if (keys.empty()) return AppendFrom(1, &at);
    out_->push_back('{');
    for (size_t k = 0; k < width_ && k < keys.size(); ++k) {
      if (k != 0) out_->push_back(',');
      AppendJsonString(out_, keys[k]);
      out_->push_back(':');
      AppendOne(at + k);
    }
    out_->push_back('}');
  }

  void AppendAll() {
    out_->push_back('[');
    for (size_t row = 0, rows = static_cast<size_t>(tensor_.shape[0]); row < rows; ++row) {
      if (row != 0) out_->push_back(',');
      AppendRow(row);
    }
    out_->push_back(']');
  }

 private:
  void AppendFrom(size_t d, size_t* at) {
    if (d >= tensor_.shape.size()) return AppendOne((*at)++);
    out_->push_back('[');
    for (int64_t i = 0; i < tensor_.shape[d]; ++i) {
      if (i != 0) out_->push_back(',');
      AppendFrom(d + 1, at);
    }
    out_->push_back(']');
  }
  void AppendOne(size_t i) {
    tensor_.owned == nullptr ? AppendFloat(tensor_.floats[i], out_) : AppendOwned(*tensor_.owned, i, bytes_, out_);
  }

  const AnswerTensor& tensor_;
  const bool bytes_;
  size_t width_ = 1;
  std::string* const out_;
};

}  // namespace

void AppendTfsNumber(float value, std::string* out) { AppendFloat(value, out); }

void AppendTfsRows(absl::Span<const AnswerTensor> tensors, size_t rows, std::string* out) {
  for (size_t row = 0; row < rows; ++row) {
    if (row != 0) out->push_back(',');
    if (tensors.size() == 1) {
      TensorWriter(tensors[0], out).AppendRow(row);
      continue;
    }
    for (size_t i = 0; i < tensors.size(); ++i) {
      out->push_back(i == 0 ? '{' : ',');
      AppendJsonString(out, tensors[i].spec->name);
      out->push_back(':');
      TensorWriter(tensors[i], out).AppendRow(row);
    }
    out->push_back('}');
  }
}

void AppendTfsColumns(absl::Span<const AnswerTensor> tensors, std::string* out) {
  if (tensors.size() == 1) return TensorWriter(tensors[0], out).AppendAll();
  for (size_t i = 0; i < tensors.size(); ++i) {
    out->push_back(i == 0 ? '{' : ',');
    AppendJsonString(out, tensors[i].spec->name);
    out->push_back(':');
    TensorWriter(tensors[i], out).AppendAll();
  }
  out->push_back('}');
}

}  // namespace vigil
