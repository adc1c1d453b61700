// Any bytes as the body of a TensorFlow Serving request; the first byte says which method, and which model. What is accepted must be readable
// whole, as tensors and as rows.
#include <cstdlib>

#include "domain/table_shape.h"
#include "frontends/tensors/tensor_rows.h"
#include "frontends/tensors/tfs_request.h"
#include "frontends/tensors/whole_tensors.h"

namespace {

using vigil::DType;

vigil::Signature Make(std::vector<vigil::TensorSpec> inputs, std::vector<std::string> columns) {
  vigil::Signature signature;
  signature.inputs = std::move(inputs);
  signature.columns = std::move(columns);
  return signature;
}

// A matrix, a tensor a column, texts of free sizes.
const vigil::Signature kSignatures[] = {
    Make({{"input", DType::kFloat32, {-1, 3}}}, {"a", "b", "rate"}),
    Make({{"a", DType::kFloat64, {-1}}, {"b", DType::kString, {-1, 1}}, {"pair", DType::kInt16, {-1, 2}}}, {}),
    Make({{"text", DType::kString, {-1, -1}}}, {}),
};
const vigil::ColumnIndex kColumns[] = {vigil::ColumnIndex(vigil::TableShapeOf(kSignatures[0])),
                                       vigil::ColumnIndex(vigil::TableShapeOf(kSignatures[1])),
                                       vigil::ColumnIndex(vigil::TableShapeOf(kSignatures[2]))};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static vigil::TfsReader reader;
  static vigil::RequestMemory memory;
  static vigil::TfsRequest request;
  if (size < 1) return 0;
  const size_t model = data[0] / 2 % 3;
  const std::string body(reinterpret_cast<const char*>(data) + 1, size - 1);
  const vigil::InputNames names(kSignatures[model], kColumns[model]);
  const vigil::Status read = data[0] % 2 == 0 ? reader.ReadPredict(body, names, &memory, &request)
                                              : reader.ReadExamples(body, names, &memory, &request);
  if (!read.ok()) return 0;
  double sum = 0;
  for (const vigil::TensorView& tensor : request.tensors) {
    for (int64_t i = 0; i < tensor.elements(); ++i) {
      if (tensor.dtype == DType::kString) {
        sum += static_cast<double>(std::string(static_cast<const std::string_view*>(tensor.data)[i]).size());
      } else {
        sum += vigil::TensorNumber(tensor, static_cast<size_t>(i));
      }
    }
  }
  vigil::RowBatch batch;
  vigil::Batch whole;
  std::vector<uint32_t> absent;
  if (!vigil::FillFromTensors(request.tensors, kSignatures[model], kColumns[model], &batch, &absent, &whole).ok()) return sum > 0 ? 0 : 0;
  if (batch.values.size() != batch.rows * batch.columns) std::abort();
  return 0;
}
