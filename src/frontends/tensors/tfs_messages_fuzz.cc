// Any bytes as a message of TensorFlow Serving's gRPC API; the first byte says which method, and which model. What is accepted must be
// readable whole, as tensors and as rows, and what is written of it must read the same again.
#include <cstdlib>

#include "domain/table_shape.h"
#include "frontends/tensors/tensor_proto.h"
#include "frontends/tensors/tensor_rows.h"
#include "frontends/tensors/tfs_config.h"
#include "frontends/tensors/tfs_messages.h"
#include "frontends/tensors/whole_tensors.h"

namespace {

using vigil::DType;

vigil::Signature Make(std::vector<vigil::TensorSpec> inputs, std::vector<std::string> columns) {
  vigil::Signature signature;
  signature.inputs = std::move(inputs);
  signature.columns = std::move(columns);
  return signature;
}

// A matrix, a tensor a column of many types, texts of free sizes.
const vigil::Signature kSignatures[] = {
    Make({{"input", DType::kFloat32, {-1, 3}}}, {"a", "b", "rate"}),
    Make({{"a", DType::kFloat64, {-1}}, {"b", DType::kString, {-1, 1}}, {"pair", DType::kInt16, {-1, 2}}, {"h", DType::kFloat16, {-1}}},
         {}),
    Make({{"text", DType::kString, {-1, -1}}}, {}),
};
const vigil::ColumnIndex kColumns[] = {vigil::ColumnIndex(vigil::TableShapeOf(kSignatures[0])),
                                       vigil::ColumnIndex(vigil::TableShapeOf(kSignatures[1])),
                                       vigil::ColumnIndex(vigil::TableShapeOf(kSignatures[2]))};
constexpr int kModels = 3;

void TouchAll(absl::Span<const vigil::TensorView> tensors) {
  volatile double sum = 0;
  for (const vigil::TensorView& tensor : tensors) {
    for (int64_t i = 0; i < tensor.elements(); ++i) {
      if (tensor.dtype == DType::kString) {
        sum = sum + static_cast<double>(std::string(static_cast<const std::string_view*>(tensor.data)[i]).size());
      } else {
        sum = sum + vigil::TensorNumber(tensor, static_cast<size_t>(i));
      }
    }
  }
}

void ReadOthers(std::string_view message) {
  vigil::TfsModelSpec spec;
  std::vector<vigil::TfsTask> tasks;
  std::vector<std::string_view> texts;
  if (vigil::ReadTfsModelSpec(message, &spec).ok() && spec.version.has_value() && spec.label.has_value()) std::abort();
  if (vigil::ReadTfsTasks(message, &tasks).ok() && tasks.size() > vigil::kTfsTasksMax) std::abort();
  (void)vigil::ReadTfsTexts(message, 2, &texts);
  const auto models = vigil::ReadReloadConfig(message);
  if (models.ok() && models->size() > vigil::kReloadedModelsMax) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static vigil::TfsMessageReader reader;
  static vigil::RequestMemory memory;
  static vigil::TfsRequest request;
  if (size < 1) return 0;
  const int what = data[0] % 3, model = data[0] / 3 % kModels;
  const std::string message(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (what == 2) {
    ReadOthers(message);
    return 0;
  }
  const vigil::InputNames names(kSignatures[model], kColumns[model]);
  const vigil::Status read = what == 0 ? reader.ReadPredict(message, kSignatures[model], names, &memory, &request)
                                       : reader.ReadExamples(message, names, &memory, &request);
  if (!read.ok()) return 0;
  TouchAll(request.tensors);
  vigil::RowBatch batch;
  vigil::Batch whole;
  std::vector<uint32_t> absent;
  if (!vigil::FillFromTensors(request.tensors, kSignatures[model], kColumns[model], &batch, &absent, &whole).ok()) return 0;
  if (batch.values.size() != batch.rows * batch.columns) std::abort();
  return 0;
}
