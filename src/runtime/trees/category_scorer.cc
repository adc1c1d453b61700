#include "runtime/trees/category_scorer.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "runtime/cat.h"

namespace vigil::trees {
namespace {

// Element r of `column` becomes matrix[r * width].
template <typename From, typename To, typename Change>
void Spread(const void* column, size_t rows, size_t width, Change change, To* matrix) {
  const From* values = static_cast<const From*>(column);
  for (size_t r = 0; r < rows; ++r) matrix[r * width] = static_cast<To>(change(values[r]));
}

// False for a type that is no number.
template <typename To, typename Change>
bool SpreadNumbers(const TensorView& tensor, size_t rows, size_t width, Change change, To* matrix) {
  switch (tensor.dtype) {
    case DType::kBool:
    case DType::kUint8: Spread<uint8_t>(tensor.data, rows, width, change, matrix); return true;
    case DType::kUint16: Spread<uint16_t>(tensor.data, rows, width, change, matrix); return true;
    case DType::kUint32: Spread<uint32_t>(tensor.data, rows, width, change, matrix); return true;
    case DType::kUint64: Spread<uint64_t>(tensor.data, rows, width, change, matrix); return true;
    case DType::kInt8: Spread<int8_t>(tensor.data, rows, width, change, matrix); return true;
    case DType::kInt16: Spread<int16_t>(tensor.data, rows, width, change, matrix); return true;
    case DType::kInt32: Spread<int32_t>(tensor.data, rows, width, change, matrix); return true;
    case DType::kInt64: Spread<int64_t>(tensor.data, rows, width, change, matrix); return true;
    case DType::kFloat32: Spread<float>(tensor.data, rows, width, change, matrix); return true;
    case DType::kFloat64: Spread<double>(tensor.data, rows, width, change, matrix); return true;
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
    const bool coded = batch.tensors().size() == 1 && batch.tensors()[0].shape.size() == 2 && batch.tensors()[0].dtype != DType::kString &&
                       batch.tensors()[0].shape[1] == static_cast<int64_t>(categories_.size()) && categories_.size() > 1;
    if (coded) return inner_->Score(batch, call, outputs);
    if (inputs_ == Precision::kFloat64) return ScoreCoded(batch, DType::kFloat64, &doubles_, call, outputs);
    return ScoreCoded(batch, DType::kFloat32, &floats_, call, outputs);
  }

 private:
  template <typename T>
  StatusOr<ScoreState> ScoreCoded(const Batch& batch, DType dtype, std::vector<T>* matrix, ScoreCall& call, Outputs* outputs) {
    const size_t rows = batch.rows(), width = categories_.size();
    if (batch.tensors().size() != width) {
      return absl::InvalidArgumentError(Cat("the model takes ", width, " columns; ", batch.tensors().size(), " tensors came"));
    }
    matrix->resize(rows * width);
    for (size_t c = 0; c < width; ++c) {
      const TensorView* tensor = Find(batch, c);
      if (tensor == nullptr) return absl::InvalidArgumentError(Cat("input '", signature_.inputs[c].name, "' is missing"));
      VIGIL_RETURN_IF_ERROR(CodeColumn(*tensor, c, rows, matrix->data() + c));
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

  template <typename T>
  Status CodeColumn(const TensorView& tensor, size_t c, size_t rows, T* to) const {
    const CategoryCodes* codes = categories_[c].get();
    const size_t width = categories_.size();
    if (tensor.elements() != static_cast<int64_t>(rows) || tensor.shape.empty() || tensor.shape[0] != static_cast<int64_t>(rows)) {
      return absl::InvalidArgumentError(
          Cat("input '", tensor.name, "' has shape [", absl::StrJoin(tensor.shape, ","), "]; the model takes [", rows, ",1]"));
    }
    if (codes != nullptr && codes->type() == DType::kString) {
      if (tensor.dtype == DType::kString) {
        Spread<std::string_view>(
            tensor.data, rows, width, [codes](std::string_view text) { return codes->Code(text); }, to);
        return absl::OkStatus();
      }
    } else if (codes != nullptr) {
      if (SpreadNumbers(
              tensor, rows, width, [codes](auto number) { return codes->Code(static_cast<double>(number)); }, to)) {
        return absl::OkStatus();
      }
    } else if (SpreadNumbers(
                   tensor, rows, width, [](auto number) { return number; }, to)) {
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(
        Cat("input '", tensor.name, "' is ", DTypeName(tensor.dtype), "; the model takes ", DTypeName(signature_.inputs[c].dtype)));
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
