// TensorFlow Serving over REST: GET /v1/models/M[/versions/V]/metadata, POST ...:predict with columns.
#include <algorithm>
#include <charconv>
#include <optional>

#include "absl/strings/str_join.h"
#include "base/text.h"
#include "runtime/cat.h"
#include "runtime/fit.h"
#include "runtime/remote/dialect.h"
#include "runtime/remote/json_tensors.h"

namespace vigil::remote {
namespace {

constexpr std::string_view kPredict = "tensorflow/serving/predict";

std::optional<DType> FindDType(std::string_view name) {
  constexpr std::pair<std::string_view, DType> kTypes[] = {
      {"DT_FLOAT", DType::kFloat32}, {"DT_DOUBLE", DType::kFloat64}, {"DT_INT8", DType::kInt8},   {"DT_INT16", DType::kInt16},
      {"DT_INT32", DType::kInt32},   {"DT_INT64", DType::kInt64},    {"DT_UINT8", DType::kUint8}, {"DT_UINT16", DType::kUint16},
      {"DT_UINT32", DType::kUint32}, {"DT_UINT64", DType::kUint64},  {"DT_BOOL", DType::kBool},   {"DT_STRING", DType::kString},
  };
  for (const auto& [known, dtype] : kTypes) {
    if (known == name) return dtype;
  }
  return std::nullopt;
}

const Json* Member(const Json* object, const char* key) {
  if (object == nullptr || !object->is_object()) return nullptr;
  const auto found = object->find(key);
  return found == object->end() ? nullptr : &*found;
}

std::string TextOf(const Json* object, const char* key) {
  const Json* found = Member(object, key);
  return found != nullptr && found->is_string() ? found->get<std::string>() : std::string();
}

// {"dtype":"DT_FLOAT","tensor_shape":{"dim":[{"size":"-1"},...],"unknown_rank":false},"name":"x:0"}
StatusOr<TensorSpec> ReadSpec(const std::string& name, const Json& info) {
  TensorSpec spec;
  spec.name = name;
  const std::string type = TextOf(&info, "dtype");
  const std::optional<DType> dtype = FindDType(type);
  if (!dtype) return absl::UnimplementedError(Cat("tensor '", name, "': data type '", type, "' is not served over JSON"));
  spec.dtype = *dtype;
  const Json* shape = Member(&info, "tensor_shape");
  const Json* dims = Member(shape, "dim");
  if (dims != nullptr && dims->is_array()) {
    for (const Json& dim : *dims) {
      const std::string text = TextOf(&dim, "size");  // int64 is a string in protobuf's JSON
      int64_t size = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
      if (error != std::errc() || end != text.data() + text.size() || size < -1) {
        return absl::InvalidArgumentError(Cat("the server's metadata: tensor '", name, "' has a dimension '", text.substr(0, 40), "'"));
      }
      spec.shape.push_back(size);
    }
  }
  if (spec.shape.empty()) spec.shape.push_back(-1);
  spec.shape[0] = -1;
  return spec;
}

StatusOr<std::vector<TensorSpec>> ReadSpecs(const Json* map, const char* what) {
  if (map == nullptr || !map->is_object() || map->empty() || map->size() > kRemoteTensorsMax) {
    return absl::InvalidArgumentError(Cat("the server's metadata: the signature has no ", what));
  }
  std::vector<TensorSpec> specs;
  for (const auto& [name, info] : map->items()) {
    VIGIL_ASSIGN_OR_RETURN(TensorSpec spec, ReadSpec(name, info));
    specs.push_back(std::move(spec));
  }
  std::sort(specs.begin(), specs.end(), [](const TensorSpec& a, const TensorSpec& b) { return a.name < b.name; });
  return specs;
}

class TfsDialect final : public Dialect {
 public:
  explicit TfsDialect(const Address& address) : target_(Cat("/v1/models/", PathSegment(address.model))) {
    if (!address.version.empty()) target_ += Cat("/versions/", PathSegment(address.version));
  }
  std::string_view name() const override { return "tfs"; }
  std::string MetadataTarget() const override { return target_ + "/metadata"; }
  std::string ScoreTarget() const override { return target_ + ":predict"; }

