// The proof that a lifted model is the same model.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "base/random.h"
#include "base/text.h"
#include "runtime/cat.h"
#include "runtime/onnx/lifted_model.h"
#include "runtime/trees/engine_choice.h"

namespace vigil::onnx {
namespace {

// ONNX Runtime adds trees in another order when it uses several threads; this is what float32 sums of thousands of trees may differ by.
constexpr double kAbs = 1e-5, kRel = 1e-4;

bool Near(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)) || std::abs(a - b) <= kAbs + kRel * std::abs(a); }

bool IsScore(const OwnedTensor& tensor) { return tensor.dtype == DType::kFloat32 || tensor.dtype == DType::kFloat64; }

double ScoreAt(const OwnedTensor& tensor, size_t i) {
  if (tensor.dtype == DType::kFloat32) return tensor.floats[i];
  double value = 0;
  std::memcpy(&value, tensor.bytes.data() + i * sizeof(double), sizeof(double));
  return value;
}

size_t Values(const OwnedTensor& tensor) {
  if (tensor.dtype == DType::kFloat32) return tensor.floats.size();
  return tensor.dtype == DType::kString ? tensor.strings.size() : tensor.bytes.size() / sizeof(double);
}

// Are two of a row's scores so near each other that rounding decides the label? (Those of a vote are 0.5 and 0.5 at the threshold.)
bool Tie(const Outputs& outputs, size_t row, size_t rows) {
  std::vector<double> scores;
  for (const OwnedTensor& tensor : outputs.tensors) {
    if (!IsScore(tensor)) continue;
    const size_t width = Values(tensor) / rows;
    for (size_t k = 0; k < width; ++k) scores.push_back(ScoreAt(tensor, row * width + k));
  }
  std::sort(scores.begin(), scores.end());
  for (size_t k = 1; k < scores.size(); ++k) {
    if (Near(scores[k - 1], scores[k])) return true;
  }
  return false;
}

std::string Shape(const OwnedTensor& tensor) {
  std::string text = "[";
  for (const int64_t d : tensor.shape) text += Cat(text.size() > 1 ? "," : "", d);
  return text + "]";
}

Status Compare(const Outputs& want, const Outputs& got, size_t rows) {
  for (size_t o = 0; o < want.tensors.size(); ++o) {
    const OwnedTensor &a = want.tensors[o], &b = got.tensors[o];
    if (a.name != b.name || a.dtype != b.dtype || a.shape != b.shape || Values(a) != Values(b)) {
      return absl::InternalError(Cat("output '", b.name, "' is ", DTypeName(b.dtype), Shape(b), " where ONNX Runtime gives '", a.name,
                                     "', ", DTypeName(a.dtype), Shape(a)));
    }
    const size_t width = Values(a) / rows;
    for (size_t i = 0; i < Values(a); ++i) {
      if (IsScore(a) && Near(ScoreAt(a, i), ScoreAt(b, i))) continue;
      if (a.dtype == DType::kString && (a.strings[i] == b.strings[i] || Tie(want, i / width, rows))) continue;
      if (a.dtype == DType::kInt64 && (std::memcmp(&a.bytes[i * 8], &b.bytes[i * 8], 8) == 0 || Tie(want, i / width, rows))) continue;
      return absl::InternalError(
          Cat("output '", a.name, "' of probe row ", i / width, " differs from ONNX Runtime's",
              IsScore(a) ? Cat(": ", NumberText(ScoreAt(b, i)), " for ", NumberText(ScoreAt(a, i))) : std::string()));
    }
  }
  return absl::OkStatus();
}

// One input's probe rows. Where trees read it as it comes, most cells lie at or beside thresholds.
template <typename T>
std::vector<T> Probe(const LiftProgram& program, size_t input, size_t rows, Random* random) {
  for (const Step& step : program.steps()) {
    if (step.op != Step::Op::kTrees || step.in[0] != static_cast<int>(input)) continue;
    if constexpr (std::is_floating_point_v<T>)
      return trees::ProbeRowsOf<T>(program.trees()[static_cast<size_t>(step.trees)]->forest(), rows, random);
  }
  const double magnitudes[] = {0.1, 1, 10, 1000};
  std::vector<T> values(rows * static_cast<size_t>(program.slots()[input].width));
  for (T& value : values) {
    value = static_cast<T>(random->Normal() * magnitudes[random->Below(4)]);
    if (std::numeric_limits<T>::has_quiet_NaN && random->Uniform() < 0.1) value = std::numeric_limits<T>::quiet_NaN();
  }
  return values;
}

}  // namespace

Status CheckAgainst(const LoadedModel& ort, const LiftedModel& lifted, uint64_t seed, size_t rows) {
  Random random(seed);
  const std::vector<TensorSpec>& inputs = lifted.signature().inputs;
  std::vector<std::vector<float>> floats(inputs.size());
  std::vector<std::vector<double>> doubles(inputs.size());
  std::vector<std::vector<int64_t>> integers(inputs.size());
  Batch batch(rows);
  for (size_t i = 0; i < inputs.size(); ++i) {
    TensorView tensor;
    tensor.name = inputs[i].name;
    tensor.dtype = inputs[i].dtype;
    tensor.shape = {static_cast<int64_t>(rows), inputs[i].shape[1]};
    if (tensor.dtype == DType::kFloat32) {
      floats[i] = Probe<float>(lifted.program(), i, rows, &random);
      tensor.data = floats[i].data();
    } else if (tensor.dtype == DType::kFloat64) {
      doubles[i] = Probe<double>(lifted.program(), i, rows, &random);
      tensor.data = doubles[i].data();
    } else {
      integers[i] = Probe<int64_t>(lifted.program(), i, rows, &random);
      tensor.data = integers[i].data();
    }
    batch.Add(std::move(tensor));
  }
  ScoreCall call;
  Outputs want, got;
  VIGIL_RETURN_IF_ERROR(ort.NewScorer()->Score(batch, call, &want).status());
  VIGIL_RETURN_IF_ERROR(lifted.NewScorer()->Score(batch, call, &got).status());
  if (want.tensors.size() != got.tensors.size()) {
    return absl::InternalError(Cat(got.tensors.size(), " outputs where ONNX Runtime gives ", want.tensors.size()));
  }
  return Compare(want, got, rows);
}

}  // namespace vigil::onnx
