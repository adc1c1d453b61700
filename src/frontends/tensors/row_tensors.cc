#include "frontends/tensors/row_tensors.h"

#include <cstring>
#include <limits>

#include "base/text.h"
#include "frontends/errors.h"
#include "frontends/tensors/tensor_rows.h"
#include "frontends/words.h"

namespace vigil {
namespace {

// Writes `count` missing elements.
void WriteMissing(DType dtype, std::byte* to, size_t count) {
  const auto write = [&](const auto& value) {
    for (size_t i = 0; i < count; ++i) std::memcpy(to + i * sizeof(value), &value, sizeof(value));
  };
  switch (dtype) {
    case DType::kFloat16: return write(HalfFromFloat(std::numeric_limits<float>::quiet_NaN()));
    case DType::kBfloat16: return write(BfloatFromFloat(std::numeric_limits<float>::quiet_NaN()));
    case DType::kFloat32: return write(std::numeric_limits<float>::quiet_NaN());
    case DType::kFloat64: return write(std::numeric_limits<double>::quiet_NaN());
    default: return write(std::string_view());
  }
}

}  // namespace

size_t ElementBytes(DType dtype) { return dtype == DType::kString ? sizeof(std::string_view) : DTypeBytes(dtype); }

bool CanBeMissing(DType dtype) {
  return dtype == DType::kString || dtype == DType::kFloat16 || dtype == DType::kBfloat16 || dtype == DType::kFloat32 ||
         dtype == DType::kFloat64;
}

std::string_view InputNames::NameOf(size_t number) const {
  return number < columns_.size() ? columns_.names()[number] : signature_.inputs[number - columns_.size()].name;
}

int InputNames::Find(std::string_view name, size_t guess) const {
  if (guess < size() && NameOf(guess) == name) return static_cast<int>(guess);
  if (const int column = columns_.Find(name); column >= 0) return column;
  for (size_t i = 0; i < signature_.inputs.size(); ++i) {
    if (signature_.inputs[i].name == name) return static_cast<int>(columns_.size() + i);
  }
  return -1;
}

DType InputNames::dtype(int number) const {
  const auto at = static_cast<size_t>(number);
  return at < columns_.size() ? columns_.shape().columns[at].dtype : signature_.inputs[at - columns_.size()].dtype;
}

Status InputNames::Unknown(std::string_view name) const {
  std::vector<std::string> names = columns_.names();
  for (const TensorSpec& input : signature_.inputs) names.push_back(input.name);
  return Failure(ErrorCode::kInvalid,
                 Concat("unexpected input \"", name, "\"", DidYouMean(name, names), ": the model takes ", InputChoices(signature_.inputs)));
}

Status InputNames::Unnamed(std::string_view* name, DType* dtype) const {
  if (signature_.inputs.size() == 1) {
    *name = signature_.inputs[0].name;
    *dtype = signature_.inputs[0].dtype;
    return absl::OkStatus();
  }
  bool alike = columns_.size() == signature_.inputs.size() && columns_.size() > 0;
  for (const ModelColumn& column : columns_.shape().columns) alike = alike && column.dtype == columns_.shape().columns[0].dtype;
  if (!alike) {
    return Failure(ErrorCode::kInvalid,
                   Concat("values without names fit models with one input; this one takes ", InputChoices(signature_.inputs)));
  }
  *name = {};
  *dtype = columns_.shape().columns[0].dtype;
  return absl::OkStatus();
}

void RowTensors::Begin(size_t rows, const InputNames& names, RequestMemory* memory) {
  names_ = &names;
  memory_ = memory;
  rows_ = rows;
  row_ = row_elements_ = guess_ = 0;
  tensors_.clear();
  numbers_.clear();
  slots_.assign(names.size(), -1);
}

RowTensor* RowTensors::Add(std::string_view name, DType dtype) {
  numbers_.push_back(-1);
  RowTensor* const tensor = &tensors_.emplace_back();
  tensor->name = name;
  tensor->dtype = dtype;
  return tensor;
}

RowTensor* RowTensors::Of(int number, std::string_view name) {
  int32_t& slot = slots_[static_cast<size_t>(number)];
  if (slot >= 0) return &tensors_[static_cast<size_t>(slot)];
  slot = static_cast<int32_t>(tensors_.size());
  RowTensor* const tensor = Add(name, names_->dtype(number));
  numbers_.back() = number;
  return tensor;
}

StatusOr<RowTensor*> RowTensors::Member(std::string_view name) {
  const int number = names_->Find(name, guess_);
  if (number < 0) return nullptr;
  guess_ = static_cast<size_t>(number) + 1;
  RowTensor* const tensor = Of(number, name);
  if (tensor->rows > row_) return Failure(ErrorCode::kInvalid, Concat("\"", name, "\" stands twice"));
  return tensor;
}

Status RowTensors::FillMissing(RowTensor* tensor, size_t until) const {
  if (tensor->rows == until) return absl::OkStatus();
  if (!CanBeMissing(tensor->dtype)) {
    return Failure(ErrorCode::kInvalid, Concat("row ", tensor->rows, " has no \"", tensor->name, "\", and a value of ",
                                               DTypeName(tensor->dtype), " cannot be missing"));
  }
  WriteMissing(tensor->dtype, tensor->Next(), (until - tensor->rows) * tensor->width);
  tensor->rows = until;
  return absl::OkStatus();
}

Status RowTensors::Shaped(RowTensor* tensor) {
  constexpr size_t kTooMany = kCellsMax + 1;
  tensor->shaped = true;
  tensor->width = 1;
  for (const int64_t dimension : tensor->item) {
    const auto size = static_cast<size_t>(dimension);
    tensor->width = size == 0 ? 0 : tensor->width > kTooMany / size ? kTooMany : tensor->width * size;
  }
  row_elements_ += tensor->width;
  if (rows_ > kRowsMax) return Failure(ErrorCode::kTooLarge, Concat("more than ", kRowsMax, " rows in one request"));
  if (row_elements_ > 0 && rows_ > kCellsMax / row_elements_) {  // rows may leave values out, so a small body can ask for a lot
    return Failure(ErrorCode::kTooLarge, Concat("more than ", kCellsMax, " cells (rows times columns) in one request"));
  }
  const size_t elements = rows_ * tensor->width;
  tensor->data = tensor->dtype == DType::kString ? reinterpret_cast<std::byte*>(memory_->Texts(elements).data())
                                                 : memory_->Bytes(std::max<size_t>(elements * DTypeBytes(tensor->dtype), 1));
  return FillMissing(tensor, row_);
}

Status RowTensors::EndRow(const RowTensors* context) {
  for (size_t i = 0; context != nullptr && i < context->tensors_.size(); ++i) {
    const RowTensor& from = context->tensors_[i];
    RowTensor* const tensor = Of(context->numbers_[i], from.name);
    if (tensor->rows > row_) continue;  // the row's own value counts
    if (!tensor->shaped) {
      tensor->item = from.item;
      VIGIL_RETURN_IF_ERROR(Shaped(tensor));
    }
    if (tensor->item != from.item) {
      return Failure(ErrorCode::kInvalid, Concat("\"", from.name, "\" has ", from.width, " values, in a row ", tensor->width), "context");
    }
    if (from.width > 0) std::memcpy(tensor->Next(), from.data, from.width * ElementBytes(from.dtype));
    ++tensor->rows;
  }
  ++row_;
  guess_ = 0;
  for (RowTensor& tensor : tensors_) VIGIL_RETURN_IF_ERROR(FillMissing(&tensor, row_));
  return absl::OkStatus();
}

}  // namespace vigil
