// Any bytes as an Open Inference Protocol request with binary tensors: the first two bytes say how much of it is JSON. What is accepted
// must be readable whole, as tensors and as rows.
#include <cstdlib>

#include "frontends/tensors/oip_request.h"
#include "frontends/tensors/tensor_rows.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static vigil::OipReader reader;
  static vigil::RequestMemory memory;
  static vigil::OipRequest request;
  static const vigil::ColumnIndex columns({"a", "b", "rate"});
  if (size < 2) return 0;
  const size_t announced = data[0] + 256 * size_t{data[1]};
  const std::string body(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::optional<size_t> json_bytes = announced == 65535 ? std::nullopt : std::optional<size_t>(announced);
  if (!reader.Read(body, json_bytes, &memory, &request).ok()) return 0;
  double sum = 0;
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
