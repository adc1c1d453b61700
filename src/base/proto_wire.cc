#include "base/proto_wire.h"

namespace vigil {
namespace {

constexpr int kVarintBitsMax = 64;
constexpr uint64_t kFieldMax = (1u << 29) - 1;

uint64_t Fixed(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes.size(); ++i) value |= static_cast<uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  return value;
}

}  // namespace

bool TakeProtoVarint(std::string_view* bytes, uint64_t* value) {
  *value = 0;
  for (int shift = 0; shift < kVarintBitsMax && !bytes->empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes->front());
    bytes->remove_prefix(1);
    *value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

bool ProtoFields::Fail() {
  ok_ = false;
  left_ = {};
  return false;
}

bool ProtoFields::Next() {
  if (left_.empty()) return false;
  uint64_t tag = 0;
  if (!TakeProtoVarint(&left_, &tag) || tag >> 3 == 0 || tag >> 3 > kFieldMax) return Fail();
  field_ = static_cast<uint32_t>(tag >> 3);
  type_ = static_cast<ProtoType>(tag & 7);
  bytes_ = {};
  raw_ = 0;
  switch (type_) {
    case ProtoType::kVarint: return TakeProtoVarint(&left_, &raw_) || Fail();
    case ProtoType::kFixed64:
    case ProtoType::kFixed32: {
      const size_t size = type_ == ProtoType::kFixed64 ? 8 : 4;
      if (left_.size() < size) return Fail();
      raw_ = Fixed(left_.substr(0, size));
      left_.remove_prefix(size);
      return true;
    }
    case ProtoType::kBytes: {
      uint64_t size = 0;
      if (!TakeProtoVarint(&left_, &size) || size > left_.size()) return Fail();
      bytes_ = left_.substr(0, size);
      left_.remove_prefix(size);
      return true;
    }
  }
  return Fail();
}

// The length is known only afterwards: it is put in front of what was written.
void ProtoWriter::Message(uint32_t field, absl::FunctionRef<void(ProtoWriter&)> write) {
  Tag(field, ProtoType::kBytes);
  const size_t begin = to_.size();
  write(*this);
  const size_t size = to_.size() - begin;
  std::string length;
  ProtoWriter(&length).AppendVarint(size);
  to_.insert(begin, length);
}

}  // namespace vigil
