#include "runtime/onnx/onnx_session.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_join.h"
#include "base/text.h"
#include "runtime/cat.h"

namespace vigil::onnx {
namespace {

constexpr std::string_view kProviderEnding = "ExecutionProvider";
// ONNX Runtime's own name for the setting (onnxruntime_session_options_config_keys.h).
constexpr char kExternalFolder[] = "session.model_external_initializers_file_folder_path";

// Appends one provider that the library has. Each of NVIDIA's has its own entry in the API; the others share one.
Status Append(const OrtLibrary& ort, const std::string& provider, OrtSessionOptions* options) {
  const OrtApi& api = *ort.api;
  if (provider == "CUDAExecutionProvider") {
    OrtCUDAProviderOptionsV2* cuda = nullptr;
    VIGIL_RETURN_IF_ERROR(ort.Take(api.CreateCUDAProviderOptions(&cuda)));
    const Status status = ort.Take(api.SessionOptionsAppendExecutionProvider_CUDA_V2(options, cuda));
    api.ReleaseCUDAProviderOptions(cuda);
    return status;
  }
  if (provider == "TensorrtExecutionProvider") {
    OrtTensorRTProviderOptionsV2* tensorrt = nullptr;
    VIGIL_RETURN_IF_ERROR(ort.Take(api.CreateTensorRTProviderOptions(&tensorrt)));
    const Status status = ort.Take(api.SessionOptionsAppendExecutionProvider_TensorRT_V2(options, tensorrt));
    api.ReleaseTensorRTProviderOptions(tensorrt);
    return status;
  }
  const std::string name = provider.substr(0, provider.size() - kProviderEnding.size());
  return ort.Take(api.SessionOptionsAppendExecutionProvider(options, name.c_str(), nullptr, nullptr, 0));
}

// The wanted providers by their full names, the CPU last. UNIMPLEMENTED names one that this library was not built with.
StatusOr<std::vector<std::string>> ResolveProviders(const OrtLibrary& ort, const std::vector<std::string>& wanted) {
  std::vector<std::string> resolved;
  for (std::string name : wanted) {
    if (!EndsWithIgnoreCase(name, kProviderEnding)) name += kProviderEnding;
    const auto known =
        std::find_if(ort.providers.begin(), ort.providers.end(), [&](const std::string& p) { return absl::EqualsIgnoreCase(p, name); });
    if (known == ort.providers.end()) {
      return absl::UnimplementedError(Cat("no execution provider '", name, "' in ONNX Runtime ", ort.version,
                                          DidYouMean(name, ort.providers), "; it has ", absl::StrJoin(ort.providers, ", ")));
    }
    if (*known != "CPUExecutionProvider") resolved.push_back(*known);
  }
  resolved.push_back("CPUExecutionProvider");
  return resolved;
}

}  // namespace

StatusOr<std::unique_ptr<OnnxSession>> OnnxSession::Create(const OrtLibrary& ort, std::string_view model, const std::string& folder,
                                                           const OnnxOptions& options) {
  const OrtApi& api = *ort.api;
  std::unique_ptr<OnnxSession> session(new OnnxSession(ort));
  VIGIL_ASSIGN_OR_RETURN(session->providers_, ResolveProviders(ort, options.providers));
  OrtSessionOptions* made = nullptr;
  VIGIL_RETURN_IF_ERROR(ort.Take(api.CreateSessionOptions(&made)));
  const OrtSessionOptionsPtr settings(made, {&api});
  VIGIL_RETURN_IF_ERROR(ort.Take(api.SetIntraOpNumThreads(made, options.intra_threads)));
  VIGIL_RETURN_IF_ERROR(ort.Take(api.SetInterOpNumThreads(made, options.inter_threads)));
  if (options.inter_threads != 1) VIGIL_RETURN_IF_ERROR(ort.Take(api.SetSessionExecutionMode(made, ORT_PARALLEL)));
  VIGIL_RETURN_IF_ERROR(ort.Take(api.SetSessionGraphOptimizationLevel(made, ORT_ENABLE_ALL)));
  VIGIL_RETURN_IF_ERROR(ort.Take(api.SetSessionLogSeverityLevel(made, ORT_LOGGING_LEVEL_FATAL)));
  // Waiting threads sleep: a spinning one takes a core from the serving threads.
  VIGIL_RETURN_IF_ERROR(ort.Take(api.AddSessionConfigEntry(made, "session.intra_op.allow_spinning", "0")));
  VIGIL_RETURN_IF_ERROR(ort.Take(api.AddSessionConfigEntry(made, "session.inter_op.allow_spinning", "0")));
  if (!folder.empty()) VIGIL_RETURN_IF_ERROR(ort.Take(api.AddSessionConfigEntry(made, kExternalFolder, folder.c_str())));
  for (const std::string& provider : session->providers_) {
    if (provider != "CPUExecutionProvider") VIGIL_RETURN_IF_ERROR(Append(ort, provider, made));
  }
  OrtSession* opened = nullptr;
  VIGIL_RETURN_IF_ERROR(ort.Take(api.CreateSessionFromArray(ort.env, model.data(), model.size(), made, &opened)));
  session->session_ = OrtSessionPtr(opened, {&api});
  OrtMemoryInfo* memory = nullptr;
  VIGIL_RETURN_IF_ERROR(ort.Take(api.CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &memory)));
  session->cpu_memory_ = OrtMemoryInfoPtr(memory, {&api});
  VIGIL_RETURN_IF_ERROR(session->Describe());
  return session;
}

