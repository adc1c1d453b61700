// Any bytes as a ModelInferRequest: what is accepted must be readable whole, as tensors and as rows.
#include <cstdlib>

#include "frontends/tensors/oip_message.h"
#include "frontends/tensors/tensor_rows.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static vigil::OipMessageReader reader;
  static vigil::RequestMemory memory;
  static vigil::OipRequest request;
  static const vigil::ColumnIndex columns({"a", "b", "rate"});
  const std::string message(reinterpret_cast<const char*>(data), size);
  std::string_view model, version;
  const bool named = vigil::ReadOipTarget(message, &model, &version).ok();
  if (!reader.Read(message, &memory, &request).ok()) return 0;
  double sum = named ? 0 : 1;
  for (const vigil::TensorView& tensor : request.tensors) {
    for (int64_t i = 0; i < tensor.elements(); ++i) {
      if (tensor.dtype == vigil::DType::kString) {
        sum += static_cast<double>(std::string(static_cast<const std::string_view*>(tensor.data)[i]).size());
      } else {
        sum += vigil::TensorNumber(tensor, static_cast<size_t>(i));
      }
    }
  }
  vigil::RowBatch batch;
  std::vector<uint32_t> absent;
  if (!vigil::FillRowsFromTensors(request.tensors, columns, &batch, &absent).ok() || !request.lists.Apply(&batch).ok())
    return sum > 0 ? 0 : 0;
  if (batch.values.size() != batch.rows * batch.columns) std::abort();
  if (!batch.ids.empty() && batch.ids.size() != batch.rows) std::abort();
  return 0;
}
