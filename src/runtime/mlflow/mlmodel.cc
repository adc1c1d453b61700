#include "runtime/mlflow/mlmodel.h"

#include <algorithm>

#include "absl/strings/str_join.h"
#include "base/json.h"
#include "base/text.h"
#include "base/yaml.h"
#include "runtime/cat.h"

namespace vigil::mlflow {
namespace {

// In the order of preference; `data` is the key that names the artefact.
struct Flavour {
  const char* name;
  const char* data;
  const char* model_class;
};
constexpr Flavour kFlavours[] = {{"xgboost", "data", "model_class"},
                                 {"lightgbm", "data", "model_class"},
                                 {"catboost", "data", "model_type"},
                                 {"onnx", "data", ""},
                                 {"tensorflow", "saved_model_dir", ""}};

std::string Served() {
  std::vector<std::string> names;
  for (const Flavour& flavour : kFlavours) names.emplace_back(flavour.name);
  return absl::StrJoin(names, ", ");
}

Status NoFlavour(const Json& flavours, const std::string& file) {
  std::vector<std::string> names;
  for (const auto& [name, value] : flavours.items()) names.push_back(name.substr(0, 64));
  if (names.size() > 20) names.resize(20);
  return absl::UnimplementedError(
      Cat(file, ": flavors: none of ", names.empty() ? "none" : absl::StrJoin(names, ", "), " is served (served: ", Served(),
          "); a model that needs Python is exported to ONNX: skl2onnx.to_onnx(model, X), then mlflow.onnx.log_model"));
}

// A text member, or empty. Numbers are versions that YAML reads as numbers.
std::string Text(const Json& object, const std::string& key) {
  const auto found = object.find(key);
  if (key.empty() || found == object.end() || found->is_null()) return "";
  return found->is_string() ? found->get<std::string>() : DumpJson(*found).substr(0, 256);
}

Status ReadSignature(const Json& root, const std::string& file, Mlmodel* model) {
  const auto signature = root.find("signature");
  if (signature == root.end() || !signature->is_object() || Text(*signature, "inputs").empty()) return absl::OkStatus();
  model->signature_text = Text(*signature, "inputs");
  const std::string where = Cat(file, ": signature.inputs");
  VIGIL_ASSIGN_OR_RETURN(const Json inputs, ParseJson(model->signature_text, where));
  if (!inputs.is_array()) return absl::InvalidArgumentError(Cat(where, ": is not a list"));
  if (inputs.size() > kSignatureColumnsMax) {
    return absl::InvalidArgumentError(Cat(where, ": ", inputs.size(), " columns; at most ", kSignatureColumnsMax));
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Json& input = inputs[i];
    if (!input.is_object()) return absl::InvalidArgumentError(Cat(where, "[", i, "]: is not an object"));
    if (input.value("type", Json()) == "tensor" && model->columns.empty()) return absl::OkStatus();  // tensors are the model file's to say
    const auto name = input.find("name");
    if (name != input.end() && !name->is_string()) return absl::InvalidArgumentError(Cat(where, "[", i, "].name: is not a text"));
    if (i > 0 && (name == input.end()) != model->columns.empty()) {
      return absl::InvalidArgumentError(Cat(where, "[", i, "]: either every column has a name or none"));
    }
    if (name != input.end()) model->columns.push_back(name->get<std::string>());
  }
  std::vector<std::string> sorted = model->columns;
  std::sort(sorted.begin(), sorted.end());
  if (const auto twice = std::adjacent_find(sorted.begin(), sorted.end()); twice != sorted.end()) {
    return absl::InvalidArgumentError(Cat(where, ": two columns are called '", twice->substr(0, 64), "'"));
  }
  model->has_columns = !model->columns.empty();
  return absl::OkStatus();
}

// LightGBM writes spaces in names as underscores.
std::string WithoutSpaces(std::string name) {
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
}

}  // namespace

StatusOr<Mlmodel> ParseMlmodel(const std::string& text, const std::string& file) {
  VIGIL_ASSIGN_OR_RETURN(const YamlDocument document, ParseYaml(text, file));
  const Json& root = document.value;
  if (!root.is_object()) return absl::InvalidArgumentError(Cat(file, ": is not a map of an MLflow model"));
  const auto flavours = root.find("flavors");
  if (flavours == root.end()) return absl::InvalidArgumentError(Cat(file, ": has no flavors"));
  if (!flavours->is_object()) return absl::InvalidArgumentError(Cat(file, ": flavors: is not a map"));
  Mlmodel model;
  model.mlflow_version = Text(root, "mlflow_version");
  for (const Flavour& flavour : kFlavours) {
    const auto found = flavours->find(flavour.name);
    if (found == flavours->end()) continue;
    if (!found->is_object()) return absl::InvalidArgumentError(Cat(file, ": flavors.", flavour.name, ": is not a map"));
    model.flavour = flavour.name;
    const auto data = found->find(flavour.data);
    if (data == found->end() || !data->is_string()) {
      return absl::InvalidArgumentError(Cat(file, ": flavors.", flavour.name, ": has no ", flavour.data, ", which names the model file"));
    }
    model.data = data->get<std::string>();
    model.model_class = Text(*found, flavour.model_class);
    break;
  }
  if (model.flavour.empty()) return NoFlavour(*flavours, file);
  VIGIL_RETURN_IF_ERROR(ReadSignature(root, file, &model));
  if (const auto example = root.find("saved_input_example_info"); example != root.end() && example->is_object()) {
    model.example = Text(*example, "artifact_path");
  }
  return model;
}

Status ApplyColumns(const std::vector<std::string>& columns, Signature* signature) {
  std::vector<std::string>& own = signature->columns;
  if (own.empty()) return absl::OkStatus();  // several tensors: the model file names them
  if (own.size() != columns.size()) {
    return absl::InvalidArgumentError(Cat("the signature has ", columns.size(), " columns; the model takes ", own.size()));
  }
  const auto same = [](const std::string& given, const std::string& name) { return WithoutSpaces(given) == name; };
  if (!signature->columns_are_named || std::equal(columns.begin(), columns.end(), own.begin(), own.end(), same)) {
    own = columns;
    signature->columns_are_named = true;
    return absl::OkStatus();
  }
  for (const std::string& name : own) {
    if (std::find(columns.begin(), columns.end(), name) != columns.end()) continue;
    return absl::InvalidArgumentError(Cat("the signature has no column '", name, "', which the model takes", DidYouMean(name, columns)));
  }
  return absl::OkStatus();
}

}  // namespace vigil::mlflow
