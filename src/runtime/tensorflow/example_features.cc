#include "runtime/tensorflow/example_features.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <optional>

#include "runtime/tensorflow/proto_reader.h"
#include "runtime/tensorflow/types.h"

namespace vigil::tensorflow {
namespace {

// NodeDef: name (1), op (2), input (3), attr (5).
struct Node {
  std::string_view op, message;
  std::vector<std::string_view> inputs;
};
using Nodes = std::map<std::string_view, Node>;

// Reads the nodes that can matter of a graph (`field` 1) or a function (`field` 3). Parse operations are rare, so constants are only kept
// by name.
bool ReadNodes(std::string_view message, uint32_t field, Nodes* nodes) {
  ProtoReader reader(message);
  while (reader.Next()) {
    if (reader.field() != field || !reader.is_bytes()) continue;
    Node node;
    node.message = reader.bytes();
    std::string_view name;
    if (!LastBytes(node.message, 1, &name) || !LastBytes(node.message, 2, &node.op)) return false;
    if (node.op == "ParseExample" || node.op == "ParseExampleV2") {
      ProtoReader inputs(node.message);
      while (inputs.Next()) {
        if (inputs.field() == 3 && node.inputs.size() <= 2 * kExampleFeaturesMax) node.inputs.push_back(inputs.bytes());
      }
    } else if (node.op != "Const") {
      continue;
    }
    nodes->emplace(name, std::move(node));
  }
  return reader.ok();
}

// The AttrValue `key` of a node.
std::string_view Attribute(const Node& node, std::string_view key) {
  ProtoReader reader(node.message);
  while (reader.Next()) {
    if (reader.field() != 5) continue;
    std::string_view name, value;
    if (LastBytes(reader.bytes(), 1, &name) && name == key && LastBytes(reader.bytes(), 2, &value)) return value;
  }
  return {};
}

// AttrValue: list (1) {type (6), packed or not; shape (7)}, i (3).
std::vector<uint32_t> TypeList(std::string_view attribute) {
  std::string_view list;
  std::vector<uint32_t> types;
  LastBytes(attribute, 1, &list);
  ProtoReader reader(list);
  while (reader.Next()) {
    if (reader.field() != 6) continue;
    if (!reader.is_bytes()) types.push_back(static_cast<uint32_t>(reader.raw()));
    for (const char byte : reader.bytes()) types.push_back(static_cast<uint8_t>(byte));  // data types are below 128: one byte each
  }
  return types;
}

// Elements of each shape; -1 where a dimension is free.
std::vector<int64_t> ShapeSizes(std::string_view attribute) {
  std::string_view list;
  std::vector<int64_t> sizes;
  LastBytes(attribute, 1, &list);
  ProtoReader reader(list);
  while (reader.Next()) {
    if (reader.field() != 7) continue;
    int64_t size = 1;
    ProtoReader shape(reader.bytes());
    while (shape.Next()) {
      if (shape.field() == 3 && shape.raw() != 0) size = -1;
      if (shape.field() != 2) continue;
      int64_t dim = 0;
      ProtoReader fields(shape.bytes());
      while (fields.Next()) {
        if (fields.field() == 1) dim = fields.integer();
      }
      size = size < 0 || dim < 0 || dim > (1 << 20) || size * dim > (1 << 20) ? -1 : size * dim;
    }
    sizes.push_back(size);
  }
  return sizes;
}

// The constant behind an input ("node", "node:0", "node:output:0").
const Node* Constant(const Nodes& nodes, std::string_view input) {
  const auto found = nodes.find(input.substr(0, input.find(':')));
  return found != nodes.end() && found->second.op == "Const" ? &found->second : nullptr;
}

// TensorProto in attr "value": string_val (8).
std::optional<std::vector<std::string_view>> Strings(const Nodes& nodes, std::string_view input) {
  const Node* node = Constant(nodes, input);
  std::string_view tensor;
  if (node == nullptr || !LastBytes(Attribute(*node, "value"), 8, &tensor)) return std::nullopt;
  std::vector<std::string_view> texts;
  ProtoReader reader(tensor);
  while (reader.Next()) {
    if (reader.field() == 8 && texts.size() < kExampleFeaturesMax) texts.push_back(reader.bytes());
  }
  return texts;
}

// Whether a default has elements: one without stands for "there is no default". What is no constant is computed, so it is one.
bool HasElements(const Nodes& nodes, std::string_view input) {
  const Node* node = Constant(nodes, input);
  if (node == nullptr) return true;
  std::string_view tensor, shape;
  LastBytes(Attribute(*node, "value"), 8, &tensor);
  LastBytes(tensor, 2, &shape);
  ProtoReader reader(shape);
  while (reader.Next()) {
    if (reader.field() != 2) continue;
    int64_t size = 0;
    ProtoReader dim(reader.bytes());
    while (dim.Next()) {
      if (dim.field() == 1) size = dim.integer();
    }
    if (size == 0) return false;
  }
  return true;
}

// Keys given as one vector each (V2), or as one scalar each.
bool ReadKeys(const Nodes& nodes, const Node& node, size_t sparse, size_t dense, size_t* defaults,
              std::vector<std::string_view>* sparse_keys, std::vector<std::string_view>* dense_keys) {
  if (node.op == "ParseExampleV2") {  // serialized, names, sparse_keys, dense_keys, ragged_keys, dense_defaults...
    if (node.inputs.size() < 5) return false;
    const auto s = Strings(nodes, node.inputs[2]), d = Strings(nodes, node.inputs[3]);
    *defaults = 5;
    if (!s || !d) return false;
    *sparse_keys = *s;
    *dense_keys = *d;
    return true;
  }
  *defaults = 2 + sparse + dense;  // serialized, names, sparse_keys..., dense_keys..., dense_defaults...
  if (node.inputs.size() < *defaults) return false;
  for (size_t i = 0; i < sparse + dense; ++i) {
    const auto key = Strings(nodes, node.inputs[2 + i]);
    if (!key || key->size() != 1) return false;
    (i < sparse ? sparse_keys : dense_keys)->push_back((*key)[0]);
  }
  return true;
}

std::optional<std::vector<ExampleFeature>> ReadParse(const Nodes& nodes, const Node& node) {
  const std::vector<uint32_t> dense_types = TypeList(Attribute(node, "Tdense")), sparse_types = TypeList(Attribute(node, "sparse_types"));
  const std::vector<int64_t> sizes = ShapeSizes(Attribute(node, "dense_shapes"));
  std::vector<std::string_view> sparse_keys, dense_keys;
  size_t defaults = 0;
  if (!ReadKeys(nodes, node, sparse_types.size(), dense_types.size(), &defaults, &sparse_keys, &dense_keys)) return std::nullopt;
  if (sparse_keys.size() != sparse_types.size() || dense_keys.size() != dense_types.size() || sizes.size() != dense_keys.size()) {
    return std::nullopt;
  }
  std::vector<ExampleFeature> features;
  const auto add = [&](std::string_view key, uint32_t type, int64_t size, bool has_default) {
    const std::optional<DType> dtype = FromTfType(type);
    if (!dtype || size < 1) return false;
    ExampleFeature feature;
    feature.spec.name = std::string(key);
    feature.spec.dtype = *dtype;
    feature.spec.shape = size == 1 ? std::vector<int64_t>{-1} : std::vector<int64_t>{-1, size};
    feature.has_default = has_default;
    features.push_back(std::move(feature));
    return true;
  };
  for (size_t i = 0; i < dense_keys.size(); ++i) {
    const bool has_default = defaults + i < node.inputs.size() && HasElements(nodes, node.inputs[defaults + i]);
    if (!add(dense_keys[i], dense_types[i], sizes[i], has_default)) return std::nullopt;
  }
  for (size_t i = 0; i < sparse_keys.size(); ++i) {
    if (!add(sparse_keys[i], sparse_types[i], 1, true)) return std::nullopt;
  }
  std::sort(features.begin(), features.end(), [](const auto& a, const auto& b) { return a.spec.name < b.spec.name; });
  return features;
}

bool Same(const std::vector<ExampleFeature>& a, const std::vector<ExampleFeature>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const ExampleFeature& x, const ExampleFeature& y) {
    return x.spec.name == y.spec.name && x.spec.dtype == y.spec.dtype && x.spec.shape == y.spec.shape;
  });
}

