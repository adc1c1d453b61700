// Any bytes as frames: the reader stays within them, and what it accepts is written back as the same bytes.
#include <cstdint>
#include <cstdlib>

#include "runtime/tensorflow/protocol.h"

using namespace vigil::tensorflow;

namespace {

void WriteBack(const FrameTensor& tensor, FrameWriter* writer) {
  writer->TensorHead(tensor.name, tensor.type, tensor.shape.data(), tensor.shape.size());
  writer->BeginData();
  if (TfTypeBytes(tensor.type) == 0) {
    ForEachString(tensor, [&](uint64_t, std::string_view text) { writer->Text(text); });
  } else {
    writer->Bytes(tensor.data.data(), tensor.data.size());
  }
  writer->EndData();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  FrameHead head;
  if (size >= kFrameHeadBytes) ReadFrameHead(bytes.data(), &head);
  FrameReader reader(bytes);
  const uint32_t n = reader.U32();
  if (!reader.ok() || n > kFrameTensorsMax) return 0;
  FrameWriter writer(FrameKind::kResult, 1);
  writer.U32(n);
  for (uint32_t i = 0; i < n; ++i) {
    const FrameTensor tensor = reader.Tensor();
    if (!reader.ok()) return 0;
    WriteBack(tensor, &writer);
  }
  if (reader.AtEnd() && std::string_view(writer.Finish()).substr(kFrameHeadBytes) != bytes) std::abort();
  return 0;
}
