// A walk over protobuf's wire format (protobuf.dev/programming-guides/encoding): the fields of one message in the order of the file, as
// views. Nothing is copied, no length is believed beyond the bytes at hand, groups are refused.
#pragma once

#include <cstdint>
#include <string_view>

namespace vigil::tensorflow {

class ProtoReader {
 public:
  explicit ProtoReader(std::string_view message) : left_(message) {}
  // Moves to the next field; false at the end and where the bytes are no field (then !ok()).
  bool Next();
  bool ok() const { return ok_; }

  uint32_t field() const { return field_; }
  // Of a field of bytes; empty for numbers.
  std::string_view bytes() const { return bytes_; }
  bool is_bytes() const { return is_bytes_; }
  uint64_t raw() const { return raw_; }
  int64_t integer() const { return static_cast<int64_t>(raw_); }

 private:
  bool Varint(uint64_t* value);
  bool Fail();

  std::string_view left_, bytes_;
  uint32_t field_ = 0;
  uint64_t raw_ = 0;
  bool is_bytes_ = false, ok_ = true;
};

// The bytes of the last field `number` of `message` (what protobuf keeps of a field that is not repeated); empty without one. False only
// where the message is broken.
bool LastBytes(std::string_view message, uint32_t number, std::string_view* bytes);

}  // namespace vigil::tensorflow