  StatusOr<Signature> ReadMetadata(std::string_view body, std::string_view chosen,
                                   std::vector<std::pair<std::string, std::string>>* facts) override {
    VIGIL_ASSIGN_OR_RETURN(const Json metadata, ParseJson(body, "the server's metadata"));
    const Json* map = Member(Member(Member(&metadata, "metadata"), "signature_def"), "signature_def");
    if (map == nullptr || !map->is_object()) return absl::InvalidArgumentError("the server's metadata has no signature_def");
    std::vector<std::string> names;
    for (const auto& [name, value] : map->items()) {
      if (name != "__saved_model_init_op") names.push_back(name);
    }
    signature_name_ = chosen.empty() ? std::string("serving_default") : std::string(chosen);
    if (chosen.empty() && names.size() == 1) signature_name_ = names[0];
    const Json* definition = Member(map, signature_name_.c_str());
    if (definition == nullptr) {
      return absl::NotFoundError(Cat("no signature '", signature_name_, "'", DidYouMean(signature_name_, names),
                                     "; choose with --signature one of: ", absl::StrJoin(names, ", ")));
    }
    if (const std::string method = TextOf(definition, "method_name"); method != kPredict && !method.empty()) {
      return absl::UnimplementedError(Cat("signature '", signature_name_, "' is ", method,
                                          ", whose columns a server does not tell; signatures of the predict method are served"));
    }
    Signature signature;
    VIGIL_ASSIGN_OR_RETURN(signature.inputs, ReadSpecs(Member(definition, "inputs"), "inputs"));
    VIGIL_ASSIGN_OR_RETURN(signature.outputs, ReadSpecs(Member(definition, "outputs"), "outputs"));
    facts->emplace_back("signature", signature_name_);
    facts->emplace_back("signatures", absl::StrJoin(names, ", "));
    facts->emplace_back("version", TextOf(Member(&metadata, "model_spec"), "version"));
    return signature;
  }

  StatusOr<std::string> Encode(const Signature& signature, const Batch& batch) const override {
    std::string body = "{\"signature_name\":";
    AppendJsonString(&body, signature_name_);
    body += ",\"inputs\":{";
    for (size_t i = 0; i < signature.inputs.size(); ++i) {
      if (i > 0) body += ",";
      AppendJsonString(&body, signature.inputs[i].name);
      body += ":";
      VIGIL_RETURN_IF_ERROR(AppendNested(*TensorOf(signature, i, batch), JsonForm::kTfs, &body));
    }
    body += "}}";
    return body;
  }

  Status Decode(const Signature& signature, size_t rows, std::string_view body, Outputs* outputs) const override {
    StatusOr<Json> answer = ParseLoose(body, "the server's answer");
    if (!answer.ok()) return absl::InternalError(answer.status().message());
    const Json* given = Member(&*answer, "outputs");
    if (given == nullptr) return absl::InternalError("the server's answer has no outputs");
    outputs->tensors.resize(signature.outputs.size());
    for (size_t i = 0; i < signature.outputs.size(); ++i) {
      const TensorSpec& spec = signature.outputs[i];
      // A single output comes without its name.
      const Json* data = signature.outputs.size() == 1 ? given : Member(given, spec.name.c_str());
      if (data == nullptr) return absl::InternalError(Cat("the server's answer lacks output '", spec.name, "'"));
      VIGIL_RETURN_IF_ERROR(ReadTensor(*data, spec, {}, rows, &outputs->tensors[i]));
    }
    return absl::OkStatus();
  }

 private:
  std::string target_;
  std::string signature_name_;
};

}  // namespace

std::unique_ptr<Dialect> MakeTfsDialect(const Address& address) { return std::make_unique<TfsDialect>(address); }

}  // namespace vigil::remote
