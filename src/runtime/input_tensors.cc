#include "runtime/input_tensors.h"

#include <cmath>

#include "base/text.h"
#include "runtime/cat.h"

namespace vigil {
namespace {

Status Misfit(const TableRows& rows, const ModelColumn& c, size_t row, size_t column) {
  const double value = rows.number(row, column);
  return absl::InvalidArgumentError(Cat("row ", row, ", column \"", c.name,
                                        "\": ", std::isnan(value) ? "a missing value" : NumberText(value), " does not fit the model's ",
                                        DTypeName(c.dtype)));
}

// Column `column` of the rows into the element of each row of a tensor `width` wide that `c` is.
template <typename T, typename Convert>
Status FillColumn(const TableRows& rows, const ModelColumn& c, absl::Span<const uint32_t> picked, size_t column, size_t count, size_t width,
                  T* to, Convert convert) {
  to += c.offset;
  for (size_t i = 0; i < count; ++i, to += width) {
    const size_t row = picked.empty() ? i : picked[i];
    const double value = rows.number(row, column);
    if (!FitsType(c.dtype, value)) return Misfit(rows, c, row, column);
    *to = convert(value);
  }
  return absl::OkStatus();
}

template <typename T>
T As(double value) {
  return static_cast<T>(value);
}

Status FillNumbers(const TableRows& rows, const ModelColumn& c, absl::Span<const uint32_t> picked, size_t column, size_t count,
                   size_t width, std::byte* to) {
  const auto fill = [&](auto* typed, auto convert) { return FillColumn(rows, c, picked, column, count, width, typed, convert); };
  const auto half = [](double v) { return HalfFromFloat(static_cast<float>(v)); };
  const auto bfloat = [](double v) { return BfloatFromFloat(static_cast<float>(v)); };
  switch (c.dtype) {
    case DType::kBool:
    case DType::kUint8: return fill(reinterpret_cast<uint8_t*>(to), As<uint8_t>);
    case DType::kUint16: return fill(reinterpret_cast<uint16_t*>(to), As<uint16_t>);
    case DType::kUint32: return fill(reinterpret_cast<uint32_t*>(to), As<uint32_t>);
    case DType::kUint64: return fill(reinterpret_cast<uint64_t*>(to), As<uint64_t>);
    case DType::kInt8: return fill(reinterpret_cast<int8_t*>(to), As<int8_t>);
    case DType::kInt16: return fill(reinterpret_cast<int16_t*>(to), As<int16_t>);
    case DType::kInt32: return fill(reinterpret_cast<int32_t*>(to), As<int32_t>);
    case DType::kInt64: return fill(reinterpret_cast<int64_t*>(to), As<int64_t>);
    case DType::kFloat16: return fill(reinterpret_cast<uint16_t*>(to), half);
    case DType::kBfloat16: return fill(reinterpret_cast<uint16_t*>(to), bfloat);
    case DType::kFloat32: return fill(reinterpret_cast<float*>(to), As<float>);
    case DType::kFloat64: return fill(reinterpret_cast<double*>(to), As<double>);
    case DType::kString: break;
  }
  return absl::InternalError("a column of texts filled as numbers");
}

// The whole of one input where it lies in the rows as the tensor wants it; else null.
const void* AsItLies(const TableRows& rows, const TableShape& model, DType dtype) {
  if (dtype == DType::kFloat32) return rows.values;
  const bool same = rows.shape->exact == model.columns.size();
  return dtype == DType::kFloat64 && same ? static_cast<const void*>(rows.exact) : nullptr;
}

}  // namespace

Status InputTensors::Fill(const Signature& signature, const TableShape& model, const TableRows& rows, absl::Span<const uint32_t> picked,
                          Batch* batch, absl::Span<const uint32_t> from) {
  const auto at = [&](size_t column) { return from.empty() ? column : from[column]; };
  const size_t count = picked.empty() ? rows.rows : picked.size();
  *batch = Batch(count);
  const size_t inputs = signature.inputs.size();
  if (tensors_.size() < inputs) tensors_.resize(inputs);
  for (size_t i = 0; i < inputs; ++i) {
    const TensorSpec& spec = signature.inputs[i];
    const size_t first = model.inputs[i].first, width = model.inputs[i].width;
    TensorView view{spec.name, spec.dtype, {static_cast<int64_t>(count)}, nullptr};
    // Two dimensions where the signature leaves the second free.
    for (size_t d = 1; d < spec.shape.size(); ++d) view.shape.push_back(spec.shape[d] < 0 ? static_cast<int64_t>(width) : spec.shape[d]);
    Tensor& tensor = tensors_[i];
    if (picked.empty() && from.empty() && inputs == 1) view.data = AsItLies(rows, model, spec.dtype);
    if (view.data == nullptr && spec.dtype == DType::kString) {
      tensor.texts.resize(count * width);
      for (size_t k = 0; k < width; ++k) {
        for (size_t r = 0; r < count; ++r) tensor.texts[r * width + k] = rows.text(picked.empty() ? r : picked[r], at(first + k));
      }
      view.data = tensor.texts.data();
    } else if (view.data == nullptr) {
      tensor.bytes.resize(count * width * DTypeBytes(spec.dtype));
      for (size_t k = 0; k < width; ++k) {
        VIGIL_RETURN_IF_ERROR(FillNumbers(rows, model.columns[first + k], picked, at(first + k), count, width, tensor.bytes.data()));
      }
      view.data = tensor.bytes.data();
    }
    batch->Add(std::move(view));
  }
  return absl::OkStatus();
}

}  // namespace vigil
