#include "prediction/answers.h"

#include <algorithm>

namespace vigil {

void ShapeAnswers(const Outputs& like, size_t like_rows, size_t rows, std::vector<OwnedTensor>* to) {
  to->resize(like.tensors.size());
  for (size_t i = 0; i < like.tensors.size(); ++i) {
    const OwnedTensor& tensor = like.tensors[i];
    absl::InlinedVector<int64_t, 4> shape(tensor.shape.begin(), tensor.shape.end());
    if (shape.empty()) shape.push_back(static_cast<int64_t>(like_rows));
    shape[0] = static_cast<int64_t>(rows);
    (*to)[i].Reset(tensor.name, tensor.dtype, shape);
  }
}

void CopyAnswerRow(const Outputs& from, size_t from_row, size_t from_rows, size_t to_row, std::vector<OwnedTensor>* to) {
  for (size_t i = 0; i < from.tensors.size() && i < to->size(); ++i) {
    const OwnedTensor& source = from.tensors[i];
    OwnedTensor& target = (*to)[i];
    const size_t width = source.size() / from_rows;
    if (source.dtype == DType::kFloat32) {
      std::copy_n(source.floats.begin() + static_cast<ptrdiff_t>(from_row * width), width,
                  target.floats.begin() + static_cast<ptrdiff_t>(to_row * width));
    } else if (source.dtype == DType::kString) {
      std::copy_n(source.strings.begin() + static_cast<ptrdiff_t>(from_row * width), width,
                  target.strings.begin() + static_cast<ptrdiff_t>(to_row * width));
    } else {
      const size_t bytes = width * DTypeBytes(source.dtype);
      std::copy_n(source.bytes.begin() + static_cast<ptrdiff_t>(from_row * bytes), bytes,
                  target.bytes.begin() + static_cast<ptrdiff_t>(to_row * bytes));
    }
  }
}

namespace {

template <typename T>
void Put(OwnedTensor* tensor, size_t at, T value) {
  reinterpret_cast<T*>(tensor->bytes.data())[at] = value;
}

// A number into a tensor of any type that holds it (AnswerFit).
void SetNumber(double value, size_t at, OwnedTensor* tensor) {
  switch (tensor->dtype) {
    case DType::kFloat32: tensor->floats[at] = static_cast<float>(value); return;
    case DType::kFloat64: return Put(tensor, at, value);
    case DType::kFloat16: return Put(tensor, at, HalfFromFloat(static_cast<float>(value)));
    case DType::kBfloat16: return Put(tensor, at, BfloatFromFloat(static_cast<float>(value)));
    case DType::kBool:
    case DType::kUint8: return Put(tensor, at, static_cast<uint8_t>(value));
    case DType::kUint16: return Put(tensor, at, static_cast<uint16_t>(value));
    case DType::kUint32: return Put(tensor, at, static_cast<uint32_t>(value));
    case DType::kUint64: return Put(tensor, at, static_cast<uint64_t>(value));
    case DType::kInt8: return Put(tensor, at, static_cast<int8_t>(value));
    case DType::kInt16: return Put(tensor, at, static_cast<int16_t>(value));
    case DType::kInt32: return Put(tensor, at, static_cast<int32_t>(value));
    case DType::kInt64: return Put(tensor, at, static_cast<int64_t>(value));
    case DType::kString: return;
  }
}

bool IsWholeType(DType dtype) { return StoreOf(dtype) == ColumnStore::kExact && dtype != DType::kFloat64; }

}  // namespace

void ShapeAnswers(const Signature& signature, size_t rows, std::vector<OwnedTensor>* to) {
  to->resize(signature.outputs.size());
  for (size_t i = 0; i < signature.outputs.size(); ++i) {
    const TensorSpec& spec = signature.outputs[i];
    absl::InlinedVector<int64_t, 4> shape(spec.shape.begin(), spec.shape.end());
    shape[0] = static_cast<int64_t>(rows);
    (*to)[i].Reset(spec.name, spec.dtype, shape);
  }
}

void ConvertAnswerRow(const TableShape& champion, const AnswerFit& fit, absl::Span<const OwnedTensor> from, size_t from_row,
                      size_t from_rows, size_t to_row, size_t to_rows, std::vector<OwnedTensor>* to) {
  for (size_t i = 0; i < champion.answers.size(); ++i) {
    const AnswerColumn& column = champion.answers[i];
    const OwnedTensor& source = from[fit.elements[i].output];
    OwnedTensor& target = (*to)[column.output];
    const size_t read = from_row * (source.size() / from_rows) + fit.elements[i].offset;
    const size_t written = to_row * (target.size() / to_rows) + column.offset;
    if (target.dtype == DType::kString) {
      target.strings[written] = source.strings[read];
    } else if (target.dtype == DType::kInt64 && IsWholeType(source.dtype)) {
      Put(&target, written, source.whole(read));  // a double would round large labels
    } else {
      SetNumber(source.number(read), written, &target);
    }
  }
}

void FeatureReader::Set(const TableRows& rows, size_t row, const VersionFit* fit, const TableShape& version, PredictionRecord* record) {
  const TableShape& kept = *rows.shape;
  const float* floats = rows.values + row * kept.columns.size();
  if (fit == nullptr || fit->columns.same_stores) {
    record->features = {floats, kept.columns.size()};
    record->exact = {rows.exact + row * kept.exact, kept.exact};
    record->texts = {rows.texts + row * kept.texts, kept.texts};
    return;
  }
  values_.resize(version.columns.size());
  exact_.resize(version.exact);
  texts_.resize(version.texts);
  cleaning_.clear();
  for (size_t i = 0; i < version.columns.size(); ++i) {
    const ModelColumn& column = version.columns[i];
    const size_t from = fit->columns.from[i];
    values_[i] = floats[from];
    if (column.store == ColumnStore::kExact) exact_[column.at] = rows.number(row, from);
    if (column.store == ColumnStore::kText) texts_[column.at] = rows.text(row, from);
    if (!record->cleaning.empty()) cleaning_.push_back(record->cleaning[from]);
  }
  record->features = values_;
  record->exact = exact_;
  record->texts = texts_;
  record->cleaning = cleaning_;
}

void SplitAnswers(const TableShape& shape, absl::Span<const OwnedTensor> tensors, size_t row, size_t rows, std::vector<double>* numbers,
                  std::vector<std::string_view>* texts) {
  numbers->clear();
  texts->clear();
  for (const AnswerColumn& column : shape.answers) {
    const OwnedTensor& tensor = tensors[column.output];
    const size_t at = row * (tensor.size() / rows) + column.offset;
    if (column.dtype == DType::kString) {
      texts->push_back(tensor.strings[at]);
    } else {
      numbers->push_back(tensor.number(at));
    }
  }
}

}  // namespace vigil
