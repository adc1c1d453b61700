#include "prediction/answers.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"

namespace vigil {

Status CheckAnswer(const Signature& signature, const TableShape& shape, const Outputs& outputs, size_t rows) {
  if (outputs.tensors.empty()) return absl::InternalError("answered nothing");
  if (shape.single_output) {
    const OwnedTensor& first = outputs.tensors[0];
    if (first.dtype == DType::kFloat32 && first.floats.size() == rows * shape.score.width) return absl::OkStatus();
    return absl::InternalError(absl::StrCat("answered ", first.floats.size(), " ", std::string(DTypeName(first.dtype)), " for ", rows,
                                            " rows of ", shape.score.width));
  }
  if (outputs.tensors.size() < signature.outputs.size()) {
    return absl::InternalError(absl::StrCat("answered ", outputs.tensors.size(), " outputs of ", signature.outputs.size()));
  }
  for (size_t i = 0; i < signature.outputs.size(); ++i) {
    const TensorSpec& spec = signature.outputs[i];
    const OwnedTensor& tensor = outputs.tensors[i];
    size_t width = 1;
    bool known = true;
    for (size_t d = 1; d < spec.shape.size(); ++d) {
      known = known && spec.shape[d] >= 0;
      if (known) width *= static_cast<size_t>(spec.shape[d]);
    }
    const bool fits = known ? tensor.size() == rows * width : rows == 0 || tensor.size() % rows == 0;
    if (tensor.dtype == spec.dtype && fits) continue;
    return absl::InternalError(absl::StrCat("answered ", tensor.size(), " ", std::string(DTypeName(tensor.dtype)), " as output \"",
                                            spec.name, "\" for ", rows, " rows; its signature says ", std::string(DTypeName(spec.dtype)),
                                            " of width ", known ? width : 0));
  }
  return absl::OkStatus();
}

void ReadScores(const TableShape& shape, const Outputs& outputs, size_t rows, std::vector<float>* scores) {
  const ScoreRule& rule = shape.score;
  scores->assign(rows * rule.width, std::numeric_limits<float>::quiet_NaN());
  if (rule.output < 0 || rows == 0) return;
  if (rule.across) {
    for (size_t k = 0; k < rule.width; ++k) {
      const OwnedTensor& one = outputs.tensors[static_cast<size_t>(rule.output) + k];
      for (size_t row = 0; row < rows; ++row) (*scores)[row * rule.width + k] = static_cast<float>(one.number(row));
    }
    return;
  }
  const OwnedTensor& tensor = outputs.tensors[static_cast<size_t>(rule.output)];
  const size_t width = tensor.size() / rows;
  const size_t taken = std::min<size_t>(rule.width, width - std::min<size_t>(width, rule.offset));
  for (size_t row = 0; row < rows; ++row) {
    for (size_t k = 0; k < taken; ++k) (*scores)[row * rule.width + k] = static_cast<float>(tensor.number(row * width + rule.offset + k));
  }
}

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

void SetFeatures(const TableRows& rows, size_t row, PredictionRecord* record) {
  const TableShape& shape = *rows.shape;
  record->features = {rows.values + row * shape.columns.size(), shape.columns.size()};
  record->exact = {rows.exact + row * shape.exact, shape.exact};
  record->texts = {rows.texts + row * shape.texts, shape.texts};
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