void AppendVarint(std::string* out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out->push_back(static_cast<char>(value | 0x80));
  out->push_back(static_cast<char>(value));
}

void AppendBytes(std::string* out, int field, std::string_view bytes) {
  AppendVarint(out, static_cast<uint64_t>(field) << 3 | 2);
  AppendVarint(out, bytes.size());
  out->append(bytes);
}

}  // namespace

std::vector<ExampleFeature> FindExampleFeatures(std::string_view graph) {
  // GraphDef: node (1), library (2) {function (1) {node_def (3)}}.
  std::vector<Nodes> scopes(1);
  if (!ReadNodes(graph, 1, &scopes[0])) return {};
  ProtoReader reader(graph);
  while (reader.Next()) {
    if (reader.field() != 2) continue;
    ProtoReader library(reader.bytes());
    while (library.Next()) {
      if (library.field() != 1 || library.bytes().find("ParseExample") == std::string_view::npos) continue;
      if (!ReadNodes(library.bytes(), 3, &scopes.emplace_back())) return {};
    }
  }
  std::optional<std::vector<ExampleFeature>> found;
  for (const Nodes& nodes : scopes) {
    for (const auto& [name, node] : nodes) {
      if (node.op == "Const") continue;
      const std::optional<std::vector<ExampleFeature>> features = ReadParse(nodes, node);
      if (!features || (found && !Same(*found, *features))) return {};
      found = features;
    }
  }
  return found.value_or(std::vector<ExampleFeature>{});
}

// Example: features (1). Features: feature (1), a map of name (1) → Feature (2): bytes_list (1), float_list (2), int64_list (3), each of
// value (1); numbers packed.
void ExampleWriter::Add(std::string_view name, const TensorView& column, int64_t row, bool skip_missing) {
  const int64_t width = column.shape.size() < 2 ? 1 : column.elements() / column.shape[0];
  std::string list;
  int kind = 0;
  if (column.dtype == DType::kFloat32) {
    const float* values = column.floats().data() + row * width;
    if (skip_missing && std::all_of(values, values + width, [](float v) { return std::isnan(v); })) return;
    kind = 2;
    AppendBytes(&list, 1, {reinterpret_cast<const char*>(values), static_cast<size_t>(width) * sizeof(float)});
  } else if (column.dtype == DType::kInt64) {
    kind = 3;
    std::string packed;
    for (int64_t i = 0; i < width; ++i)
      AppendVarint(&packed, static_cast<uint64_t>(static_cast<const int64_t*>(column.data)[row * width + i]));
    AppendBytes(&list, 1, packed);
  } else {
    kind = 1;
    for (int64_t i = 0; i < width; ++i) AppendBytes(&list, 1, static_cast<const std::string_view*>(column.data)[row * width + i]);
  }
  std::string feature, entry;
  AppendBytes(&feature, kind, list);
  AppendBytes(&entry, 1, name);
  AppendBytes(&entry, 2, feature);
  AppendBytes(&features_, 1, entry);
}

std::string ExampleWriter::Finish() {
  std::string example;
  AppendBytes(&example, 1, features_);
  features_.clear();
  return example;
}

}  // namespace vigil::tensorflow
