#include "runtime/tensorflow/protocol.h"

#include <cstring>

namespace vigil::tensorflow {
namespace {

template <typename T>
T Load(const char* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return value;
}

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "frames are written as memory lies");

}  // namespace

bool ReadFrameHead(const char* bytes, FrameHead* head) {
  if (Load<uint32_t>(bytes) != kFrameMagic) return false;
  const auto kind = Load<uint32_t>(bytes + 4);
  head->kind = static_cast<FrameKind>(kind);
  head->call = Load<uint64_t>(bytes + 8);
  head->body_bytes = Load<uint64_t>(bytes + 16);
  return kind >= static_cast<uint32_t>(FrameKind::kLoad) && kind <= static_cast<uint32_t>(FrameKind::kError) &&
         head->body_bytes <= kFrameBodyBytesMax;
}

int TfTypeBytes(uint32_t type) {
  switch (static_cast<TfType>(type)) {
    case TfType::kString: return 0;
    case TfType::kUint8:
    case TfType::kInt8:
    case TfType::kBool: return 1;
    case TfType::kInt16:
    case TfType::kUint16:
    case TfType::kBfloat16:
    case TfType::kHalf: return 2;
    case TfType::kFloat:
    case TfType::kInt32:
    case TfType::kUint32: return 4;
    case TfType::kDouble:
    case TfType::kInt64:
    case TfType::kUint64: return 8;
  }
  return -1;
}

FrameWriter::FrameWriter(FrameKind kind, uint64_t call) {
  U32(kFrameMagic);
  U32(static_cast<uint32_t>(kind));
  U64(call);
  U64(0);
}

void FrameWriter::U32(uint32_t value) { Bytes(&value, sizeof(value)); }
void FrameWriter::U64(uint64_t value) { Bytes(&value, sizeof(value)); }

void FrameWriter::Text(std::string_view text) {
  U32(static_cast<uint32_t>(text.size()));
  bytes_.append(text);
}

void FrameWriter::TensorHead(std::string_view name, uint32_t type, const int64_t* shape, size_t rank) {
  Text(name);
  U32(type);
  U32(static_cast<uint32_t>(rank));
  for (size_t d = 0; d < rank; ++d) I64(shape[d]);
}

void FrameWriter::BeginData() {
  data_at_ = bytes_.size();
  U64(0);
}

void FrameWriter::EndData() {
  const uint64_t bytes = bytes_.size() - data_at_ - sizeof(uint64_t);
  std::memcpy(bytes_.data() + data_at_, &bytes, sizeof(bytes));
}

std::string FrameWriter::Finish() {
  const uint64_t bytes = bytes_.size() - kFrameHeadBytes;
  std::memcpy(bytes_.data() + kFrameHeadBytes - sizeof(bytes), &bytes, sizeof(bytes));
  return std::move(bytes_);
}

std::string_view FrameReader::Take(uint64_t bytes) {
  if (!ok_ || bytes > left_.size()) {
    ok_ = false;
    left_ = {};
    return {};
  }
  const std::string_view taken = left_.substr(0, bytes);
  left_.remove_prefix(bytes);
  return taken;
}

uint32_t FrameReader::U32() {
  const std::string_view bytes = Take(sizeof(uint32_t));
  return ok_ ? Load<uint32_t>(bytes.data()) : 0;
}

uint64_t FrameReader::U64() {
  const std::string_view bytes = Take(sizeof(uint64_t));
  return ok_ ? Load<uint64_t>(bytes.data()) : 0;
}

std::string_view FrameReader::Text(uint32_t bytes_max) {
  const uint32_t bytes = U32();
  if (bytes > bytes_max) ok_ = false;
  return Take(bytes);
}

FrameTensor FrameReader::Tensor() {
  FrameTensor tensor;
  tensor.name = Text(kFrameNameBytesMax);
  tensor.type = U32();
  const uint32_t rank = U32();
  const int width = TfTypeBytes(tensor.type);
  if (rank > kFrameRankMax || width < 0) ok_ = false;
  if (!ok_) return {};
  tensor.elements = 1;
  for (uint32_t d = 0; d < rank; ++d) {
    const int64_t size = I64();
    // An element takes at least one byte of the body but for tensors without any, so no product can grow beyond it unseen.
    if (size < 0 || (size > 0 && tensor.elements > kFrameBodyBytesMax / static_cast<uint64_t>(size))) ok_ = false;
    if (!ok_) return {};
    tensor.shape.push_back(size);
    tensor.elements *= static_cast<uint64_t>(size);
  }
  tensor.data = Take(U64());
  if (width > 0) {
    if (tensor.data.size() != tensor.elements * static_cast<uint64_t>(width)) ok_ = false;
  } else {
    FrameReader strings(tensor.data);
    if (tensor.elements > tensor.data.size() / sizeof(uint32_t)) ok_ = false;
    for (uint64_t i = 0; ok_ && i < tensor.elements; ++i) {
      strings.Text(UINT32_MAX);
      ok_ = strings.ok();
    }
    ok_ = ok_ && strings.AtEnd();
  }
  return ok_ ? tensor : FrameTensor{};
}

}  // namespace vigil::tensorflow
