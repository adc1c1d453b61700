#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_join.h"
#include "runtime/cat.h"
#include "runtime/onnx/ort_model.h"
#include "runtime/onnx/ort_tensors.h"

namespace vigil::onnx {
namespace {

std::string ShapeText(absl::Span<const int64_t> shape) {
  return Cat("[", absl::StrJoin(shape, ",", [](std::string* out, int64_t d) { *out += d < 0 ? "any" : Cat(d); }), "]");
}

}  // namespace

// Borrows the batch's memory: only strings, converted numbers and padded chunks are copied.
class OrtScorer final : public Scorer {
 public:
  explicit OrtScorer(const OrtModel& model) : model_(model), session_(*model.session_), columns_(model.signature_.inputs.size()) {}

  StatusOr<ScoreState> Score(const Batch& batch, ScoreCall& call, Outputs* outputs) override {
    const std::vector<TensorSpec>& specs = model_.signature_.inputs;
    if (batch.tensors().size() != specs.size()) {
      return absl::InvalidArgumentError(Cat(batch.tensors().size(), " tensors for the model's ", specs.size(), " inputs"));
    }
    VIGIL_RETURN_IF_ERROR(RefuseTreeAnswers(call));
    for (size_t i = 0; i < specs.size(); ++i) VIGIL_RETURN_IF_ERROR(Bind(batch, i));
    PrepareOutputs(outputs);
    const auto rows = static_cast<int64_t>(batch.rows());
    const bool batched = std::find(model_.batched_.begin(), model_.batched_.end(), true) != model_.batched_.end();
    if (rows == 0 && batched) {
      ShapeEmpty(outputs);
      return ScoreState::kDone;
    }
    if (model_.fixed_batch_ == 0) {
      VIGIL_RETURN_IF_ERROR(Run(0, rows, rows, true, outputs));
      return ScoreState::kDone;
    }
    for (int64_t at = 0; at < rows; at += model_.fixed_batch_) {
      VIGIL_RETURN_IF_ERROR(Run(at, std::min(model_.fixed_batch_, rows - at), model_.fixed_batch_, at == 0, outputs));
    }
    return ScoreState::kDone;
  }

 private:
  struct Column {
    const std::byte* data = nullptr;
    absl::InlinedVector<int64_t, 4> shape;  // of the whole batch, in the model's rank
    size_t row_elements = 1;
    std::vector<std::byte> converted;
    std::vector<std::byte> padded;
    std::vector<std::string_view> padded_text;
  };

  // Judges one input's tensor and says where its numbers are.
  Status Bind(const Batch& batch, size_t i) {
    const TensorSpec& spec = model_.signature_.inputs[i];
    const TensorView* tensor = model_.signature_.inputs.size() == 1 ? &batch.tensors()[0] : batch.Find(spec.name);
    if (tensor == nullptr) return absl::InvalidArgumentError(Cat("input '", spec.name, "' is missing"));
    Column& column = columns_[i];
    column.shape = tensor->shape;
    // [n] and [n,1] are one column either way.
    if (spec.shape.size() == 2 && spec.shape[1] == 1 && column.shape.size() == 1) column.shape.push_back(1);
    if (spec.shape.size() == 1 && column.shape.size() == 2 && column.shape[1] == 1) column.shape.pop_back();
    bool fits = column.shape.size() == spec.shape.size();
    for (size_t d = 0; fits && d < spec.shape.size(); ++d) {
      fits = d == 0 && model_.batched_[i] ? column.shape[0] == static_cast<int64_t>(batch.rows())
                                          : spec.shape[d] < 0 || spec.shape[d] == column.shape[d];
    }
    if (!fits) {
      return absl::InvalidArgumentError(Cat("input '", spec.name, "' has shape ", ShapeText(tensor->shape), "; the model takes ",
                                            ShapeText(spec.shape), " with ", batch.rows(), " rows"));
    }
    if (column.shape.size() == 2 && column.shape[1] < model_.width_min_[i]) {
      return absl::InvalidArgumentError(
          Cat("input '", spec.name, "' has ", column.shape[1], " columns; the model's trees read ", model_.width_min_[i]));
    }
    column.row_elements = 1;
    for (size_t d = 1; d < column.shape.size(); ++d) column.row_elements *= static_cast<size_t>(column.shape[d]);
    column.data = static_cast<const std::byte*>(tensor->data);
    if (tensor->dtype == spec.dtype) return absl::OkStatus();
    if (!ConvertNumbers(*tensor, spec.dtype, &column.converted)) {
      return absl::InvalidArgumentError(
          Cat("input '", spec.name, "' is ", DTypeName(tensor->dtype), "; the model takes ", DTypeName(spec.dtype)));
    }
    column.data = column.converted.data();
    return absl::OkStatus();
  }

