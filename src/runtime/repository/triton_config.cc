#include "runtime/repository/triton_config.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "base/text.h"
#include "runtime/cat.h"
#include "runtime/repository/text_proto.h"

namespace vigil::repository {
namespace {

constexpr int64_t kBatchMax = 1 << 20;
constexpr int64_t kDimensionMax = int64_t{1} << 31;
constexpr size_t kRankMax = 16;
constexpr int64_t kWarmUpsMax = 1000;

// The fields of Triton's ModelConfig.
const std::vector<std::string>& KnownFields() {
  static const std::vector<std::string> fields = {"name",
                                                  "platform",
                                                  "backend",
                                                  "runtime",
                                                  "version_policy",
                                                  "max_batch_size",
                                                  "input",
                                                  "output",
                                                  "batch_input",
                                                  "batch_output",
                                                  "optimization",
                                                  "dynamic_batching",
                                                  "sequence_batching",
                                                  "ensemble_scheduling",
                                                  "instance_group",
                                                  "default_model_filename",
                                                  "cc_model_filenames",
                                                  "metric_tags",
                                                  "parameters",
                                                  "model_warmup",
                                                  "model_operations",
                                                  "model_transaction_policy",
                                                  "model_repository_agents",
                                                  "response_cache",
                                                  "model_metrics"};
  return fields;
}

struct TypeName {
  const char* name;
  DType dtype;
};
constexpr TypeName kTypes[] = {{"TYPE_BOOL", DType::kBool},     {"TYPE_UINT8", DType::kUint8},   {"TYPE_UINT16", DType::kUint16},
                               {"TYPE_UINT32", DType::kUint32}, {"TYPE_UINT64", DType::kUint64}, {"TYPE_INT8", DType::kInt8},
                               {"TYPE_INT16", DType::kInt16},   {"TYPE_INT32", DType::kInt32},   {"TYPE_INT64", DType::kInt64},
                               {"TYPE_FP16", DType::kFloat16},  {"TYPE_BF16", DType::kBfloat16}, {"TYPE_FP32", DType::kFloat32},
                               {"TYPE_FP64", DType::kFloat64},  {"TYPE_STRING", DType::kString}};

class Reader {
 public:
  Reader(const std::string& file, TritonConfig* config) : file_(file), config_(config) {}

  Status Read(const TextMessage& root) {
    for (const TextField& field : root.fields) {
      const auto& known = KnownFields();
      if (std::find(known.begin(), known.end(), field.name) == known.end()) {
        return Refuse(field, Cat("unknown field '", field.name.substr(0, 64), "'", DidYouMean(field.name, known)));
      }
      VIGIL_RETURN_IF_ERROR(Top(field));
    }
    if (config_->max_batch_size == 0) return absl::OkStatus();
    for (auto* list : {&config_->inputs, &config_->outputs}) {
      for (TensorDeclaration& tensor : *list) tensor.dims.insert(tensor.dims.begin(), -1);
    }
    return absl::OkStatus();
  }

 private:
  Status Top(const TextField& field) {
    const std::string& name = field.name;
    if (name == "name") return Text(field, &config_->name);
    if (name == "default_model_filename") return Text(field, &config_->model_file);
    if (name == "platform" || name == "backend") {
      VIGIL_RETURN_IF_ERROR(Text(field, &config_->platform));
      if (config_->platform != "python" && config_->platform != "ensemble") return absl::OkStatus();
      return Unserved(field, Cat(name, " \"", config_->platform, "\""));
    }
    if (name == "ensemble_scheduling" || name == "sequence_batching") return Unserved(field, name);
    if (name == "max_batch_size") return Number(field, 0, kBatchMax, &config_->max_batch_size);
    if (name == "input" || name == "output") {
      return Tensor(field, name == "input" ? &config_->inputs : &config_->outputs);
    }
    if (name == "version_policy") return Policy(field);
    if (name == "dynamic_batching") return DynamicBatching(field);
    if (name == "instance_group") return Instances(field);
    if (name == "parameters") return Parameter(field);
    if (name == "model_warmup") return ReadWarmUp(field);
    return absl::OkStatus();  // of Triton's own engines and devices
  }

