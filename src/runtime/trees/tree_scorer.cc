#include "runtime/trees/tree_scorer.h"

#include <algorithm>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "runtime/cat.h"
#include "runtime/trees/aligned.h"
#include "runtime/trees/tree_shap.h"

namespace vigil::trees {
namespace {

template <typename From, typename To>
void CopyAs(const void* from, absl::Span<To> to) {
  const From* values = static_cast<const From*>(from);
  for (size_t i = 0; i < to.size(); ++i) to[i] = static_cast<To>(values[i]);
}

// False for a type that has no meaning as a number here.
template <typename To>
bool CopyNumbers(const TensorView& tensor, absl::Span<To> to) {
  switch (tensor.dtype) {
    case DType::kBool:
    case DType::kUint8: CopyAs<uint8_t>(tensor.data, to); return true;
    case DType::kUint16: CopyAs<uint16_t>(tensor.data, to); return true;
    case DType::kUint32: CopyAs<uint32_t>(tensor.data, to); return true;
    case DType::kUint64: CopyAs<uint64_t>(tensor.data, to); return true;
    case DType::kInt8: CopyAs<int8_t>(tensor.data, to); return true;
    case DType::kInt16: CopyAs<int16_t>(tensor.data, to); return true;
    case DType::kInt32: CopyAs<int32_t>(tensor.data, to); return true;
    case DType::kInt64: CopyAs<int64_t>(tensor.data, to); return true;
    case DType::kFloat32: CopyAs<float>(tensor.data, to); return true;
    case DType::kFloat64: CopyAs<double>(tensor.data, to); return true;
    case DType::kFloat16:
    case DType::kBfloat16:
    case DType::kString: return false;
  }
  return false;
}

// A tensor of [n] or [n][width] in place of whatever it was.
absl::Span<float> Reset(OwnedTensor* tensor, std::string_view name, int64_t n, int64_t width, float) {
  return width == 1 ? tensor->ResetFloats(name, {n}) : tensor->ResetFloats(name, {n, width});
}

absl::Span<double> Reset(OwnedTensor* tensor, std::string_view name, int64_t n, int64_t width, double) {
  tensor->name = name;
  tensor->dtype = DType::kFloat64;
  tensor->shape.assign(1, n);
  if (width != 1) tensor->shape.push_back(width);
  tensor->bytes.resize(static_cast<size_t>(n * width) * sizeof(double));
  return {reinterpret_cast<double*>(tensor->bytes.data()), static_cast<size_t>(n * width)};
}

class TreeScorer final : public Scorer {
 public:
  explicit TreeScorer(const TreeModel& model)
      : model_(model), forest_(model.forest()), scratch_(model.engine().scratch_bytes()), tree_ends_(forest_.outputs) {}

  StatusOr<ScoreState> Score(const Batch& batch, ScoreCall& call, Outputs* outputs) override {
    VIGIL_ASSIGN_OR_RETURN(const void* rows, Rows(batch));
    if (call.tree_limit < 0 || call.tree_limit > forest_.rounds) {
      return absl::InvalidArgumentError(Cat("tree_limit ", call.tree_limit, " of a model with ", forest_.rounds, " rounds"));
    }
    if (call.contributions) VIGIL_RETURN_IF_ERROR(PrepareContributions());
    forest_.TreeEnds(call.tree_limit, absl::MakeSpan(tree_ends_));
    if (forest_.sums == Precision::kFloat32) {
      ScoreInto<float>(rows, batch.rows(), call, outputs);
    } else if (call.doubles) {
      ScoreInto<double>(rows, batch.rows(), call, outputs);
    } else {
      ScoreInto<double>(rows, batch.rows(), call, &doubles_);
      RoundOutputs(outputs);
    }
    if (call.contributions) AddContributions(rows, batch.rows(), call.tree_limit, outputs);
    if (call.leaves) AddLeaves(rows, batch.rows(), outputs);
    return ScoreState::kDone;
  }

 private:
  template <typename T>
  void ScoreInto(const void* rows, size_t n, const ScoreCall& call, Outputs* outputs) {
    const auto count = static_cast<int64_t>(n);
    const size_t width = static_cast<size_t>(forest_.outputs), values = n * width;
    const Transform transform = model_.objective().transform;
    outputs->tensors.resize(call.margin ? 2 : 1);
    const absl::Span<T> predictions =
        Reset(&outputs->tensors[0], "prediction", count, static_cast<int64_t>(PredictionWidth(transform, width)), T{});
    // The margins go where they are asked for, or where the predictions will replace them.
    absl::Span<T> margins = predictions;
    if (call.margin) {
      margins = Reset(&outputs->tensors[1], "margin", count, static_cast<int64_t>(width), T{});
    } else if (predictions.size() < values) {
      margins = Spare<T>(values);
    }
    model_.engine().Score(rows, n, tree_ends_, scratch_.data(), margins.data());
    forest_.FinishMargins(call.tree_limit, n, margins.data());
    const T* transformed = margins.data();
    const int64_t rounds = call.tree_limit > 0 ? call.tree_limit : forest_.rounds;
    if (model_.average_prediction() && rounds > 0) {
      const absl::Span<T> means = predictions.size() < values ? Spare<T>(values) : predictions;
      for (size_t i = 0; i < values; ++i) means[i] = margins[i] / static_cast<T>(rounds);
      transformed = means.data();
    }
    ApplyTransform(model_.objective(), transformed, n, width, predictions.data());
  }

  Status PrepareContributions() {
    if (shap_.has_value()) return absl::OkStatus();
    const Status possible = TreeShap::Check(forest_);
    if (!possible.ok()) return absl::FailedPreconditionError(Cat("no contributions for this model: ", possible.message()));
    shap_.emplace(forest_);
    return absl::OkStatus();
  }