StatusOr<OnnxValue> OnnxSession::DescribeValue(const char* what, std::string name, OrtTypeInfo* type, bool is_output) const {
  const OrtApi& api = *ort_.api;
  OnnxValue value;
  value.name = std::move(name);
  const std::string where = Cat(what, " '", value.name, "'");
  ONNXType kind = ONNX_TYPE_UNKNOWN;
  VIGIL_RETURN_IF_ERROR(ort_.Take(api.GetOnnxTypeFromTypeInfo(type, &kind)));
  const OrtTensorTypeAndShapeInfo* tensor = nullptr;
  OrtTypeInfoPtr element(nullptr, {&api}), mapped(nullptr, {&api});
  if (kind == ONNX_TYPE_SEQUENCE && is_output) {
    const OrtSequenceTypeInfo* sequence = nullptr;
    const OrtMapTypeInfo* map = nullptr;
    OrtTypeInfo* got = nullptr;
    ONNXType element_kind = ONNX_TYPE_UNKNOWN;
    VIGIL_RETURN_IF_ERROR(ort_.Take(api.CastTypeInfoToSequenceTypeInfo(type, &sequence)));
    VIGIL_RETURN_IF_ERROR(ort_.Take(api.GetSequenceElementType(sequence, &got)));
    element = OrtTypeInfoPtr(got, {&api});
    VIGIL_RETURN_IF_ERROR(ort_.Take(api.GetOnnxTypeFromTypeInfo(got, &element_kind)));
    if (element_kind != ONNX_TYPE_MAP) {
      return absl::UnimplementedError(Cat(where, " is a sequence of tensors, which is not served; only a sequence of maps is"));
    }
    VIGIL_RETURN_IF_ERROR(ort_.Take(api.CastTypeInfoToMapTypeInfo(got, &map)));
    OrtTypeInfo* value_type = nullptr;
    VIGIL_RETURN_IF_ERROR(ort_.Take(api.GetMapValueType(map, &value_type)));
    mapped = OrtTypeInfoPtr(value_type, {&api});
    VIGIL_RETURN_IF_ERROR(ort_.Take(api.CastTypeInfoToTensorInfo(value_type, &tensor)));
    value.is_map = true;
  } else if (kind == ONNX_TYPE_TENSOR) {
    VIGIL_RETURN_IF_ERROR(ort_.Take(api.CastTypeInfoToTensorInfo(type, &tensor)));
  } else {
    const char* kinds[] = {"of no kind", "a tensor", "a sequence", "a map", "an opaque value", "a sparse tensor", "an optional value"};
    const size_t k = static_cast<size_t>(kind) < std::size(kinds) ? static_cast<size_t>(kind) : 0;
    return absl::UnimplementedError(Cat(where, " is ", kinds[k], ", which is not served"));
  }
  ONNXTensorElementDataType onnx = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
  if (tensor != nullptr) VIGIL_RETURN_IF_ERROR(ort_.Take(api.GetTensorElementType(tensor, &onnx)));
  const DType* dtype = OnnxDType(onnx);
  if (dtype == nullptr) return absl::UnimplementedError(Cat(where, " is of ", OnnxTypeName(onnx), ", which is not served"));
  value.dtype = *dtype;
  if (value.is_map) return value;
  size_t rank = 0;
  VIGIL_RETURN_IF_ERROR(ort_.Take(api.GetDimensionsCount(tensor, &rank)));
  value.shape.resize(rank);
  VIGIL_RETURN_IF_ERROR(ort_.Take(api.GetDimensions(tensor, value.shape.data(), rank)));
  return value;
}

