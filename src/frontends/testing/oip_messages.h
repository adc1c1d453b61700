// Messages of inference.GRPCInferenceService, put together field by field.
#pragma once

#include <bit>
#include <cstring>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/proto_wire.h"

namespace vigil::testing {

template <typename T>
std::string Raw(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}
// InferTensorContents with numbers in one of its fields.
inline std::string Packed(uint32_t field, std::initializer_list<int64_t> values) {
  std::string numbers, packed;
  for (const int64_t value : values) {
    std::string one;
    ProtoWriter(&one).Int(1, value);
    numbers.append(one, 1, std::string::npos);  // without the tag
  }
  ProtoWriter(&packed).Bytes(field, numbers);
  return packed;
}
template <typename T>
std::string Packed(uint32_t field, const std::vector<T>& values) {
  std::string packed;
  ProtoWriter(&packed).Bytes(field, Raw(values));
  return packed;
}

// ModelInferRequest, or any message that begins with a name.
class InferMessage {
 public:
  explicit InferMessage(std::string_view name = "") {
    if (!name.empty()) Field(1, name);
  }
  const std::string& bytes() const { return bytes_; }

  InferMessage& Field(uint32_t field, std::string_view value) {
    writer_.Bytes(field, value);
    return *this;
  }
  InferMessage& Nested(uint32_t field, const InferMessage& message) { return Field(field, message.bytes()); }
  InferMessage& Input(std::string_view name, std::string_view datatype, const std::vector<int64_t>& shape, std::string_view contents = "",
                      const InferMessage& more = InferMessage()) {
    InferMessage input(name);
    input.Field(2, datatype);
    for (const int64_t dimension : shape) input.writer_.Int(3, dimension);
    if (!contents.empty()) input.Field(5, contents);
    input.bytes_ += more.bytes();
    return Nested(5, input);
  }
  InferMessage& RawContents(std::string_view data) { return Field(7, data); }
  InferMessage& Output(std::string_view name, int64_t classes = 0) {
    InferMessage output(name);
    if (classes > 0) output.Parameter(2, "classification", 2, classes);
    return Nested(6, output);
  }
  InferMessage& Text(std::string_view key, std::string_view text) { return Parameter(4, key, 3, text); }
  InferMessage& Whole(std::string_view key, int64_t number) { return Parameter(4, key, 2, number); }
  // An entry of the map in `field`: its value in the field `kind` of InferParameter.
  InferMessage& Parameter(uint32_t field, std::string_view key, uint32_t kind, std::string_view text) {
    return Nested(field, InferMessage(key).Nested(2, InferMessage().Field(kind, text)));
  }
  InferMessage& Parameter(uint32_t field, std::string_view key, uint32_t kind, const char* text) {
    return Parameter(field, key, kind, std::string_view(text));
  }
  InferMessage& Parameter(uint32_t field, std::string_view key, uint32_t kind, int64_t number) {
    InferMessage value;
    value.writer_.Int(kind, number);
    return Nested(field, InferMessage(key).Nested(2, value));
  }

 private:
  std::string bytes_;
  ProtoWriter writer_{&bytes_};

 public:
  InferMessage(const InferMessage& other) : bytes_(other.bytes_) {}
  InferMessage& operator=(const InferMessage&) = delete;
};

}  // namespace vigil::testing
