// What an ONNX file says (onnx/onnx.proto3, IR version 3 to 11), as views into its bytes: the parts that loading judges and lifting reads.
// A walk of our own rather than protobuf's generated classes, so that a file costs memory in proportion to its bytes whatever it declares,
// and an error names the place. Field numbers are those of onnx.proto3.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace vigil::onnx {

inline constexpr int kSubgraphDepthMax = 8;
inline constexpr int64_t kPartsMax = 1 << 18;  // nodes, tensors, values and graphs of one file, all together

struct OnnxTensor {
  std::string_view name;
  int64_t type = 0;  // ONNX's element type number
  std::vector<int64_t> dims;
  std::string_view message;  // the whole TensorProto, for ReadNumbers and ReadTexts
  bool external = false;
  std::vector<std::pair<std::string_view, std::string_view>> external_data;  // location, offset, length, checksum
};

struct OnnxAttribute {
  std::string_view name;
  std::string_view message;  // the whole AttributeProto
};

// A declared type: of a graph's input, output or inner value.
struct OnnxValueInfo {
  std::string_view name;
  int64_t type = 0;           // element type of a tensor; 0: no tensor
  bool has_shape = false;     // false: any shape
  std::vector<int64_t> dims;  // -1: free
};

struct OnnxNode {
  std::string_view name, op, domain;  // domain "ai.onnx" is read as ""
  std::vector<std::string_view> inputs, outputs;
  std::vector<OnnxAttribute> attributes;
  std::string place;  // "graph.node[3] 'trees'", of a subgraph "graph.node[3].then_branch.node[0] ''"

  const OnnxAttribute* Find(std::string_view attribute) const;
};

struct OnnxGraph {
  std::vector<OnnxNode> nodes;
  std::vector<OnnxTensor> initializers;
  std::vector<OnnxValueInfo> inputs, outputs, values;
  std::vector<OnnxGraph> subgraphs;  // of its nodes' attributes
  // Tensors in attributes, each with the place of its node.
  std::vector<std::pair<std::string, OnnxTensor>> attribute_tensors;
  bool sparse_initializers = false;
};

struct OnnxFile {
  int64_t ir_version = 0;
  std::string_view producer, producer_version;
  std::vector<std::pair<std::string_view, int64_t>> opsets;  // domain ("ai.onnx" read as ""), version
  OnnxGraph graph;
  std::vector<std::pair<std::string_view, std::string_view>> functions;  // the model's own: domain, name
  std::vector<OnnxGraph> function_graphs;                                // their nodes

  int64_t Opset(std::string_view domain) const;  // 0: not imported
};

// `bytes` must outlive what is returned. INVALID_ARGUMENT with the place.
StatusOr<OnnxFile> ReadOnnxFile(std::string_view bytes);

// A tensor's numbers, from raw_data or the typed field; only for what lies in the file. INVALID_ARGUMENT unless there are as many as dims
// say.
StatusOr<std::vector<double>> ReadNumbers(const OnnxTensor& tensor);

// An attribute's values. Missing attributes are empty (or the default); a value of another type is INVALID_ARGUMENT naming node and
// attribute.
StatusOr<std::vector<int64_t>> Integers(const OnnxNode& node, std::string_view attribute);
StatusOr<std::vector<float>> Floats(const OnnxNode& node, std::string_view attribute);
StatusOr<std::vector<std::string_view>> Texts(const OnnxNode& node, std::string_view attribute);
StatusOr<int64_t> Integer(const OnnxNode& node, std::string_view attribute, int64_t otherwise);
StatusOr<float> Float(const OnnxNode& node, std::string_view attribute, float otherwise);
StatusOr<std::string_view> Text(const OnnxNode& node, std::string_view attribute, std::string_view otherwise);
StatusOr<std::vector<double>> TensorNumbers(const OnnxNode& node, std::string_view attribute, bool* is_double);

// For messages: "INVALID" bytes made safe, at most 64 of them.
std::string Shown(std::string_view text);

// Elements of a shape. INVALID_ARGUMENT when a dimension is negative or the product passes 2^40.
StatusOr<int64_t> Elements(const std::vector<int64_t>& dims);
// Bits of one element of ONNX's type; 0: strings and unknown types.
int ElementBits(int64_t type);

}  // namespace vigil::onnx
