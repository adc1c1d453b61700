#include "frontends/tensors/tfs_model.h"

#include "base/text.h"
#include "frontends/errors.h"
#include "frontends/words.h"

namespace vigil {

std::string_view TfsDTypeName(DType dtype) {
  switch (dtype) {
    case DType::kBool: return "DT_BOOL";
    case DType::kUint8: return "DT_UINT8";
    case DType::kUint16: return "DT_UINT16";
    case DType::kUint32: return "DT_UINT32";
    case DType::kUint64: return "DT_UINT64";
    case DType::kInt8: return "DT_INT8";
    case DType::kInt16: return "DT_INT16";
    case DType::kInt32: return "DT_INT32";
    case DType::kInt64: return "DT_INT64";
    case DType::kFloat16: return "DT_HALF";
    case DType::kBfloat16: return "DT_BFLOAT16";
    case DType::kFloat32: return "DT_FLOAT";
    case DType::kFloat64: return "DT_DOUBLE";
    case DType::kString: return "DT_STRING";
  }
  return "DT_INVALID";
}

std::string_view TfsTypeWord(DType dtype) {
  switch (dtype) {
    case DType::kBool: return "bool";
    case DType::kUint8: return "uint8";
    case DType::kUint16: return "uint16";
    case DType::kUint32: return "uint32";
    case DType::kUint64: return "uint64";
    case DType::kInt8: return "int8";
    case DType::kInt16: return "int16";
    case DType::kInt32: return "int32";
    case DType::kInt64: return "int64";
    case DType::kFloat16: return "half";
    case DType::kBfloat16: return "bfloat16";
    case DType::kFloat32: return "float";
    case DType::kFloat64: return "double";
    case DType::kString: return "string";
  }
  return "invalid";
}

Status TfsUnresolved(const Status& status, std::string_view model, std::string_view version) {
  if (!absl::IsNotFound(status)) return status;
  const std::string asked = version.empty() ? Concat("Latest(", model, ")") : Concat("Specific(", model, ", ", version, ")");
  return Failure(ErrorCode::kNotFound, Concat("Servable not found for request: ", asked, ": ", MessageOf(status)));
}

std::string_view TfsSignatureName(const LoadedModel& model) {
  for (const auto& [name, value] : model.info().facts) {
    if (name == "signature") return value;
  }
  return "serving_default";
}

bool IsTfsSignature(std::string_view name, const LoadedModel& model) { return name.empty() || name == TfsSignatureName(model); }

Status CheckTfsSignature(std::string_view name, const LoadedModel& model) {
  if (IsTfsSignature(name, model)) return absl::OkStatus();
  const std::string_view own = TfsSignatureName(model);
  return Failure(ErrorCode::kInvalid,
                 Concat("the model is not served with a signature \"", name.substr(0, 128), "\" but with \"", own, "\""), "signature_name");
}

StatusOr<std::string> TfsLabelledVersion(const RegistrySnapshot& models, std::string_view model, std::string_view label) {
  std::vector<std::string> names;
  if (const auto served = models.models.find(model); served != models.models.end()) {
    const auto found = served->second->labels.find(label);
    if (found != served->second->labels.end()) return found->second;
    for (const auto& [name, version] : served->second->labels) names.push_back(name);
  }
  return Failure(ErrorCode::kInvalid, Concat("Unrecognized servable version label: ", label.substr(0, 128), DidYouMean(label, names)));
}

StatusOr<TfsClasses> TfsClasses::Of(const LoadedModel& model) {
  const Signature& signature = model.signature();
  const ScoreRule& rule = model.table().score;
  const bool numeric = rule.output >= 0;
  TfsClasses classes;
  classes.complement_ = numeric && rule.width == 1 && rule.task == Task::kBinary;
  if (!numeric || (rule.width == 1 && !classes.complement_) || rule.task == Task::kRegression || rule.task == Task::kRanking) {
    return Failure(ErrorCode::kInvalid, "the model does not answer with the scores of classes: ask it for \"regress\" or \"predict\"");
  }
  const size_t width = classes.complement_ ? 2 : rule.width;
  const auto output = static_cast<size_t>(rule.output);
  const std::vector<std::string>& keys = signature.outputs[output].keys;
  for (size_t k = 0; k < width; ++k) {
    if (rule.across) {
      classes.labels_.push_back(signature.outputs[output + k].name);
    } else {
      const size_t key = rule.offset + k;
      classes.labels_.push_back(key < keys.size() && !classes.complement_ ? keys[key] : Concat(k));
    }
  }
  for (size_t i = 0; i < signature.outputs.size(); ++i) {
    if (signature.outputs[i].name == "classes" && signature.outputs[i].dtype == DType::kString) classes.label_output_ = static_cast<int>(i);
  }
  return classes;
}

StatusOr<const TfsClasses*> TfsClassesOf::Get(const std::shared_ptr<const LoadedModel>& model) {
  if (model_.expired() || model_.owner_before(model) || model.owner_before(model_)) {
    classes_ = TfsClasses::Of(*model);
    model_ = model;
  }
  if (!classes_.ok()) return classes_.status();
  return &*classes_;
}

std::string_view TfsClasses::label(const PredictResult& result, size_t row, size_t k) const {
  if (label_output_ >= 0 && static_cast<size_t>(label_output_) < result.tensors.size()) {
    const std::vector<std::string>& texts = result.tensors[static_cast<size_t>(label_output_)].strings;
    const size_t rows = result.outputs.size() / result.width;
    if (texts.size() == rows * size()) return texts[row * size() + k];
  }
  return labels_[k];
}

float TfsClasses::score(const PredictResult& result, size_t row, size_t k) const {
  if (!complement_) return result.outputs[row * result.width + k];
  const float one = result.outputs[row * result.width];
  return k == 0 ? 1 - one : one;
}

Status CheckTfsRegression(const LoadedModel& model) {
  const ScoreRule& rule = model.table().score;
  if (rule.output >= 0 && rule.width == 1) return absl::OkStatus();
  return Failure(ErrorCode::kInvalid,
                 rule.output < 0 ? std::string("the model answers with no number: ask it for \"predict\"")
                                 : Concat("the model answers with ", rule.width, " numbers a row: ask it for \"classify\" or \"predict\""));
}

}  // namespace vigil
