#include "runtime/onnx/onnx_file.h"

#include <algorithm>
#include <optional>

#include "runtime/cat.h"
#include "runtime/onnx/wire.h"

namespace vigil::onnx {
namespace {

Status At(const std::string& place, const Status& status) {
  return status.ok() ? status : Status(status.code(), Cat(place, ": ", status.message()));
}

std::string_view Domain(std::string_view domain) { return domain == "ai.onnx" ? std::string_view() : domain; }

// A field of text or a message.
Status NeedBytes(const WireReader& r) {
  if (r.type() == WireType::kBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(Cat("field ", r.field(), " is a number where text or a message belongs"));
}

class FileParser {
 public:
  StatusOr<OnnxFile> Parse(std::string_view bytes) {
    OnnxFile file;
    std::optional<std::string_view> graph;
    const Status status = ForEachField(bytes, [&](const WireReader& r) {
      switch (r.field()) {
        case 1: file.ir_version = r.integer(); return absl::OkStatus();
        case 2: file.producer = r.bytes(); return NeedBytes(r);
        case 3: file.producer_version = r.bytes(); return NeedBytes(r);
        case 7: graph = r.bytes(); return NeedBytes(r);
        case 8: VIGIL_RETURN_IF_ERROR(NeedBytes(r)); return ParseOpset(r.bytes(), &file);
        case 25: VIGIL_RETURN_IF_ERROR(NeedBytes(r)); return ParseFunction(r.bytes(), &file);
        default: return absl::OkStatus();
      }
    });
    VIGIL_RETURN_IF_ERROR(At("model", status));
    if (!graph.has_value()) return absl::InvalidArgumentError("model: it has no graph: not an ONNX model, or an empty one");
    VIGIL_RETURN_IF_ERROR(ParseGraph(*graph, "graph", 0, &file.graph));
    return file;
  }

 private:
  Status Count() {
    if (++parts_ <= kPartsMax) return absl::OkStatus();
    return absl::InvalidArgumentError(Cat("more than ", kPartsMax, " nodes, tensors and values"));
  }

  Status ParseOpset(std::string_view bytes, OnnxFile* file) {
    VIGIL_RETURN_IF_ERROR(Count());
    std::string_view domain;
    int64_t version = 0;
    VIGIL_RETURN_IF_ERROR(At("opset_import", ForEachField(bytes, [&](const WireReader& r) {
                               if (r.field() == 1) domain = r.bytes();
                               if (r.field() == 2) version = r.integer();
                               return absl::OkStatus();
                             })));
    file->opsets.emplace_back(Domain(domain), version);
    return absl::OkStatus();
  }

  Status ParseFunction(std::string_view bytes, OnnxFile* file) {
    VIGIL_RETURN_IF_ERROR(Count());
    std::string_view name, domain;
    const std::string place = Cat("functions[", file->functions.size(), "]");
    OnnxGraph& graph = file->function_graphs.emplace_back();
    VIGIL_RETURN_IF_ERROR(At(place, ForEachField(bytes, [&](const WireReader& r) {
                               if (r.field() == 1) name = r.bytes();
                               if (r.field() == 10) domain = r.bytes();
                               if (r.field() == 7) return ParseNode(r.bytes(), place, 0, &graph);
                               return absl::OkStatus();
                             })));
    file->functions.emplace_back(Domain(domain), name);
    return absl::OkStatus();
  }

  Status ParseGraph(std::string_view bytes, const std::string& place, int depth, OnnxGraph* graph) {
    VIGIL_RETURN_IF_ERROR(Count());
    if (depth > kSubgraphDepthMax) return absl::InvalidArgumentError(Cat(place, ": graphs nested deeper than ", kSubgraphDepthMax));
    const Status status = ForEachField(bytes, [&](const WireReader& r) {
      const auto value = [&](std::vector<OnnxValueInfo>* list) {
        VIGIL_RETURN_IF_ERROR(NeedBytes(r));
        return ParseValueInfo(r.bytes(), &list->emplace_back());
      };
      switch (r.field()) {
        case 1: VIGIL_RETURN_IF_ERROR(NeedBytes(r)); return ParseNode(r.bytes(), place, depth, graph);
        case 5: VIGIL_RETURN_IF_ERROR(NeedBytes(r)); return ParseTensor(r.bytes(), &graph->initializers.emplace_back());
        case 11: return value(&graph->inputs);
        case 12: return value(&graph->outputs);
        case 13: return value(&graph->values);
        case 15: graph->sparse_initializers = true; return absl::OkStatus();
        default: return absl::OkStatus();
      }
    });
    // A node's error brings its own place.
    return status.ok() || status.message().find(AbslView(place)) == 0 ? status : At(place, status);
  }

  Status ParseNode(std::string_view bytes, const std::string& graph_place, int depth, OnnxGraph* graph) {
    VIGIL_RETURN_IF_ERROR(Count());
    const size_t index = graph->nodes.size();
    OnnxNode node;
    const std::string number = Cat(graph_place, ".node[", index, "]");
    VIGIL_RETURN_IF_ERROR(At(number, ForEachField(bytes, [&](const WireReader& r) {
                               switch (r.field()) {
                                 case 1: node.inputs.push_back(r.bytes()); return NeedBytes(r);
                                 case 2: node.outputs.push_back(r.bytes()); return NeedBytes(r);
                                 case 3: node.name = r.bytes(); return NeedBytes(r);
                                 case 4: node.op = r.bytes(); return NeedBytes(r);
                                 case 5: node.attributes.push_back({{}, r.bytes()}); return NeedBytes(r);
                                 case 7: node.domain = Domain(r.bytes()); return NeedBytes(r);
                                 default: return absl::OkStatus();
                               }
                             })));
    node.place = Cat(number, " ", Shown(node.op), node.name.empty() ? "" : Cat(" '", Shown(node.name), "'"));
    for (OnnxAttribute& attribute : node.attributes) {
      VIGIL_RETURN_IF_ERROR(At(number, ParseAttribute(&attribute, node.place, depth, graph)));
    }
    graph->nodes.push_back(std::move(node));
    return absl::OkStatus();
  }

  // Finds the name, and the tensors and graphs inside; other values are read when they are asked for.
  Status ParseAttribute(OnnxAttribute* attribute, const std::string& place, int depth, OnnxGraph* graph) {
    VIGIL_RETURN_IF_ERROR(ForEachField(attribute->message, [&](const WireReader& r) {
      if (r.field() == 1) attribute->name = r.bytes();
      return absl::OkStatus();
    }));
    return ForEachField(attribute->message, [&](const WireReader& r) {
      if (r.type() != WireType::kBytes) return absl::OkStatus();
      if (r.field() == 5 || r.field() == 10) {
        auto& [where, tensor] = graph->attribute_tensors.emplace_back();
        where = Cat(place, ".", Shown(attribute->name));
        return ParseTensor(r.bytes(), &tensor);
      }
      if (r.field() == 6 || r.field() == 11) {
        return ParseGraph(r.bytes(), Cat(place, ".", Shown(attribute->name)), depth + 1, &graph->subgraphs.emplace_back());
      }
      return absl::OkStatus();
    });
  }

  Status ParseTensor(std::string_view bytes, OnnxTensor* tensor) {
    VIGIL_RETURN_IF_ERROR(Count());
    tensor->message = bytes;
    return At("a tensor", ForEachField(bytes, [&](const WireReader& r) {
                switch (r.field()) {
                  case 1: return AppendIntegers(r, &tensor->dims);
                  case 2: tensor->type = r.integer(); return absl::OkStatus();
                  case 8: tensor->name = r.bytes(); return NeedBytes(r);
                  case 13: VIGIL_RETURN_IF_ERROR(NeedBytes(r)); return ParseEntry(r.bytes(), &tensor->external_data);
                  case 14: tensor->external = r.integer() != 0; return absl::OkStatus();
                  default: return absl::OkStatus();
                }
              }));
  }

  Status ParseEntry(std::string_view bytes, std::vector<std::pair<std::string_view, std::string_view>>* to) {
    VIGIL_RETURN_IF_ERROR(Count());
    std::pair<std::string_view, std::string_view>& entry = to->emplace_back();
    return ForEachField(bytes, [&](const WireReader& r) {
      if (r.field() == 1) entry.first = r.bytes();
      if (r.field() == 2) entry.second = r.bytes();
      return absl::OkStatus();
    });
  }

  Status ParseValueInfo(std::string_view bytes, OnnxValueInfo* info) {
    VIGIL_RETURN_IF_ERROR(Count());
    std::string_view type, tensor, shape;
    VIGIL_RETURN_IF_ERROR(ForEachField(bytes, [&](const WireReader& r) {
      if (r.field() == 1) info->name = r.bytes();
      if (r.field() == 2) type = r.bytes();
      return absl::OkStatus();
    }));
    VIGIL_RETURN_IF_ERROR(ForEachField(type, [&](const WireReader& r) {
      if (r.field() == 1) tensor = r.bytes();
      return absl::OkStatus();
    }));
    VIGIL_RETURN_IF_ERROR(ForEachField(tensor, [&](const WireReader& r) {
      if (r.field() == 1) info->type = r.integer();
      if (r.field() == 2) {
        shape = r.bytes();
        info->has_shape = true;
      }
      return absl::OkStatus();
    }));
    return ForEachField(shape, [&](const WireReader& r) {
      if (r.field() != 1) return absl::OkStatus();
      int64_t size = -1;
      Status status = ForEachField(r.bytes(), [&](const WireReader& d) {
        if (d.field() == 1) size = d.integer();
        return absl::OkStatus();
      });
      info->dims.push_back(size >= 0 ? size : -1);
      return status;
    });
  }

  int64_t parts_ = 0;
};

}  // namespace

const OnnxAttribute* OnnxNode::Find(std::string_view attribute) const {
  const auto found = std::find_if(attributes.begin(), attributes.end(), [&](const OnnxAttribute& a) { return a.name == attribute; });
  return found == attributes.end() ? nullptr : &*found;
}

int64_t OnnxFile::Opset(std::string_view domain) const {
  for (const auto& [name, version] : opsets) {
    if (name == domain) return version;
  }
  return 0;
}

StatusOr<OnnxFile> ReadOnnxFile(std::string_view bytes) { return FileParser().Parse(bytes); }

std::string Shown(std::string_view text) {
  constexpr size_t kShownMax = 64;
  std::string shown;
  for (const char c : text.substr(0, kShownMax)) shown += c >= 0x20 && c < 0x7F ? c : '?';
  return text.size() > kShownMax ? shown + "..." : shown;
}

}  // namespace vigil::onnx
