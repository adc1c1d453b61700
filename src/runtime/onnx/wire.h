// A walk over protobuf's wire format (protobuf.dev/programming-guides/encoding): fields in the order of the file, as views into it. Nothing
// is copied or allocated, no length is believed beyond the bytes at hand, groups are refused.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "base/status.h"

namespace vigil::onnx {

enum class WireType : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

class WireReader {
 public:
  explicit WireReader(std::string_view message) : begin_(message.data()), at_(message.data()), end_(message.data() + message.size()) {}

  // Moves to the next field. False at the end, or where the bytes make no sense: then status() names the byte of this message.
  bool Next();
  const Status& status() const { return status_; }

  uint32_t field() const { return field_; }
  WireType type() const { return type_; }
  // Of a varint or a fixed number as it lies in the file; 0 for bytes.
  uint64_t raw() const { return raw_; }
  int64_t integer() const { return static_cast<int64_t>(raw_); }
  float float32() const;   // of a fixed32
  double float64() const;  // of a fixed64
  // Of a field of bytes; empty for numbers.
  std::string_view bytes() const { return bytes_; }

 private:
  bool Fail(const char* what);
  bool ReadVarint(uint64_t* value);

  const char* begin_;
  const char* at_;
  const char* end_;
  uint32_t field_ = 0;
  WireType type_ = WireType::kVarint;
  uint64_t raw_ = 0;
  std::string_view bytes_;
  Status status_;
};

// Appends a repeated number's field, packed or not: integers as protobuf's int64, floats widened. INVALID_ARGUMENT for bytes that are no
// whole number of numbers, and for a field of another kind. Memory: at most eight times the file's bytes.
Status AppendIntegers(const WireReader& reader, std::vector<int64_t>* to);
Status AppendFloats(const WireReader& reader, std::vector<float>* to);
Status AppendDoubles(const WireReader& reader, std::vector<double>* to);

// How many numbers that field holds, without keeping them. `width`: bytes a number, 0 for varints.
StatusOr<int64_t> CountNumbers(const WireReader& reader, int width);

// Calls `visit` on each field; stops at its first error. Errors of the wire itself come the same way.
Status ForEachField(std::string_view message, absl::FunctionRef<Status(const WireReader&)> visit);

}  // namespace vigil::onnx
