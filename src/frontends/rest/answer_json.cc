#include "frontends/rest/answer_json.h"

#include "base/text.h"
#include "frontends/tensors/answer_tensors.h"
#include "frontends/words.h"

namespace vigil {
namespace {

// A row's share of one output.
void AppendRow(const OwnedTensor& tensor, const std::vector<std::string>& keys, size_t row, size_t rows, std::string* out) {
  const size_t width = tensor.size() / rows;
  if (!keys.empty()) {
    out->push_back('{');
    for (size_t k = 0; k < width && k < keys.size(); ++k) {
      if (k != 0) out->push_back(',');
      AppendJsonString(out, keys[k]);
      out->push_back(':');
      AppendElement(tensor, row * width + k, out);
    }
    out->push_back('}');
    return;
  }
  if (width == 1) return AppendElement(tensor, row, out);
  out->push_back('[');
  for (size_t k = 0; k < width; ++k) {
    if (k != 0) out->push_back(',');
    AppendElement(tensor, row * width + k, out);
  }
  out->push_back(']');
}

void AppendFloats(const float* values, size_t width, std::string* out) {
  if (width == 1) return AppendJsonNumber(out, values[0]);
  out->push_back('[');
  for (size_t i = 0; i < width; ++i) {
    if (i != 0) out->push_back(',');
    AppendJsonNumber(out, values[i]);
  }
  out->push_back(']');
}

}  // namespace

void AppendPredictions(const PredictResult& result, const Signature& signature, size_t rows, std::string* out) {
  const std::vector<TensorSpec>& outputs = signature.outputs;
  for (size_t row = 0; row < rows; ++row) {
    if (row != 0) out->push_back(',');
    if (row < result.refused.size() && result.refused[row] != 0) {
      out->append("null");
    } else if (result.tensors.empty()) {
      AppendFloats(result.outputs.data() + row * result.width, result.width, out);
    } else if (outputs.size() == 1) {
      AppendRow(result.tensors[0], outputs[0].keys, row, rows, out);
    } else {
      for (size_t i = 0; i < outputs.size(); ++i) {
        out->push_back(i == 0 ? '{' : ',');
        AppendJsonString(out, outputs[i].name);
        out->push_back(':');
        AppendRow(result.tensors[i], outputs[i].keys, row, rows, out);
      }
      out->push_back('}');
    }
  }
}

}  // namespace vigil
