#include "frontends/tensors/tensor_rows.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "base/text.h"
#include "frontends/errors.h"
#include "frontends/words.h"

namespace vigil {
namespace {

// Columns `column` to `column + width` are the elements of the tensor's rows.
struct Placed {
  size_t column = 0;
  size_t width = 1;
};

template <typename T>
T Load(const void* data, size_t i) {
  T value;
  std::memcpy(&value, static_cast<const std::byte*>(data) + i * sizeof(T), sizeof(T));
  return value;
}

// Calls `use(load)` with a function that reads an element of the tensor's type as a double.
template <typename Use>
void WithLoader(DType dtype, const void* data, Use use) {
  switch (dtype) {
    case DType::kBool: return use([data](size_t i) { return Load<uint8_t>(data, i) != 0 ? 1.0 : 0.0; });
    case DType::kUint8: return use([data](size_t i) { return static_cast<double>(Load<uint8_t>(data, i)); });
    case DType::kUint16: return use([data](size_t i) { return static_cast<double>(Load<uint16_t>(data, i)); });
    case DType::kUint32: return use([data](size_t i) { return static_cast<double>(Load<uint32_t>(data, i)); });
    case DType::kUint64: return use([data](size_t i) { return static_cast<double>(Load<uint64_t>(data, i)); });
    case DType::kInt8: return use([data](size_t i) { return static_cast<double>(Load<int8_t>(data, i)); });
    case DType::kInt16: return use([data](size_t i) { return static_cast<double>(Load<int16_t>(data, i)); });
    case DType::kInt32: return use([data](size_t i) { return static_cast<double>(Load<int32_t>(data, i)); });
    case DType::kInt64: return use([data](size_t i) { return static_cast<double>(Load<int64_t>(data, i)); });
    case DType::kFloat16: return use([data](size_t i) { return static_cast<double>(FloatFromHalf(Load<uint16_t>(data, i))); });
    case DType::kBfloat16: return use([data](size_t i) { return static_cast<double>(FloatFromBfloat(Load<uint16_t>(data, i))); });
    case DType::kFloat32: return use([data](size_t i) { return static_cast<double>(Load<float>(data, i)); });
    case DType::kFloat64: return use([data](size_t i) { return Load<double>(data, i); });
    case DType::kString: break;
  }
}

enum class Kind : uint8_t { kText, kTruth, kWhole, kFloat };
Kind KindOf(DType dtype) {
  switch (dtype) {
    case DType::kString: return Kind::kText;
    case DType::kBool: return Kind::kTruth;
    case DType::kFloat16:
    case DType::kBfloat16:
    case DType::kFloat32:
    case DType::kFloat64: return Kind::kFloat;
    default: return Kind::kWhole;
  }
}

// A type may become a richer one, never a poorer: 1.5 is no whole number, and 7 no truth value.
bool Fits(DType given, DType wanted) {
  const Kind from = KindOf(given), to = KindOf(wanted);
  return from == to || (from != Kind::kText && to != Kind::kText && from < to);
}

// `"amount" (FP64 [-1, 1]), "channel" (BYTES [-1, 1])`: the tensors a request may have, or the one matrix.
std::string Choices(const ColumnIndex& columns) {
  constexpr size_t kListedMax = 10;
  std::string text;
  const std::vector<InputColumns>& inputs = columns.shape().inputs;
  for (size_t i = 0; i < inputs.size() && i < kListedMax; ++i) {
    Append(&text, i == 0 ? "" : ", ", "\"", inputs[i].name, "\" (", DTypeName(columns.shape().columns[inputs[i].first].dtype), " [-1, ",
           inputs[i].width, "])");
  }
  if (inputs.size() > kListedMax) Append(&text, " and ", inputs.size() - kListedMax, " more");
  return text;
}

Status Refuse(size_t index, std::string_view what) { return Failure(ErrorCode::kInvalid, what, Concat("inputs[", index, "]")); }

// Which columns the tensor fills, by its name and shape. A name that is both an input of the model's and a column of its own is told by the
// width.
StatusOr<Placed> Place(const TensorView& tensor, size_t index, bool only, const ColumnIndex& columns) {
  const size_t rank = tensor.shape.size();
  size_t width = 1;
  for (size_t d = 1; d < rank; ++d) width = std::min<size_t>(width * static_cast<size_t>(tensor.shape[d]), kTableColumnsMax + 1);
  const int column = columns.Find(tensor.name);
  const InputColumns* input = columns.FindInput(tensor.name);
  if (rank > 0 && input != nullptr && input->width == width) return Placed{input->first, width};
  if (column >= 0 && width == 1 && (rank == 1 || rank == 2)) return Placed{static_cast<size_t>(column), 1};
  if (only && rank > 0 && width > 0 && width == columns.size()) return Placed{0, width};
  if (column < 0 && input == nullptr && !only) {
    return Refuse(index, Concat("unexpected input \"", tensor.name, "\"", DidYouMean(tensor.name, columns.names()), ": the model takes ",
                                Choices(columns)));
  }
  return Refuse(index, Concat("unexpected shape of input \"", tensor.name, "\": the model takes one tensor of shape [-1, ", columns.size(),
                              "], one tensor a column of shape [-1] or [-1, 1], or ", Choices(columns)));
}

Status CheckTypes(const TensorView& tensor, size_t index, const Placed& placed, const ColumnIndex& columns) {
  for (size_t k = 0; k < placed.width; ++k) {
    const ModelColumn& target = columns.shape().columns[placed.column + k];
    if (Fits(tensor.dtype, target.dtype)) continue;
    return Refuse(index, Concat("unexpected datatype of input \"", tensor.name, "\": column \"", target.name, "\" is ",
                                DTypeName(target.dtype), ", not ", DTypeName(tensor.dtype),
                                placed.width > 1 && columns.shape().texts > 0 ? "; send one tensor a column" : ""));
  }
  return absl::OkStatus();
}

void FillTexts(const TensorView& tensor, const Placed& placed, const TableShape& shape, RowBatch* batch) {
  const auto* const texts = static_cast<const std::string_view*>(tensor.data);
  for (size_t k = 0; k < placed.width; ++k) {
    const ModelColumn& column = shape.columns[placed.column + k];
    for (size_t row = 0; row < batch->rows; ++row) {
      const std::string_view text = texts[row * placed.width + k];
      if (text.data() == nullptr) continue;  // missing, as the row began
      batch->values[row * batch->columns + placed.column + k] = 0;
      batch->texts[row * batch->text_columns + column.at] = text;
    }
  }
}

void FillNumbers(const TensorView& tensor, const Placed& placed, const TableShape& shape, RowBatch* batch) {
  WithLoader(tensor.dtype, tensor.data, [&](auto load) {
    for (size_t k = 0; k < placed.width; ++k) {
      const ModelColumn& column = shape.columns[placed.column + k];
      const bool exact = column.store == ColumnStore::kExact;
      for (size_t row = 0; row < batch->rows; ++row) {
        const double value = load(row * placed.width + k);
        batch->values[row * batch->columns + placed.column + k] = static_cast<float>(value);
        if (exact) batch->exact[row * batch->exact_columns + column.at] = value;
      }
    }
  });
}

Status MakeRows(int64_t rows, const ColumnIndex& columns, RowBatch* batch) {
  if (rows > static_cast<int64_t>(kRowsMax)) {
    return Failure(ErrorCode::kTooLarge, Concat("more than ", kRowsMax, " rows in one request"), "inputs[0]");
  }
  batch->Reset(columns.shape());
  batch->rows = static_cast<size_t>(rows);
  if (batch->rows * batch->columns > kCellsMax) {  // one column may be all that is sent of a wide model
    return Failure(ErrorCode::kTooLarge, Concat("more than ", kCellsMax, " cells (rows times columns) in one request"), "inputs[0]");
  }
  return absl::OkStatus();
}

}  // namespace

std::string InputChoices(absl::Span<const TensorSpec> inputs) {
  constexpr size_t kListedMax = 10;
  std::string text;
  for (size_t i = 0; i < inputs.size() && i < kListedMax; ++i) {
    Append(&text, i == 0 ? "" : ", ", "\"", inputs[i].name, "\" (", DTypeName(inputs[i].dtype), " [");
    for (size_t d = 0; d < inputs[i].shape.size(); ++d) Append(&text, d == 0 ? "" : ", ", inputs[i].shape[d]);
    text.append("])");
  }
  if (inputs.size() > kListedMax) Append(&text, " and ", inputs.size() - kListedMax, " more");
  return text;
}

size_t TensorElements(absl::Span<const int64_t> shape) {
  size_t elements = 1;
  for (const int64_t d : shape) {
    elements = d == 0                                                   ? 0
               : elements > kTensorElementsMax / static_cast<size_t>(d) ? kTensorElementsMax + 1
                                                                        : elements * static_cast<size_t>(d);
  }
  return elements;
}

double TensorNumber(const TensorView& tensor, size_t i) {
  double value = std::numeric_limits<double>::quiet_NaN();
  WithLoader(tensor.dtype, tensor.data, [&](auto load) { value = load(i); });
  return value;
}

Status FillRowsFromTensors(absl::Span<const TensorView> tensors, const ColumnIndex& columns, RowBatch* batch,
                           std::vector<uint32_t>* absent) {
  absent->clear();
  if (tensors.empty()) return Failure(ErrorCode::kInvalid, "the request has no \"inputs\"", "inputs");
  absl::InlinedVector<Placed, 8> placed;
  absl::InlinedVector<uint8_t, 128> seen(columns.size(), 0);
  for (size_t i = 0; i < tensors.size(); ++i) {
    VIGIL_ASSIGN_OR_RETURN(const Placed place, Place(tensors[i], i, tensors.size() == 1, columns));
    VIGIL_RETURN_IF_ERROR(CheckTypes(tensors[i], i, place, columns));
    if (tensors[i].shape[0] != tensors[0].shape[0]) {
      return Refuse(i, Concat("input \"", tensors[i].name, "\" has ", tensors[i].shape[0], " rows, the first has ", tensors[0].shape[0]));
    }
    for (size_t k = 0; k < place.width; ++k) {
      if (std::exchange(seen[place.column + k], uint8_t{1}) == 0) continue;
      return Refuse(i, Concat("input \"", tensors[i].name, "\" gives column \"", columns.names()[place.column + k], "\" a second time"));
    }
    placed.push_back(place);
  }
  VIGIL_RETURN_IF_ERROR(MakeRows(tensors[0].shape[0], columns, batch));
  const TableShape& shape = columns.shape();
  if (tensors.size() == 1 && tensors[0].dtype == DType::kFloat32 && placed[0].width == batch->columns && columns.all_floats()) {
    batch->values.resize(batch->rows * batch->columns);  // the matrix as it lies
    if (!batch->values.empty()) std::memcpy(batch->values.data(), tensors[0].data, batch->values.size() * sizeof(float));
    return absl::OkStatus();
  }
  batch->values.assign(batch->rows * batch->columns, std::numeric_limits<float>::quiet_NaN());
  batch->exact.assign(batch->rows * batch->exact_columns, std::numeric_limits<double>::quiet_NaN());
  batch->texts.assign(batch->rows * batch->text_columns, std::string_view());
  for (size_t i = 0; i < tensors.size(); ++i) {
    tensors[i].dtype == DType::kString ? FillTexts(tensors[i], placed[i], shape, batch) : FillNumbers(tensors[i], placed[i], shape, batch);
  }
  for (size_t column = 0; column < seen.size(); ++column) {
    if (seen[column] == 0) absent->push_back(static_cast<uint32_t>(column));
  }
  return absl::OkStatus();
}

}  // namespace vigil
