#include "frontends/tensors/whole_tensors.h"

#include <algorithm>

#include "base/text.h"
#include "frontends/errors.h"
#include "frontends/tensors/tensor_rows.h"
#include "frontends/words.h"

namespace vigil {
namespace {

Status Refuse(size_t index, std::string_view what) { return Failure(ErrorCode::kInvalid, what, Concat("inputs[", index, "]")); }

std::string ShapeText(absl::Span<const int64_t> shape) {
  std::string text = "[";
  for (size_t d = 0; d < shape.size(); ++d) Append(&text, d == 0 ? "" : ", ", shape[d]);
  return text + "]";
}

std::vector<std::string> Names(const Signature& signature) {
  std::vector<std::string> names;
  for (const TensorSpec& spec : signature.inputs) names.push_back(spec.name);
  return names;
}

Status CheckTensor(const TensorView& tensor, const TensorSpec& spec, size_t index) {
  if (tensor.dtype != spec.dtype) {
    return Refuse(index, Concat("unexpected datatype of input \"", tensor.name, "\": the model takes ", DTypeName(spec.dtype), ", not ",
                                DTypeName(tensor.dtype)));
  }
  bool fits = !tensor.shape.empty() && tensor.shape.size() == spec.shape.size();
  for (size_t d = 0; fits && d < spec.shape.size(); ++d) fits = spec.shape[d] < 0 || spec.shape[d] == tensor.shape[d];
  if (fits) return absl::OkStatus();
  return Refuse(index, Concat("unexpected shape ", ShapeText(tensor.shape), " of input \"", tensor.name, "\": the model takes ",
                              ShapeText(spec.shape)));
}

}  // namespace

Status TakeTensors(absl::Span<const TensorView> tensors, const Signature& signature, RowBatch* batch, Batch* whole) {
  if (tensors.empty()) return Failure(ErrorCode::kInvalid, "the request has no \"inputs\"", "inputs");
  std::vector<const TensorView*> chosen(signature.inputs.size(), nullptr);
  for (size_t i = 0; i < tensors.size(); ++i) {
    const auto spec = std::find_if(signature.inputs.begin(), signature.inputs.end(),
                                   [&](const TensorSpec& input) { return input.name == tensors[i].name; });
    if (spec == signature.inputs.end()) {
      return Refuse(i, Concat("unexpected input \"", tensors[i].name, "\"", DidYouMean(tensors[i].name, Names(signature)),
                              ": the model takes ", InputChoices(signature.inputs)));
    }
    VIGIL_RETURN_IF_ERROR(CheckTensor(tensors[i], *spec, i));
    if (tensors[i].shape[0] != tensors[0].shape[0]) {
      return Refuse(i, Concat("input \"", tensors[i].name, "\" has ", tensors[i].shape[0], " rows, the first has ", tensors[0].shape[0]));
    }
    const TensorView*& place = chosen[static_cast<size_t>(spec - signature.inputs.begin())];
    if (place != nullptr) return Refuse(i, Concat("input \"", tensors[i].name, "\" is given a second time"));
    place = &tensors[i];
  }
  const auto rows = tensors[0].shape[0];
  if (rows > static_cast<int64_t>(kRowsMax)) {
    return Failure(ErrorCode::kTooLarge, Concat("more than ", kRowsMax, " rows in one request"), "inputs[0]");
  }
  *whole = Batch(static_cast<size_t>(rows));
  for (size_t i = 0; i < chosen.size(); ++i) {
    if (chosen[i] == nullptr) {
      return Failure(ErrorCode::kInvalid,
                     Concat("input \"", signature.inputs[i].name, "\" is missing: the model takes ", InputChoices(signature.inputs)), "inputs");
    }
    whole->Add(*chosen[i]);
  }
  batch->Reset(size_t{0});
  batch->rows = static_cast<size_t>(rows);
  batch->whole = whole;
  return absl::OkStatus();
}

Status FillFromTensors(absl::Span<const TensorView> tensors, const Signature& signature, const ColumnIndex& columns, RowBatch* batch,
                       std::vector<uint32_t>* absent, Batch* whole) {
  if (columns.shape().refusal.empty()) return FillRowsFromTensors(tensors, columns, batch, absent);
  absent->clear();
  return TakeTensors(tensors, signature, batch, whole);
}

}  // namespace vigil