  Status Tensor(const TextField& field, std::vector<TensorDeclaration>* list) {
    TensorDeclaration tensor;
    std::vector<int64_t> reshape;
    bool typed = false, reshaped = false;
    VIGIL_RETURN_IF_ERROR(IsMessage(field));
    for (const TextField& part : field.message.fields) {
      if (part.name == "name") VIGIL_RETURN_IF_ERROR(Text(part, &tensor.name));
      if (part.name == "data_type") {
        VIGIL_RETURN_IF_ERROR(Type(part, &tensor.dtype));
        typed = true;
      }
      if (part.name == "dims") VIGIL_RETURN_IF_ERROR(Dimension(part, &tensor.dims));
      if (part.name != "reshape") continue;
      reshaped = true;
      for (const TextField& size : part.message.fields) {
        if (size.name == "shape") VIGIL_RETURN_IF_ERROR(Dimension(size, &reshape));
      }
    }
    tensor.line = field.line;
    if (tensor.name.empty()) return Refuse(field, Cat(field.name, ": has no name"));
    if (!typed) return Refuse(field, Cat(field.name, " '", tensor.name, "': has no data_type"));
    if (tensor.dims.empty()) return Refuse(field, Cat(field.name, " '", tensor.name, "': has no dims"));
    if (reshaped) tensor.dims = reshape;
    for (const TensorDeclaration& other : *list) {
      if (other.name == tensor.name) return Refuse(field, Cat("two ", field.name, "s are called '", tensor.name, "'"));
    }
    list->push_back(std::move(tensor));
    return absl::OkStatus();
  }

  Status Type(const TextField& field, DType* dtype) {
    std::vector<std::string> names;
    for (const TypeName& type : kTypes) {
      names.emplace_back(type.name);
      if (field.text != type.name) continue;
      *dtype = type.dtype;
      return absl::OkStatus();
    }
    return Refuse(field, Cat("unknown data_type '", field.text.substr(0, 64), "'", DidYouMean(field.text, names)));
  }

  Status Dimension(const TextField& field, std::vector<int64_t>* dims) {
    int64_t size = 0;
    VIGIL_RETURN_IF_ERROR(Number(field, -1, kDimensionMax, &size));
    if (size == 0) return Refuse(field, Cat(field.name, ": 0 is no size; -1 is any"));
    if (dims->size() == kRankMax) return Refuse(field, Cat(field.name, ": more than ", kRankMax, " dimensions"));
    dims->push_back(size);
    return absl::OkStatus();
  }

  Status Policy(const TextField& field) {
    VIGIL_RETURN_IF_ERROR(IsMessage(field));
    VersionPolicy policy;
    for (const TextField& choice : field.message.fields) {
      if (choice.name == "latest") {
        policy.kind = VersionPolicy::Kind::kLatest;
        for (const TextField& part : choice.message.fields) {
          if (part.name == "num_versions") VIGIL_RETURN_IF_ERROR(Number(part, 1, kBatchMax, &policy.latest));
        }
      } else if (choice.name == "all") {
        policy.kind = VersionPolicy::Kind::kAll;
      } else if (choice.name == "specific") {
        policy.kind = VersionPolicy::Kind::kSpecific;
        for (const TextField& part : choice.message.fields) {
          if (part.name != "versions") continue;
          VIGIL_RETURN_IF_ERROR(Number(part, 0, INT64_MAX, &policy.versions.emplace_back()));
        }
        std::sort(policy.versions.begin(), policy.versions.end());
      } else {
        return Refuse(choice, Cat("version_policy: '", choice.name.substr(0, 64), "' is not latest, all or specific"));
      }
    }
    config_->policy = std::move(policy);
    return absl::OkStatus();
  }