Status OnnxSession::Describe() {
  const OrtApi& api = *ort_.api;
  OrtAllocator* allocator = nullptr;
  VIGIL_RETURN_IF_ERROR(ort_.Take(api.GetAllocatorWithDefaultOptions(&allocator)));
  for (const bool is_output : {false, true}) {
    size_t count = 0;
    VIGIL_RETURN_IF_ERROR(ort_.Take((is_output ? api.SessionGetOutputCount : api.SessionGetInputCount)(session_.get(), &count)));
    for (size_t i = 0; i < count; ++i) {
      char* name = nullptr;
      VIGIL_RETURN_IF_ERROR(
          ort_.Take((is_output ? api.SessionGetOutputName : api.SessionGetInputName)(session_.get(), i, allocator, &name)));
      std::string kept = name;
      allocator->Free(allocator, name);
      OrtTypeInfo* type = nullptr;
      VIGIL_RETURN_IF_ERROR(ort_.Take((is_output ? api.SessionGetOutputTypeInfo : api.SessionGetInputTypeInfo)(session_.get(), i, &type)));
      const OrtTypeInfoPtr owner(type, {&api});
      VIGIL_ASSIGN_OR_RETURN(OnnxValue value, DescribeValue(is_output ? "output" : "input", std::move(kept), type, is_output));
      (is_output ? outputs_ : inputs_).push_back(std::move(value));
    }
  }
  for (const OnnxValue& value : inputs_) input_names_.push_back(value.name.c_str());
  for (const OnnxValue& value : outputs_) output_names_.push_back(value.name.c_str());
  return absl::OkStatus();
}

StatusOr<std::vector<OrtValuePtr>> OnnxSession::Run(absl::Span<const OrtValuePtr> values) const {
  std::vector<const OrtValue*> in;
  in.reserve(values.size());
  for (const OrtValuePtr& value : values) in.push_back(value.get());
  std::vector<OrtValue*> out(outputs_.size(), nullptr);
  const Status status = ort_.Take(ort_.api->Run(session_.get(), nullptr, input_names_.data(), in.data(), in.size(), output_names_.data(),
                                                output_names_.size(), out.data()));
  std::vector<OrtValuePtr> owned;
  owned.reserve(out.size());
  for (OrtValue* value : out) owned.emplace_back(value, OrtReleaser<OrtValue, &OrtApi::ReleaseValue>{ort_.api});
  VIGIL_RETURN_IF_ERROR(status);
  return owned;
}

}  // namespace vigil::onnx
