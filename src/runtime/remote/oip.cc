// Open Inference Protocol over REST: GET /v2/models/M[/versions/V], POST .../infer, JSON tensors.
#include <optional>

#include "base/text.h"
#include "runtime/cat.h"
#include "runtime/fit.h"
#include "runtime/remote/dialect.h"
#include "runtime/remote/json_tensors.h"

namespace vigil::remote {
namespace {

constexpr DType kServed[] = {DType::kBool,  DType::kUint8, DType::kUint16, DType::kUint32,  DType::kUint64,  DType::kInt8,
                             DType::kInt16, DType::kInt32, DType::kInt64,  DType::kFloat32, DType::kFloat64, DType::kString};

std::optional<DType> FindDType(std::string_view name) {
  for (const DType dtype : kServed) {
    if (DTypeName(dtype) == name) return dtype;
  }
  return std::nullopt;
}

std::string TextOf(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

StatusOr<std::vector<TensorSpec>> ReadSpecs(const Json& metadata, const char* key) {
  const auto list = metadata.find(key);
  if (list == metadata.end() || !list->is_array() || list->empty() || list->size() > kRemoteTensorsMax) {
    return absl::InvalidArgumentError(Cat("the server does not say what the model's ", key, " are (its metadata has no such list)"));
  }
  std::vector<TensorSpec> specs;
  for (const Json& item : *list) {
    TensorSpec spec;
    if (!item.is_object()) return absl::InvalidArgumentError(Cat("the server's metadata: ", key, " holds what is no tensor"));
    spec.name = TextOf(item, "name");
    const std::string datatype = TextOf(item, "datatype");
    const std::optional<DType> dtype = FindDType(datatype);
    if (!dtype) return absl::UnimplementedError(Cat(key, " '", spec.name, "': data type '", datatype, "' is not served over JSON"));
    spec.dtype = *dtype;
    const auto shape = item.find("shape");
    if (shape == item.end() || !shape->is_array()) return absl::InvalidArgumentError(Cat(key, " '", spec.name, "': no shape"));
    for (const Json& size : *shape) {
      if (!size.is_number_integer() || size.get<int64_t>() < -1) {
        return absl::InvalidArgumentError(Cat(key, " '", spec.name, "': a shape holds whole numbers of at least -1, not ", DumpJson(size)));
      }
      spec.shape.push_back(size.get<int64_t>());
    }
    if (spec.shape.empty()) spec.shape.push_back(-1);
    spec.shape[0] = -1;  // the batch, whatever number the server keeps there
    specs.push_back(std::move(spec));
  }
  return specs;
}

class OipDialect final : public Dialect {
 public:
  explicit OipDialect(const Address& address) : target_(Cat("/v2/models/", PathSegment(address.model))) {
    if (!address.version.empty()) target_ += Cat("/versions/", PathSegment(address.version));
  }
  std::string_view name() const override { return "oip"; }
  std::string MetadataTarget() const override { return target_; }
  std::string ScoreTarget() const override { return target_ + "/infer"; }

  StatusOr<Signature> ReadMetadata(std::string_view body, std::string_view chosen,
                                   std::vector<std::pair<std::string, std::string>>* facts) override {
    if (!chosen.empty())
      return absl::InvalidArgumentError("--signature: a server of the Open Inference Protocol has one signature a model");
    VIGIL_ASSIGN_OR_RETURN(const Json metadata, ParseJson(body, "the server's metadata"));
    if (!metadata.is_object()) return absl::InvalidArgumentError("the server's metadata is no object");
    Signature signature;
    VIGIL_ASSIGN_OR_RETURN(signature.inputs, ReadSpecs(metadata, "inputs"));
    VIGIL_ASSIGN_OR_RETURN(signature.outputs, ReadSpecs(metadata, "outputs"));
    facts->emplace_back("platform", TextOf(metadata, "platform"));
    return signature;
  }

  StatusOr<std::string> Encode(const Signature& signature, const Batch& batch) const override {
    std::string body = "{\"inputs\":[";
    for (size_t i = 0; i < signature.inputs.size(); ++i) {
      const TensorView& tensor = *TensorOf(signature, i, batch);
      body += i == 0 ? "{\"name\":" : ",{\"name\":";
      AppendJsonString(&body, signature.inputs[i].name);
      body += Cat(",\"datatype\":\"", DTypeName(tensor.dtype), "\",\"shape\":[");
      for (size_t d = 0; d < tensor.shape.size(); ++d) body += Cat(d == 0 ? "" : ",", tensor.shape[d]);
      body += "],\"data\":";
      VIGIL_RETURN_IF_ERROR(AppendFlat(tensor, JsonForm::kStrict, &body));
      body += "}";
    }
    body += "]}";
    return body;
  }

  Status Decode(const Signature& signature, size_t rows, std::string_view body, Outputs* outputs) const override {
    StatusOr<Json> answer = ParseLoose(body, "the server's answer");
    if (!answer.ok()) return absl::InternalError(answer.status().message());
    const auto list = answer->is_object() ? answer->find("outputs") : answer->end();
    if (!answer->is_object() || list == answer->end() || !list->is_array())
      return absl::InternalError("the server's answer has no list of outputs");
    outputs->tensors.resize(signature.outputs.size());
    for (size_t i = 0; i < signature.outputs.size(); ++i) {
      const TensorSpec& spec = signature.outputs[i];
      const Json* found = nullptr;
      for (const Json& item : *list) {
        if (item.is_object() && TextOf(item, "name") == spec.name) found = &item;
      }
      if (found == nullptr || !found->contains("data"))
        return absl::InternalError(Cat("the server's answer lacks output '", spec.name, "'"));
      if (const std::string datatype = TextOf(*found, "datatype"); datatype != DTypeName(spec.dtype)) {
        return absl::InternalError(Cat("output '", spec.name, "' of the server is ", datatype, ", not ", DTypeName(spec.dtype)));
      }
      std::vector<int64_t> shape;
      if (const auto sizes = found->find("shape"); sizes != found->end() && sizes->is_array()) {
        for (const Json& size : *sizes) shape.push_back(size.is_number_integer() ? size.get<int64_t>() : -1);
      }
      VIGIL_RETURN_IF_ERROR(ReadTensor((*found)["data"], spec, shape, rows, &outputs->tensors[i]));
    }
    return absl::OkStatus();
  }

 private:
  std::string target_;
};

}  // namespace

std::unique_ptr<Dialect> MakeOipDialect(const Address& address) { return std::make_unique<OipDialect>(address); }

Status ErrorOf(int http_status, std::string_view body) {
  std::string text;
  if (const StatusOr<Json> error = ParseJson(body, "error"); error.ok() && error->is_object()) {
    for (const char* key : {"error", "detail", "message", "title"}) {
      if (text.empty() && error->contains(key))
        text = (*error)[key].is_string() ? (*error)[key].get<std::string>() : DumpJson((*error)[key]);
    }
  }
  if (text.empty()) text = std::string(body);
  text.resize(std::min<size_t>(text.size(), 500));
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  }
  const std::string message = Cat("the server answered ", http_status, text.empty() ? "" : ": ", text);
  switch (http_status) {
    case 400:
    case 405:
    case 409:
    case 411:
    case 413:
    case 415:
    case 422: return absl::InvalidArgumentError(message);
    case 401: return absl::UnauthenticatedError(message);
    case 403: return absl::PermissionDeniedError(message);
    case 404: return absl::NotFoundError(message);
    case 408:
    case 504: return absl::DeadlineExceededError(message);
    case 429: return absl::ResourceExhaustedError(message);
    case 501: return absl::UnimplementedError(message);
    case 502:
    case 503: return absl::UnavailableError(message);
    default: return absl::InternalError(message);
  }
}

}  // namespace vigil::remote