  Status DynamicBatching(const TextField& field) {
    config_->dynamic_batching = true;
    VIGIL_RETURN_IF_ERROR(IsMessage(field));
    for (const TextField& part : field.message.fields) {
      if (part.name == "preferred_batch_size") {
        VIGIL_RETURN_IF_ERROR(Number(part, 1, kBatchMax, &config_->preferred_batch_sizes.emplace_back()));
      }
      if (part.name == "max_queue_delay_microseconds") {
        VIGIL_RETURN_IF_ERROR(Number(part, 0, INT64_MAX, &config_->queue_delay_max_us));
      }
    }
    return absl::OkStatus();
  }

  Status Instances(const TextField& field) {
    VIGIL_RETURN_IF_ERROR(IsMessage(field));
    for (const TextField& part : field.message.fields) {
      int64_t count = 0;
      if (part.name != "count") continue;
      VIGIL_RETURN_IF_ERROR(Number(part, 1, kBatchMax, &count));
      config_->instances += count;
    }
    return absl::OkStatus();
  }

  Status Parameter(const TextField& field) {
    VIGIL_RETURN_IF_ERROR(IsMessage(field));
    std::pair<std::string, std::string> parameter;
    for (const TextField& part : field.message.fields) {
      if (part.name == "key") parameter.first = part.text;
      for (const TextField& value : part.message.fields) parameter.second = value.text;
    }
    config_->parameters.push_back(std::move(parameter));
    return absl::OkStatus();
  }

  Status ReadWarmUp(const TextField& field) {
    VIGIL_RETURN_IF_ERROR(IsMessage(field));
    WarmUp warm_up;
    for (const TextField& part : field.message.fields) {
      if (part.name == "name") VIGIL_RETURN_IF_ERROR(Text(part, &warm_up.name));
      if (part.name == "batch_size") VIGIL_RETURN_IF_ERROR(Number(part, 0, kBatchMax, &warm_up.batch_size));
      if (part.name == "count") VIGIL_RETURN_IF_ERROR(Number(part, 0, kWarmUpsMax, &warm_up.count));
      if (part.name == "inputs") VIGIL_RETURN_IF_ERROR(ReadWarmUpInput(part, &warm_up));
    }
    if (warm_up.inputs.empty()) return Refuse(field, "model_warmup: has no inputs");
    if (config_->warm_ups.size() == kWarmUpsMax) return Refuse(field, Cat("more than ", kWarmUpsMax, " warm-ups"));
    config_->warm_ups.push_back(std::move(warm_up));
    return absl::OkStatus();
  }

  Status ReadWarmUpInput(const TextField& field, WarmUp* warm_up) {
    WarmUpInput input;
    input.tensor.line = field.line;
    VIGIL_RETURN_IF_ERROR(IsMessage(field));
    for (const TextField& part : field.message.fields) {
      if (part.name == "key") VIGIL_RETURN_IF_ERROR(Text(part, &input.tensor.name));
      if (part.name != "value") continue;
      for (const TextField& value : part.message.fields) {
        if (value.name == "data_type") VIGIL_RETURN_IF_ERROR(Type(value, &input.tensor.dtype));
        if (value.name == "dims") VIGIL_RETURN_IF_ERROR(Dimension(value, &input.tensor.dims));
        if (value.name == "zero_data") input.data = WarmUpInput::Data::kZero;
        if (value.name == "random_data") input.data = WarmUpInput::Data::kRandom;
        if (value.name != "input_data_file") continue;
        input.data = WarmUpInput::Data::kFile;
        VIGIL_RETURN_IF_ERROR(Text(value, &input.file));
      }
    }
    for (const int64_t size : input.tensor.dims) {
      if (size < 0) return Refuse(field, Cat("model_warmup: input '", input.tensor.name, "': sizes must be given"));
    }
    warm_up->inputs.push_back(std::move(input));
    return absl::OkStatus();
  }

