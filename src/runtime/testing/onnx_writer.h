// Writes small ONNX models, for tests and benches.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vigil::testing {

// Protobuf's wire format, one field after the other.
class ProtoWriter {
 public:
  ProtoWriter& Number(uint32_t field, int64_t value) {
    Varint(uint64_t{field} << 3);
    Varint(static_cast<uint64_t>(value));
    return *this;
  }
  ProtoWriter& Bytes(uint32_t field, std::string_view bytes) {
    Varint(uint64_t{field} << 3 | 2);
    Varint(bytes.size());
    out_.append(bytes);
    return *this;
  }
  ProtoWriter& Float(uint32_t field, float value) {
    Varint(uint64_t{field} << 3 | 5);
    out_.append(reinterpret_cast<const char*>(&value), sizeof(value));
    return *this;
  }
  ProtoWriter& Packed(uint32_t field, const std::vector<int64_t>& values) {
    ProtoWriter inner;
    for (const int64_t value : values) inner.Varint(static_cast<uint64_t>(value));
    return Bytes(field, inner.out_);
  }
  template <typename T>
  ProtoWriter& PackedFixed(uint32_t field, const std::vector<T>& values) {
    return Bytes(field, std::string_view(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)));
  }
  const std::string& bytes() const { return out_; }

 private:
  void Varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) out_ += static_cast<char>(value | 0x80);
    out_ += static_cast<char>(value);
  }
  std::string out_;
};

// AttributeProto and TensorProto messages. Type numbers are ONNX's: 1 FLOAT, 6 INT32, 7 INT64, 8 STRING, 9 BOOL, 11 DOUBLE.
inline std::string Ints(std::string_view name, const std::vector<int64_t>& values) {
  return ProtoWriter().Bytes(1, name).Packed(8, values).Number(20, 7).bytes();
}
inline std::string Int(std::string_view name, int64_t value) { return ProtoWriter().Bytes(1, name).Number(3, value).Number(20, 2).bytes(); }
inline std::string Floats(std::string_view name, const std::vector<float>& values) {
  return ProtoWriter().Bytes(1, name).PackedFixed(7, values).Number(20, 6).bytes();
}
inline std::string Text(std::string_view name, std::string_view value) {
  return ProtoWriter().Bytes(1, name).Bytes(4, value).Number(20, 3).bytes();
}
inline std::string Texts(std::string_view name, const std::vector<std::string>& values) {
  ProtoWriter out;
  out.Bytes(1, name);
  for (const std::string& value : values) out.Bytes(9, value);
  return out.Number(20, 8).bytes();
}
template <typename T>
std::string RawTensor(std::string_view name, int64_t type, const std::vector<int64_t>& dims, const std::vector<T>& values) {
  return ProtoWriter().Packed(1, dims).Number(2, type).Bytes(8, name).PackedFixed(9, values).bytes();
}
inline std::string TensorAttribute(std::string_view name, std::string_view tensor) {
  return ProtoWriter().Bytes(1, name).Bytes(5, tensor).Number(20, 4).bytes();
}

// A model's parts; -1 is a free dimension.
class OnnxWriter {
 public:
  OnnxWriter& Opset(std::string_view domain, int64_t version) {
    opsets_.push_back(ProtoWriter().Bytes(1, domain).Number(2, version).bytes());
    return *this;
  }
  OnnxWriter& Input(std::string_view name, int64_t type, const std::vector<int64_t>& dims) {
    graph_.Bytes(11, Value(name, type, dims));
    return *this;
  }
  OnnxWriter& Output(std::string_view name, int64_t type, const std::vector<int64_t>& dims) {
    graph_.Bytes(12, Value(name, type, dims));
    return *this;
  }
  // A sequence of maps from int64 (or string) to float.
  OnnxWriter& MapOutput(std::string_view name, bool text_keys) {
    const std::string tensor = ProtoWriter().Bytes(1, ProtoWriter().Number(1, 1).bytes()).bytes();
    const std::string map = ProtoWriter().Number(1, text_keys ? 8 : 7).Bytes(2, tensor).bytes();
    const std::string sequence = ProtoWriter().Bytes(1, ProtoWriter().Bytes(5, map).bytes()).bytes();
    graph_.Bytes(12, ProtoWriter().Bytes(1, name).Bytes(2, ProtoWriter().Bytes(4, sequence).bytes()).bytes());
    return *this;
  }
  OnnxWriter& Initializer(std::string_view tensor) {
    graph_.Bytes(5, tensor);
    return *this;
  }
  OnnxWriter& Node(std::string_view op, std::string_view domain, const std::vector<std::string>& inputs,
                   const std::vector<std::string>& outputs, const std::vector<std::string>& attributes = {}) {
    ProtoWriter node;
    for (const std::string& input : inputs) node.Bytes(1, input);
    for (const std::string& output : outputs) node.Bytes(2, output);
    node.Bytes(4, op);
    for (const std::string& attribute : attributes) node.Bytes(5, attribute);
    if (!domain.empty()) node.Bytes(7, domain);
    graph_.Bytes(1, node.bytes());
    return *this;
  }
  std::string Build() const {
    ProtoWriter model;
    model.Number(1, 8);
    for (const std::string& opset : opsets_) model.Bytes(8, opset);
    ProtoWriter graph = graph_;
    return model.Bytes(7, graph.Bytes(2, "graph").bytes()).bytes();
  }

 private:
  static std::string Value(std::string_view name, int64_t type, const std::vector<int64_t>& dims) {
    ProtoWriter shape;
    for (const int64_t d : dims) shape.Bytes(1, d < 0 ? ProtoWriter().Bytes(2, "N").bytes() : ProtoWriter().Number(1, d).bytes());
    const std::string tensor = ProtoWriter().Number(1, type).Bytes(2, shape.bytes()).bytes();
    return ProtoWriter().Bytes(1, name).Bytes(2, ProtoWriter().Bytes(1, tensor).bytes()).bytes();
  }
  std::vector<std::string> opsets_;
  ProtoWriter graph_;
};

}  // namespace vigil::testing
