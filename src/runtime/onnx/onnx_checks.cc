#include "runtime/onnx/onnx_checks.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>

#include "absl/strings/numbers.h"
#include "runtime/cat.h"
#include "runtime/onnx/tree_ensemble.h"
#include "runtime/onnx/wire.h"

namespace vigil::onnx {
namespace {

constexpr std::array<std::string_view, 8> kDomains = {"",
                                                      "ai.onnx.ml",
                                                      "com.microsoft",
                                                      "com.microsoft.nchwc",
                                                      "com.ms.internal.nhwc",
                                                      "com.microsoft.experimental",
                                                      "ai.onnx.training",
                                                      "ai.onnx.preview.training"};
constexpr int kWalkMax = 256;  // steps back from a tree ensemble to the graph's inputs

// Numbers a field of typed data holds for one element, by element type; what the field's number must be.
struct TypedField {
  uint32_t field;
  int width;  // bytes a number, 0: varints
  int64_t per_element;
};

TypedField FieldOf(int64_t type) {
  switch (type) {
    case 1: return {4, 4, 1};
    case 14: return {4, 4, 2};
    case 7: return {7, 0, 1};
    case 8: return {6, -1, 1};
    case 11: return {10, 8, 1};
    case 15: return {10, 8, 2};
    case 12:
    case 13: return {11, 0, 1};
    default: return {5, 0, 1};
  }
}

// That the bytes are as many as the shape says: a library would make room for the shape first.
Status CheckInlineTensor(const OnnxTensor& tensor) {
  VIGIL_ASSIGN_OR_RETURN(const int64_t elements, Elements(tensor.dims));
  const int bits = ElementBits(tensor.type);
  if (bits == 0 && tensor.type != 8) return absl::InvalidArgumentError(Cat("unknown element type ", tensor.type));
  const TypedField typed = FieldOf(tensor.type);
  int64_t raw = -1, count = 0;
  const auto count_field = [&](const WireReader& r) -> Status {
    if (r.field() == 9) raw = static_cast<int64_t>(r.bytes().size());
    if (r.field() != typed.field) return absl::OkStatus();
    if (typed.width < 0) {
      ++count;
      return absl::OkStatus();
    }
    VIGIL_ASSIGN_OR_RETURN(const int64_t more, CountNumbers(r, typed.width));
    count += more;
    return absl::OkStatus();
  };
  VIGIL_RETURN_IF_ERROR(ForEachField(tensor.message, count_field));
  if (raw >= 0 && tensor.type != 8) {
    const int64_t want = (elements * bits + 7) / 8;
    if (raw == want) return absl::OkStatus();
    return absl::InvalidArgumentError(Cat(raw, " bytes of data for a shape of ", elements, " elements (", want, " bytes)"));
  }
  // Two 4-bit numbers share one entry.
  const int64_t want = bits == 4 ? (elements + 1) / 2 : elements * typed.per_element;
  if (count == want) return absl::OkStatus();
  return absl::InvalidArgumentError(Cat(count, " numbers for a shape of ", elements, " elements"));
}

Status CheckExternalTensor(const OnnxTensor& tensor, const std::string& folder) {
  std::string_view location, offset_text, length_text;
  for (const auto& [key, value] : tensor.external_data) {
    if (key == "location") location = value;
    if (key == "offset") offset_text = value;
    if (key == "length") length_text = value;
  }
  if (location.empty()) return absl::InvalidArgumentError("its external data has no location");
  const std::string shown = Cat("its external data '", Shown(location), "'");
  if (location.find('\0') != std::string_view::npos || folder.empty()) return absl::InvalidArgumentError(Cat(shown, " is no file name"));
  const std::filesystem::path relative{std::string(location)};
  const bool climbs = std::find(relative.begin(), relative.end(), "..") != relative.end();
  std::error_code error;
  const std::filesystem::path resolved = climbs || relative.is_absolute()
                                             ? std::filesystem::path()
                                             : std::filesystem::canonical(std::filesystem::path(folder) / relative, error);
  if (error) return absl::NotFoundError(Cat(shown, " cannot be read: ", error.message()));
  const std::string inside = folder == "/" ? folder : folder + "/";
  if (!resolved.string().starts_with(inside)) {
    return absl::InvalidArgumentError(Cat(shown, " lies outside the model's folder: never opened"));
  }
  struct stat info {};
  if (stat(resolved.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return absl::InvalidArgumentError(Cat(shown, " is not a regular file"));
  int64_t offset = 0, length = -1;
  if (!offset_text.empty() && (!absl::SimpleAtoi(AbslView(offset_text), &offset) || offset < 0)) {
    return absl::InvalidArgumentError(Cat(shown, ": offset '", Shown(offset_text), "' is no offset"));
  }
  if (!length_text.empty() && (!absl::SimpleAtoi(AbslView(length_text), &length) || length < 0)) {
    return absl::InvalidArgumentError(Cat(shown, ": length '", Shown(length_text), "' is no length"));
  }
  VIGIL_ASSIGN_OR_RETURN(const int64_t elements, Elements(tensor.dims));
  const int bits = ElementBits(tensor.type);
  if (bits == 0) return absl::InvalidArgumentError(Cat("external data of element type ", tensor.type));
  const int64_t want = (elements * bits + 7) / 8;
  if (length >= 0 && length != want) {
    return absl::InvalidArgumentError(Cat(shown, ": length ", length, " where the shape takes ", want, " bytes"));
  }
  if (offset > info.st_size || want > info.st_size - offset) {
    return absl::InvalidArgumentError(
        Cat(shown, " has ", static_cast<int64_t>(info.st_size), " bytes; bytes ", offset, " to ", offset + want, " are needed"));
  }
  return absl::OkStatus();
}

Status CheckTensor(const OnnxTensor& tensor, const std::string& place, const std::string& folder) {
  const Status status = tensor.external ? CheckExternalTensor(tensor, folder) : CheckInlineTensor(tensor);
  return status.ok() ? status : Status(status.code(), Cat(place, ": ", status.message()));
}

Status CheckGraph(const OnnxFile& file, const OnnxGraph& graph, const std::string& folder) {
  for (const OnnxTensor& tensor : graph.initializers) {
    VIGIL_RETURN_IF_ERROR(CheckTensor(tensor, Cat("initializer '", Shown(tensor.name), "'"), folder));
  }
  for (const auto& [place, tensor] : graph.attribute_tensors) VIGIL_RETURN_IF_ERROR(CheckTensor(tensor, place, folder));
  const GraphIndex index(graph);
  for (const OnnxNode& node : graph.nodes) {
    const bool own = std::find(file.functions.begin(), file.functions.end(), std::pair(node.domain, node.op)) != file.functions.end();
    if (!own && std::find(kDomains.begin(), kDomains.end(), node.domain) == kDomains.end()) {
      return absl::UnimplementedError(Cat(node.place, ": an operator of the domain '", Shown(node.domain),
                                          "', which needs code of its own and is not served; ONNX's domains are ai.onnx and ai.onnx.ml"));
    }
    if (IsTreeEnsemble(node)) {
      const int64_t width = node.inputs.empty() ? -1 : ColumnsOf(index, node.inputs[0], nullptr);
      VIGIL_RETURN_IF_ERROR(ReadTreeEnsemble(node, width).status());
    }
  }
  for (const OnnxGraph& subgraph : graph.subgraphs) VIGIL_RETURN_IF_ERROR(CheckGraph(file, subgraph, folder));
  return absl::OkStatus();
}

bool AnyExternal(const OnnxGraph& graph) {
  return std::any_of(graph.initializers.begin(), graph.initializers.end(), [](const OnnxTensor& t) { return t.external; }) ||
         std::any_of(graph.attribute_tensors.begin(), graph.attribute_tensors.end(), [](const auto& t) { return t.second.external; }) ||
         std::any_of(graph.subgraphs.begin(), graph.subgraphs.end(), AnyExternal);
}

int64_t ColumnsWithin(const GraphIndex& graph, std::string_view value, std::string_view* input, int* steps) {
  const auto columns = [](const OnnxValueInfo& info) { return info.has_shape && info.dims.size() == 2 ? info.dims[1] : -1; };
  if (--*steps < 0) return -1;
  if (const OnnxValueInfo* given = graph.Input(value); given != nullptr) {
    if (input != nullptr) *input = value;
    return columns(*given);
  }
  const OnnxNode* node = graph.Producer(value);
  if (node == nullptr || node->inputs.empty()) return -1;
  constexpr std::array<std::string_view, 7> kKeep = {"Identity", "Cast", "Scaler", "Normalizer", "Imputer", "Binarizer", "Neg"};
  if (std::find(kKeep.begin(), kKeep.end(), node->op) != kKeep.end()) return ColumnsWithin(graph, node->inputs[0], input, steps);
  if (node->op == "Concat" || node->op == "FeatureVectorizer") {
    int64_t sum = 0;
    for (const std::string_view part : node->inputs) {
      const int64_t more = ColumnsWithin(graph, part, nullptr, steps);
      if (more < 0) return -1;
      sum += more;
    }
    if (node->op == "FeatureVectorizer") return sum;
    const StatusOr<int64_t> axis = Integer(*node, "axis", 0);
    return axis.ok() && (*axis == 1 || *axis == -1) ? sum : -1;
  }
  const OnnxValueInfo* declared = graph.Declared(value);
  return declared == nullptr ? -1 : columns(*declared);
}

}  // namespace

Status CheckOnnxFile(const OnnxFile& file, const std::string& folder) {
  if (file.opsets.empty()) return absl::InvalidArgumentError("model: it names no operator set (opset_import)");
  if (file.graph.nodes.empty()) return absl::InvalidArgumentError("graph: it has no nodes");
  VIGIL_RETURN_IF_ERROR(CheckGraph(file, file.graph, folder));
  for (const OnnxGraph& function : file.function_graphs) VIGIL_RETURN_IF_ERROR(CheckGraph(file, function, folder));
  return absl::OkStatus();
}

bool HasExternalData(const OnnxFile& file) {
  return AnyExternal(file.graph) || std::any_of(file.function_graphs.begin(), file.function_graphs.end(), AnyExternal);
}

GraphIndex::GraphIndex(const OnnxGraph& graph) {
  for (const OnnxNode& node : graph.nodes) {
    for (const std::string_view output : node.outputs) producers_.emplace(output, &node);
  }
  for (const OnnxTensor& tensor : graph.initializers) initializers_.emplace(tensor.name, &tensor);
  for (const OnnxValueInfo& value : graph.values) declared_.emplace(value.name, &value);
  for (const OnnxValueInfo& value : graph.inputs) {
    // Up to IR version 3 initializers are listed among the inputs.
    if (!initializers_.contains(value.name)) inputs_.emplace(value.name, &value);
  }
}

namespace {
template <typename Map>
auto Find(const Map& map, std::string_view key) {
  const auto found = map.find(key);
  return found == map.end() ? nullptr : found->second;
}
}  // namespace

const OnnxNode* GraphIndex::Producer(std::string_view value) const { return Find(producers_, value); }
const OnnxValueInfo* GraphIndex::Input(std::string_view value) const { return Find(inputs_, value); }
const OnnxValueInfo* GraphIndex::Declared(std::string_view value) const { return Find(declared_, value); }
const OnnxTensor* GraphIndex::Initializer(std::string_view value) const { return Find(initializers_, value); }

int64_t ColumnsOf(const GraphIndex& graph, std::string_view value, std::string_view* input) {
  int steps = kWalkMax;
  return ColumnsWithin(graph, value, input, &steps);
}

StatusOr<OnnxFacts> GatherFacts(const OnnxFile& file) {
  OnnxFacts facts;
  int64_t classes = 0;
  const GraphIndex index(file.graph);
  for (const OnnxNode& node : file.graph.nodes) {
    if (node.op == "ZipMap" && !node.outputs.empty()) {
      VIGIL_ASSIGN_OR_RETURN(const std::vector<int64_t> numbers, Integers(node, "classlabels_int64s"));
      VIGIL_ASSIGN_OR_RETURN(const std::vector<std::string_view> texts, Texts(node, "classlabels_strings"));
      std::vector<std::string>& keys = facts.map_keys[std::string(node.outputs[0])];
      for (const int64_t key : numbers) keys.push_back(Cat(key));
      for (const std::string_view key : texts) keys.emplace_back(key);
      std::vector<std::string> sorted = keys;
      std::sort(sorted.begin(), sorted.end());
      if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) {
        return absl::InvalidArgumentError(Cat(node.place, ": two classes of the same name"));
      }
      classes = static_cast<int64_t>(keys.size());
    }
    for (const char* labels : {"classlabels_int64s", "classlabels_ints", "classlabels_strings"}) {
      if (!node.op.ends_with("Classifier")) continue;
      if (node.op == "LinearClassifier" || node.op == "SVMClassifier" || node.op == "TreeEnsembleClassifier") {
        const StatusOr<std::vector<int64_t>> numbers = Integers(node, labels);
        const StatusOr<std::vector<std::string_view>> texts = Texts(node, labels);
        if (numbers.ok() && texts.ok()) classes = std::max<int64_t>(classes, static_cast<int64_t>(numbers->size() + texts->size()));
      }
    }
    if (node.op.ends_with("Regressor") && facts.task == Task::kOther) facts.task = Task::kRegression;
    if (IsTreeEnsemble(node) && !node.inputs.empty()) {
      std::string_view input;
      if (ColumnsOf(index, node.inputs[0], &input) < 0 && !input.empty()) {
        VIGIL_ASSIGN_OR_RETURN(const TreeEnsemble ensemble, ReadTreeEnsemble(node, -1));
        int64_t& width = facts.width_min[std::string(input)];
        width = std::max(width, ensemble.feature_max + 1);
      }
    }
  }
  if (classes > 0) facts.task = classes == 2 ? Task::kBinary : Task::kMulticlass;
  return facts;
}

}  // namespace vigil::onnx
