#include "runtime/tensorflow/proto_reader.h"

#include <cstring>

namespace vigil::tensorflow {

bool ProtoReader::Fail() {
  ok_ = false;
  left_ = {};
  return false;
}

bool ProtoReader::Varint(uint64_t* value) {
  *value = 0;
  for (int shift = 0; shift < 64 && !left_.empty(); shift += 7) {
    const auto byte = static_cast<uint8_t>(left_.front());
    left_.remove_prefix(1);
    *value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

bool ProtoReader::Next() {
  if (left_.empty()) return false;
  uint64_t key = 0;
  if (!Varint(&key) || key >> 3 == 0 || key >> 3 > 0x1fffffff) return Fail();
  field_ = static_cast<uint32_t>(key >> 3);
  raw_ = 0;
  bytes_ = {};
  is_bytes_ = false;
  size_t fixed = 0;
  switch (key & 7) {
    case 0: return Varint(&raw_) || Fail();
    case 1: fixed = 8; break;
    case 5: fixed = 4; break;
    case 2: {
      uint64_t length = 0;
      if (!Varint(&length) || length > left_.size()) return Fail();
      bytes_ = left_.substr(0, length);
      left_.remove_prefix(length);
      is_bytes_ = true;
      return true;
    }
    default: return Fail();
  }
  if (left_.size() < fixed) return Fail();
  std::memcpy(&raw_, left_.data(), fixed);
  left_.remove_prefix(fixed);
  return true;
}

bool LastBytes(std::string_view message, uint32_t number, std::string_view* bytes) {
  *bytes = {};
  ProtoReader reader(message);
  while (reader.Next()) {
    if (reader.field() == number && reader.is_bytes()) *bytes = reader.bytes();
  }
  return reader.ok();
}

}  // namespace vigil::tensorflow
