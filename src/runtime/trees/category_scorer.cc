#include "runtime/trees/category_scorer.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "runtime/cat.h"

namespace vigil::trees {
namespace {

// Where a column's values lie: `first`, `first + stride`, ... of a tensor; they become matrix[0], matrix[width], ...
struct Place {
  size_t first = 0, stride = 1, rows = 0, width = 0;
};

template <typename From, typename To, typename Change>
void Spread(const void* column, const Place& place, Change change, To* matrix) {
  const From* values = static_cast<const From*>(column) + place.first;
  for (size_t r = 0; r < place.rows; ++r) matrix[r * place.width] = static_cast<To>(change(values[r * place.stride]));
}

// False for a type that is no number.
template <typename To, typename Change>
bool SpreadNumbers(const TensorView& tensor, const Place& place, Change change, To* matrix) {
  switch (tensor.dtype) {
    case DType::kBool:
    case DType::kUint8: Spread<uint8_t>(tensor.data, place, change, matrix); return true;
    case DType::kUint16: Spread<uint16_t>(tensor.data, place, change, matrix); return true;
    case DType::kUint32: Spread<uint32_t>(tensor.data, place, change, matrix); return true;
    case DType::kUint64: Spread<uint64_t>(tensor.data, place, change, matrix); return true;
    case DType::kInt8: Spread<int8_t>(tensor.data, place, change, matrix); return true;
    case DType::kInt16: Spread<int16_t>(tensor.data, place, change, matrix); return true;
    case DType::kInt32: Spread<int32_t>(tensor.data, place, change, matrix); return true;
    case DType::kInt64: Spread<int64_t>(tensor.data, place, change, matrix); return true;
    case DType::kFloat32: Spread<float>(tensor.data, place, change, matrix); return true;
    case DType::kFloat64: Spread<double>(tensor.data, place, change, matrix); return true;
    case DType::kFloat16:
    case DType::kBfloat16:
    case DType::kString: return false;
  }
  return false;
}

class CategoryScorer final : public Scorer {
 public:
  CategoryScorer(const Signature& signature, absl::Span<const std::shared_ptr<const CategoryCodes>> categories, Precision inputs,
                 std::unique_ptr<Scorer> inner)
      : signature_(signature), categories_(categories), inputs_(inputs), inner_(std::move(inner)) {}

  StatusOr<ScoreState> Score(const Batch& batch, ScoreCall& call, Outputs* outputs) override {
    if (inputs_ == Precision::kFloat64) return ScoreCoded(batch, DType::kFloat64, &doubles_, call, outputs);
    return ScoreCoded(batch, DType::kFloat32, &floats_, call, outputs);
  }

 private:
  template <typename T>
  StatusOr<ScoreState> ScoreCoded(const Batch& batch, DType dtype, std::vector<T>* matrix, ScoreCall& call, Outputs* outputs) {
    const size_t rows = batch.rows(), width = categories_.size();
    matrix->resize(rows * width);
    if (IsMatrix(batch)) {
      for (size_t c = 0; c < width; ++c)
        VIGIL_RETURN_IF_ERROR(CodeColumn(batch.tensors()[0], c, {c, width, rows, width}, matrix->data() + c));
    } else if (batch.tensors().size() != width) {
      return absl::InvalidArgumentError(Cat("the model takes ", width, " columns; ", batch.tensors().size(), " tensors came"));
    } else {
      for (size_t c = 0; c < width; ++c) {
        const TensorView* tensor = Find(batch, c);
        if (tensor == nullptr) return absl::InvalidArgumentError(Cat("input '", signature_.inputs[c].name, "' is missing"));
        if (tensor->elements() != static_cast<int64_t>(rows) || tensor->shape.empty() || tensor->shape[0] != static_cast<int64_t>(rows)) {
          return absl::InvalidArgumentError(
              Cat("input '", tensor->name, "' has shape [", absl::StrJoin(tensor->shape, ","), "]; the model takes [", rows, ",1]"));
        }
        if (IsText(c) && tensor->dtype != DType::kString) return WrongType(*tensor, c);
        VIGIL_RETURN_IF_ERROR(CodeColumn(*tensor, c, {0, 1, rows, width}, matrix->data() + c));
      }
    }
    Batch coded(rows);
    coded.Add({"input", dtype, {static_cast<int64_t>(rows), static_cast<int64_t>(width)}, matrix->data()});
    return inner_->Score(coded, call, outputs);
  }

  // Batches name their tensors in the signature's order, unless a caller has one of its own.
  const TensorView* Find(const Batch& batch, size_t column) const {
    const std::string& name = signature_.inputs[column].name;
    return batch.tensors()[column].name == name ? &batch.tensors()[column] : batch.Find(name);
  }

  bool IsText(size_t c) const { return categories_[c] != nullptr && categories_[c]->type() == DType::kString; }

  // Of all columns: its numbers are the columns' own, but for those of texts, where they are codes.
  bool IsMatrix(const Batch& batch) const {
    if (batch.tensors().size() != 1 || categories_.size() < 2) return false;
    const TensorView& tensor = batch.tensors()[0];
    return tensor.shape.size() == 2 && tensor.shape[0] == static_cast<int64_t>(batch.rows()) &&
           tensor.shape[1] == static_cast<int64_t>(categories_.size());
  }

  Status WrongType(const TensorView& tensor, size_t c) const {
    return absl::InvalidArgumentError(
        Cat("input '", tensor.name, "' is ", DTypeName(tensor.dtype), "; the model takes ", DTypeName(signature_.inputs[c].dtype)));
  }

  template <typename T>
  Status CodeColumn(const TensorView& tensor, size_t c, const Place& place, T* to) const {
    const CategoryCodes* codes = categories_[c].get();
    bool fits = false;
    if (IsText(c) && tensor.dtype == DType::kString) {
      Spread<std::string_view>(
          tensor.data, place, [codes](std::string_view text) { return codes->Code(text); }, to);
      fits = true;
    } else if (codes != nullptr && !IsText(c)) {
      fits = SpreadNumbers(
          tensor, place, [codes](auto number) { return codes->Code(static_cast<double>(number)); }, to);
    } else {
      fits = SpreadNumbers(
          tensor, place, [](auto number) { return number; }, to);
    }
    return fits ? absl::OkStatus() : WrongType(tensor, c);
  }

  const Signature& signature_;
  const absl::Span<const std::shared_ptr<const CategoryCodes>> categories_;
  const Precision inputs_;
  const std::unique_ptr<Scorer> inner_;
  std::vector<float> floats_;
  std::vector<double> doubles_;
};

}  // namespace

void DescribeCategoryInputs(absl::Span<const std::shared_ptr<const CategoryCodes>> categories, Precision inputs, Signature* signature) {
  signature->inputs.clear();
  for (size_t c = 0; c < categories.size(); ++c) {
    const DType number = inputs == Precision::kFloat64 ? DType::kFloat64 : DType::kFloat32;
    signature->inputs.push_back({signature->columns[c], categories[c] != nullptr ? categories[c]->type() : number, {-1, 1}});
  }
}

std::unique_ptr<Scorer> MakeCategoryScorer(const Signature& signature, absl::Span<const std::shared_ptr<const CategoryCodes>> categories,
                                           Precision inputs, std::unique_ptr<Scorer> inner) {
  return std::make_unique<CategoryScorer>(signature, categories, inputs, std::move(inner));
}

}  // namespace vigil::trees
