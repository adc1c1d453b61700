// protobuf's wire format (protobuf.dev/programming-guides/encoding), read and written by hand: a walk over the fields of a message as
// views, and appending fields to a string. For messages that come over the network and go out again; no generated code, no copies.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"

namespace vigil {

enum class ProtoType : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

// The fields of one message in the order of the wire. Allocates nothing, believes no length beyond the bytes at hand, refuses groups.
// Nested messages are bytes, read by another walk: there is no recursion for a sender to drive.
class ProtoFields {
 public:
  explicit ProtoFields(std::string_view message) : left_(message) {}
  // Moves to the next field; false at the end and where the bytes are no field (then !ok()).
  bool Next();
  bool ok() const { return ok_; }

  uint32_t field() const { return field_; }
  ProtoType type() const { return type_; }
  bool is(uint32_t number, ProtoType type) const { return field_ == number && type_ == type; }
  // Of a field of bytes; empty for numbers.
  std::string_view bytes() const { return bytes_; }
  // Of a number, as it lies there; 0 for bytes.
  uint64_t raw() const { return raw_; }
  int64_t integer() const { return static_cast<int64_t>(raw_); }
  bool boolean() const { return raw_ != 0; }
  float float32() const { return std::bit_cast<float>(static_cast<uint32_t>(raw_)); }
  double float64() const { return std::bit_cast<double>(raw_); }

 private:
  bool Fail();

  std::string_view left_, bytes_;
  uint64_t raw_ = 0;
  uint32_t field_ = 0;
  ProtoType type_ = ProtoType::kVarint;
  bool ok_ = true;
};

// Takes a varint from the front of `bytes`; false if there is none.
bool TakeProtoVarint(std::string_view* bytes, uint64_t* value);

// Appends fields to a string that it does not own. Defaults are written too: whoever calls leaves them out where size matters.
class ProtoWriter {
 public:
  explicit ProtoWriter(std::string* to) : to_(*to) {}

  void Varint(uint32_t field, uint64_t value) {
    Tag(field, ProtoType::kVarint);
    AppendVarint(value);
  }
  void Int(uint32_t field, int64_t value) { Varint(field, static_cast<uint64_t>(value)); }
  void Bool(uint32_t field, bool value) { Varint(field, value ? 1 : 0); }
  void Double(uint32_t field, double value) {
    Tag(field, ProtoType::kFixed64);
    AppendFixed(std::bit_cast<uint64_t>(value));
  }
  void Float(uint32_t field, float value) {
    Tag(field, ProtoType::kFixed32);
    AppendFixed(std::bit_cast<uint32_t>(value));
  }
  void Bytes(uint32_t field, std::string_view value) {
    Tag(field, ProtoType::kBytes);
    AppendVarint(value.size());
    to_.append(value);
  }
  // A nested message, written by `write` to the same string.
  void Message(uint32_t field, absl::FunctionRef<void(ProtoWriter&)> write);
  // One number of a packed field, inside of Message.
  void Element(uint64_t value) { AppendVarint(value); }
  // Numbers of a packed field whose elements lie in memory as on the wire (little-endian).
  void PackedRaw(uint32_t field, const void* numbers, size_t bytes) { Bytes(field, {static_cast<const char*>(numbers), bytes}); }

 private:
  void Tag(uint32_t field, ProtoType type) { AppendVarint(uint64_t{field} << 3 | static_cast<uint64_t>(type)); }
  void AppendVarint(uint64_t value) {
    while (value >= 0x80) {
      to_.push_back(static_cast<char>(value | 0x80));
      value >>= 7;
    }
    to_.push_back(static_cast<char>(value));
  }
  template <typename T>
  void AppendFixed(T value) {
    char bytes[sizeof value];
    for (size_t i = 0; i < sizeof value; ++i) bytes[i] = static_cast<char>(value >> (8 * i));
    to_.append(bytes, sizeof bytes);
  }

  std::string& to_;
};

}  // namespace vigil
