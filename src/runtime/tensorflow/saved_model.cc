#include "runtime/tensorflow/saved_model.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_join.h"
#include "base/text.h"
#include "runtime/cat.h"
#include "runtime/tensorflow/proto_reader.h"
#include "runtime/tensorflow/types.h"

namespace vigil::tensorflow {
namespace {

Status Broken(std::string_view place) {
  return absl::InvalidArgumentError(Cat("is not a SavedModel: ", place, " is not what its protobuf message should be"));
}

// TensorShapeProto: dim (2) {size (1)}, unknown_rank (3).
bool ReadShape(std::string_view message, SignatureTensor* tensor) {
  ProtoReader reader(message);
  while (reader.Next()) {
    if (reader.field() == 3) tensor->unknown_rank = reader.raw() != 0;
    if (reader.field() != 2) continue;
    int64_t size = 0;
    ProtoReader dim(reader.bytes());
    while (dim.Next()) {
      if (dim.field() == 1) size = dim.integer();
    }
    if (!dim.ok() || size < -1 || tensor->spec.shape.size() >= 16) return false;
    tensor->spec.shape.push_back(size);
  }
  return reader.ok();
}

// TensorInfo: name (1), dtype (2), tensor_shape (3), coo_sparse (4), composite_tensor (5).
bool ReadTensorInfo(std::string_view message, SignatureTensor* tensor, std::string* refusal) {
  ProtoReader reader(message);
  uint32_t type = 0;
  bool has_shape = false;
  while (reader.Next()) {
    if (reader.field() == 1) tensor->tensor = std::string(reader.bytes());
    if (reader.field() == 2) type = static_cast<uint32_t>(reader.raw());
    if (reader.field() == 3) {
      has_shape = true;
      tensor->spec.shape.clear();
      if (!ReadShape(reader.bytes(), tensor)) return false;
    }
    if (reader.field() == 4 || reader.field() == 5) *refusal = Cat("'", tensor->spec.name, "' is a sparse or composite tensor");
  }
  if (!reader.ok()) return false;
  const std::optional<DType> dtype = FromTfType(type);
  if (dtype) {
    tensor->spec.dtype = *dtype;
  } else if (refusal->empty()) {
    *refusal = Cat("'", tensor->spec.name, "' has TensorFlow's data type ", type);
  }
  if (!has_shape) tensor->unknown_rank = true;
  if (tensor->unknown_rank) tensor->spec.shape = {-1};
  return true;
}

// An entry of map<string, TensorInfo>: key (1), value (2).
bool ReadNamedTensor(std::string_view entry, std::vector<SignatureTensor>* tensors, std::string* refusal) {
  std::string_view key, value;
  if (tensors->size() >= kSignatureTensorsMax || !LastBytes(entry, 1, &key) || !LastBytes(entry, 2, &value)) return false;
  SignatureTensor tensor;
  tensor.spec.name = std::string(key);
  if (!ReadTensorInfo(value, &tensor, refusal)) return false;
  tensors->push_back(std::move(tensor));
  return true;
}

void SortByName(std::vector<SignatureTensor>* tensors) {
  std::sort(tensors->begin(), tensors->end(), [](const auto& a, const auto& b) { return a.spec.name < b.spec.name; });
}

// An entry of map<string, SignatureDef>; SignatureDef: inputs (1), outputs (2), method_name (3).
Status ReadSignature(std::string_view entry, std::vector<SignatureDef>* signatures) {
  if (signatures->size() >= kSignaturesMax) return absl::InvalidArgumentError(Cat("more than ", kSignaturesMax, " signatures"));
  std::string_view key, value;
  if (!LastBytes(entry, 1, &key) || !LastBytes(entry, 2, &value)) return Broken("an entry of signature_def");
  SignatureDef signature;
  signature.name = std::string(key);
  ProtoReader reader(value);
  while (reader.Next()) {
    bool fine = true;
    if (reader.field() == 1) fine = ReadNamedTensor(reader.bytes(), &signature.inputs, &signature.refusal);
    if (reader.field() == 2) fine = ReadNamedTensor(reader.bytes(), &signature.outputs, &signature.refusal);
    if (reader.field() == 3) signature.method = std::string(reader.bytes());
    if (!fine) return Broken(Cat("signature_def '", Shown(key), "'"));
  }
  if (!reader.ok()) return Broken(Cat("signature_def '", Shown(key), "'"));
  SortByName(&signature.inputs);
  SortByName(&signature.outputs);
  if (signature.name == "__saved_model_init_op") return absl::OkStatus();  // run by TensorFlow itself when it loads
  if (signature.refusal.empty() && (signature.inputs.empty() || signature.outputs.empty())) {
    signature.refusal = "it has no inputs or no outputs";
  }
  signatures->push_back(std::move(signature));
  return absl::OkStatus();
}

// MetaInfoDef: tags (4), tensorflow_version (5).
bool ReadMetaInfo(std::string_view message, SavedModel* model) {
  ProtoReader reader(message);
  while (reader.Next()) {
    if (reader.field() == 4 && model->tags.size() < 64) model->tags.emplace_back(reader.bytes());
    if (reader.field() == 5) model->version = std::string(reader.bytes());
  }
  return reader.ok();
}

// GraphDef: node (1); NodeDef: op (2).
bool CountNodes(SavedModel* model) {
  ProtoReader reader(model->graph);
  while (reader.Next()) {
    if (reader.field() != 1) continue;
    std::string_view op;
    if (!LastBytes(reader.bytes(), 2, &op)) return false;
    ++model->operations;
    if (op == "VarHandleOp" || op == "Variable" || op == "VariableV2") ++model->variables;
  }
  return reader.ok();
}

// MetaGraphDef: meta_info_def (1), graph_def (2), signature_def (5).
StatusOr<SavedModel> ReadMetaGraph(std::string_view message) {
  SavedModel model;
  ProtoReader reader(message);
  while (reader.Next()) {
    if (reader.field() == 1 && !ReadMetaInfo(reader.bytes(), &model)) return Broken("meta_info_def");
    if (reader.field() == 2) model.graph = reader.bytes();
    if (reader.field() == 5) VIGIL_RETURN_IF_ERROR(ReadSignature(reader.bytes(), &model.signatures));
  }
  if (!reader.ok()) return Broken("a meta graph");
  std::sort(model.signatures.begin(), model.signatures.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return model;
}

}  // namespace

const SignatureDef* SavedModel::Find(std::string_view name) const {
  for (const SignatureDef& signature : signatures) {
    if (signature.name == name) return &signature;
  }
  return nullptr;
}

std::vector<std::string> SavedModel::names() const {
  std::vector<std::string> names;
  for (const SignatureDef& signature : signatures) names.push_back(signature.name);
  return names;
}

StatusOr<SavedModel> ReadSavedModel(std::string_view bytes) {
  std::vector<std::string_view> graphs;  // meta_graphs (2)
  ProtoReader reader(bytes);
  while (reader.Next()) {
    if (reader.field() != 2) continue;
    if (!reader.is_bytes()) return Broken("meta_graphs");
    graphs.push_back(reader.bytes());
    if (graphs.size() > kMetaGraphsMax) return absl::InvalidArgumentError(Cat("more than ", kMetaGraphsMax, " meta graphs"));
  }
  if (!reader.ok()) return Broken("the file");
  if (graphs.empty()) return absl::InvalidArgumentError("is not a SavedModel: it holds no meta graph");
  std::vector<std::string> seen;
  for (const std::string_view graph : graphs) {
    VIGIL_ASSIGN_OR_RETURN(SavedModel model, ReadMetaGraph(graph));
    const bool serve = std::find(model.tags.begin(), model.tags.end(), "serve") != model.tags.end();
    if (!serve && graphs.size() > 1) {
      seen.push_back(absl::StrJoin(model.tags, ","));
      continue;
    }
    if (!CountNodes(&model)) return Broken("graph_def");
    if (model.signatures.empty()) {
      return absl::InvalidArgumentError("the SavedModel has no signature; in Python: tf.saved_model.save(model, folder, signatures=...)");
    }
    return model;
  }
  return absl::InvalidArgumentError(Cat("no meta graph has the tag 'serve'; there are: ", absl::StrJoin(seen, " | ")));
}

StatusOr<const SignatureDef*> ChooseSignature(const SavedModel& model, std::string_view name) {
  const SignatureDef* chosen = model.Find(name.empty() ? kDefaultSignature : name);
  if (chosen == nullptr && name.empty() && model.signatures.size() == 1) chosen = &model.signatures[0];
  if (chosen == nullptr) {
    const std::vector<std::string> names = model.names();
    return absl::NotFoundError(Cat(name.empty() ? std::string("there is no signature 'serving_default'") : Cat("no signature '", name, "'"),
                                   DidYouMean(name, names), "; choose with --signature one of: ", absl::StrJoin(names, ", ")));
  }
  if (!chosen->refusal.empty()) {
    return absl::UnimplementedError(Cat("signature '", chosen->name, "' is not served: ", chosen->refusal));
  }
  return chosen;
}

}  // namespace vigil::tensorflow