  // Rows [at, at + rows) as a batch of `size`, the last row repeated where there are fewer.
  Status Run(int64_t at, int64_t rows, int64_t size, bool first, Outputs* outputs) {
    std::vector<OrtValuePtr> values;
    values.reserve(columns_.size());
    for (size_t i = 0; i < columns_.size(); ++i) {
      Column& column = columns_[i];
      const DType dtype = model_.signature_.inputs[i].dtype;
      const std::byte* data = column.data;
      absl::InlinedVector<int64_t, 4> shape = column.shape;
      if (model_.batched_[i]) {
        shape[0] = size;
        const size_t row_bytes = column.row_elements * (dtype == DType::kString ? sizeof(std::string_view) : DTypeBytes(dtype));
        data += static_cast<size_t>(at) * row_bytes;
        if (rows < size) data = Pad(column, dtype, data, static_cast<size_t>(rows), static_cast<size_t>(size), row_bytes);
      }
      VIGIL_ASSIGN_OR_RETURN(OrtValuePtr value, MakeValue(session_, dtype, shape, data));
      values.push_back(std::move(value));
    }
    VIGIL_ASSIGN_OR_RETURN(const std::vector<OrtValuePtr> answers, session_.Run(values));
    size_t tensor = 0;
    for (size_t o = 0; o < answers.size(); ++o) {
      const std::vector<std::string>& keys = model_.map_keys_[o];
      VIGIL_RETURN_IF_ERROR(keys.empty() ? AppendTensor(session_.ort(), answers[o].get(), rows, first, &outputs->tensors[tensor])
                                         : AppendMaps(session_.ort(), answers[o].get(), rows, first, keys, &outputs->tensors[tensor]));
      tensor += std::max<size_t>(1, keys.size());
    }
    return absl::OkStatus();
  }

  static const std::byte* Pad(Column& column, DType dtype, const std::byte* data, size_t rows, size_t size, size_t row_bytes) {
    std::byte* to = nullptr;
    if (dtype == DType::kString) {
      column.padded_text.resize(size * column.row_elements);
      to = reinterpret_cast<std::byte*>(column.padded_text.data());
    } else {
      column.padded.resize(size * row_bytes);
      to = column.padded.data();
    }
    if (row_bytes == 0) return to;
    std::memcpy(to, data, rows * row_bytes);
    for (size_t r = rows; r < size; ++r) std::memcpy(to + r * row_bytes, data + (rows - 1) * row_bytes, row_bytes);
    return to;
  }

  void PrepareOutputs(Outputs* outputs) const {
    const std::vector<TensorSpec>& specs = model_.signature_.outputs;
    outputs->tensors.resize(specs.size());
    for (size_t o = 0; o < specs.size(); ++o) outputs->tensors[o].name = specs[o].name;
  }

  void ShapeEmpty(Outputs* outputs) const {
    for (size_t o = 0; o < outputs->tensors.size(); ++o) {
      OwnedTensor& tensor = outputs->tensors[o];
      const TensorSpec& spec = model_.signature_.outputs[o];
      tensor.dtype = spec.dtype;
      tensor.shape.assign(spec.shape.begin(), spec.shape.end());
      for (int64_t& d : tensor.shape) d = std::max<int64_t>(d, 0);
      if (!tensor.shape.empty()) tensor.shape[0] = 0;
      tensor.floats.clear();
      tensor.bytes.clear();
      tensor.strings.clear();
    }
  }

  const OrtModel& model_;
  const OnnxSession& session_;
  std::vector<Column> columns_;
};

std::unique_ptr<Scorer> OrtModel::NewScorer() const { return std::make_unique<OrtScorer>(*this); }

}  // namespace vigil::onnx