  void AddContributions(const void* rows, size_t n, int64_t tree_limit, Outputs* outputs) {
    const size_t columns = static_cast<size_t>(forest_.features) + 1, width = columns * forest_.outputs;
    const absl::Span<double> out =
        Reset(&outputs->tensors.emplace_back(), "contributions", static_cast<int64_t>(n), static_cast<int64_t>(width), double{});
    OwnedTensor& tensor = outputs->tensors.back();
    tensor.shape = {static_cast<int64_t>(n), static_cast<int64_t>(columns)};
    if (forest_.outputs > 1) tensor.shape.insert(tensor.shape.begin() + 1, forest_.outputs);
    for (size_t r = 0; r < n; ++r) shap_->Explain(Row(rows, r), tree_ends_, tree_limit, out.data() + r * width);
  }

  void AddLeaves(const void* rows, size_t n, Outputs* outputs) {
    // The trees used, in the file's order; one whose leaves are vectors is there once an output and counts once.
    std::vector<std::pair<int32_t, int32_t>> used;
    for (int32_t o = 0; o < forest_.outputs; ++o) {
      for (int32_t t = forest_.output_begin[o]; t < tree_ends_[o]; ++t) used.emplace_back(forest_.tree_source[t], t);
    }
    std::sort(used.begin(), used.end());
    used.erase(std::unique(used.begin(), used.end(), [](const auto& a, const auto& b) { return a.first == b.first; }), used.end());
    OwnedTensor& tensor = outputs->tensors.emplace_back();
    tensor.name = "leaves";
    tensor.dtype = DType::kInt32;
    tensor.shape = {static_cast<int64_t>(n), static_cast<int64_t>(used.size())};
    tensor.bytes.resize(n * used.size() * sizeof(int32_t));
    auto* leaf = reinterpret_cast<int32_t*>(tensor.bytes.data());
    for (size_t r = 0; r < n; ++r) {
      const void* row = Row(rows, r);
      for (const auto& [source, t] : used) {
        *leaf++ = forest_.LeafNumber(t, forest_.inputs == Precision::kFloat64 ? forest_.Walk(static_cast<const double*>(row), t)
                                                                              : forest_.Walk(static_cast<const float*>(row), t));
      }
    }
  }

  const void* Row(const void* rows, size_t r) const {
    const size_t at = r * static_cast<size_t>(forest_.features);
    return forest_.inputs == Precision::kFloat64 ? static_cast<const void*>(static_cast<const double*>(rows) + at)
                                                 : static_cast<const float*>(rows) + at;
  }

  // This scorer's own memory for margins.
  template <typename T>
  absl::Span<T> Spare(size_t values) {
    if constexpr (std::is_same_v<T, float>) {
      spare_floats_.resize(values);
      return absl::MakeSpan(spare_floats_);
    } else {
      spare_doubles_.resize(values);
      return absl::MakeSpan(spare_doubles_);
    }
  }

  // doubles_ as FP32.
  void RoundOutputs(Outputs* outputs) {
    outputs->tensors.resize(doubles_.tensors.size());
    for (size_t i = 0; i < doubles_.tensors.size(); ++i) {
      const OwnedTensor& from = doubles_.tensors[i];
      const int64_t width = from.shape.size() == 1 ? 1 : from.shape[1];
      CopyAs<double>(from.bytes.data(), Reset(&outputs->tensors[i], from.name, from.shape[0], width, float{}));
    }
  }

  // The batch's only tensor as [rows][features] of the forest's type: as it came, or converted into this scorer's memory.
  StatusOr<const void*> Rows(const Batch& batch) {
    const auto features = static_cast<size_t>(forest_.features);
    if (batch.tensors().size() != 1) {
      return absl::InvalidArgumentError(
          Cat("the model takes one matrix of ", features, " columns; ", batch.tensors().size(), " tensors came"));
    }
    const TensorView& tensor = batch.tensors()[0];
    if (tensor.shape.size() != 2 || tensor.shape[0] != static_cast<int64_t>(batch.rows()) || tensor.shape[1] != forest_.features) {
      return absl::InvalidArgumentError(Cat("input '", tensor.name, "' has shape [", absl::StrJoin(tensor.shape, ","),
                                            "]; the model takes [", batch.rows(), ",", features, "]"));
    }
    const bool doubles = forest_.inputs == Precision::kFloat64;
    if (tensor.dtype == (doubles ? DType::kFloat64 : DType::kFloat32)) return tensor.data;
    const size_t values = batch.rows() * features;
    if (doubles) {
      double_rows_.resize(values);
    } else {
      float_rows_.resize(values);
    }
    if (!(doubles ? CopyNumbers(tensor, absl::MakeSpan(double_rows_)) : CopyNumbers(tensor, absl::MakeSpan(float_rows_)))) {
      return absl::InvalidArgumentError(
          Cat("input '", tensor.name, "' is ", DTypeName(tensor.dtype), "; the model takes ", doubles ? "FP64" : "FP32"));
    }
    return doubles ? static_cast<const void*>(double_rows_.data()) : float_rows_.data();
  }

  const TreeModel& model_;
  const Forest& forest_;
  AlignedBytes scratch_;
  std::vector<int32_t> tree_ends_;
  std::vector<float> spare_floats_, float_rows_;
  std::vector<double> spare_doubles_, double_rows_;
  std::optional<TreeShap> shap_;  // once asked for
  Outputs doubles_;               // of a forest that sums doubles, before rounding
};

}  // namespace

std::unique_ptr<Scorer> MakeTreeScorer(const TreeModel& model) { return std::make_unique<TreeScorer>(model); }

}  // namespace vigil::trees