  Status IsMessage(const TextField& field) const {
    return field.kind == TextKind::kMessage ? absl::OkStatus() : Refuse(field, Cat(field.name, ": a '{' was expected"));
  }
  Status Text(const TextField& field, std::string* out) const {
    if (field.kind != TextKind::kString) return Refuse(field, Cat(field.name, ": a text in quotes was expected"));
    *out = field.text;
    return absl::OkStatus();
  }
  Status Number(const TextField& field, int64_t minimum, int64_t maximum, int64_t* out) const {
    if (field.kind == TextKind::kWord && absl::SimpleAtoi(field.text, out) && *out >= minimum && *out <= maximum) return absl::OkStatus();
    const std::string given = field.kind == TextKind::kMessage ? "a message" : Cat("'", field.text.substr(0, 64), "'");
    return Refuse(field, Cat(field.name, ": ", given, " is not a whole number from ", minimum, " to ", maximum));
  }
  Status Unserved(const TextField& field, const std::string& what) const {
    return absl::UnimplementedError(Cat(file_, ":", field.line, ": ", what, " is not served; serve the models behind it one by one"));
  }
  Status Refuse(const TextField& field, const std::string& why) const {
    return absl::InvalidArgumentError(Cat(file_, ":", field.line, ": ", why));
  }

  const std::string& file_;
  TritonConfig* config_;
};

// Sizes of 1 at the end make no difference to what is in a tensor: a tree model answers [-1] where a configuration says [-1, 1].
bool SameDims(std::vector<int64_t> a, std::vector<int64_t> b) {
  while (a.size() > b.size() && a.back() == 1) a.pop_back();
  while (b.size() > a.size() && b.back() == 1) b.pop_back();
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](int64_t x, int64_t y) { return x == y || x < 0 || y < 0; });
}

Status ApplyTensors(const std::vector<TensorDeclaration>& declared, const char* what, bool rename, const std::string& file,
                    std::vector<TensorSpec>* specs) {
  if (declared.empty()) return absl::OkStatus();  // the model file says it
  const auto refuse = [&](const TensorDeclaration& tensor, const std::string& why) {
    return absl::InvalidArgumentError(Cat(file, ":", tensor.line, ": ", what, " '", tensor.name, "' ", why));
  };
  std::vector<std::string> names;
  for (const TensorSpec& spec : *specs) names.push_back(spec.name);
  for (const TensorDeclaration& tensor : declared) {
    auto spec = std::find_if(specs->begin(), specs->end(), [&](const TensorSpec& s) { return s.name == tensor.name; });
    if (rename && declared.size() == 1 && specs->size() == 1) {
      spec = specs->begin();
      spec->name = tensor.name;
    }
    if (spec == specs->end()) {
      const std::string nearest = DidYouMean(tensor.name, names);
      return refuse(tensor, Cat("is none of the model's", nearest.empty() ? Cat(": ", absl::StrJoin(names, ", ")) : nearest));
    }
    if (spec->dtype != tensor.dtype) {
      return refuse(tensor, Cat("is ", DTypeName(tensor.dtype), "; the model's is ", DTypeName(spec->dtype)));
    }
    if (!SameDims(spec->shape, tensor.dims)) {
      return refuse(tensor,
                    Cat("has dims [", absl::StrJoin(tensor.dims, ","), "]; the model's are [", absl::StrJoin(spec->shape, ","), "]"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

StatusOr<TritonConfig> ParseTritonConfig(std::string_view text, const std::string& file) {
  VIGIL_ASSIGN_OR_RETURN(const TextMessage root, ParseTextProto(text, file));
  TritonConfig config;
  VIGIL_RETURN_IF_ERROR(Reader(file, &config).Read(root));
  return config;
}

Status ApplyTritonConfig(const TritonConfig& config, const std::string& file, Signature* signature) {
  // Native trees have no names of their own for their tensors.
  const bool native = signature->outputs.size() == 1 && signature->outputs[0].name == "prediction" && signature->inputs.size() == 1;
  VIGIL_RETURN_IF_ERROR(ApplyTensors(config.inputs, "input", native, file, &signature->inputs));
  return ApplyTensors(config.outputs, "output", native, file, &signature->outputs);
}

}  // namespace vigil::repository
