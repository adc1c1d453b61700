// What a model server answers, from anywhere. The first byte picks the protocol and the number of rows; then a line is the answer to the
// metadata request (the model's fixed one where it is empty), the rest the answer to scoring. Accepted tensors hold what their shape says
// and are written and read back the same.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "runtime/remote/dialect.h"
#include "runtime/remote/json_tensors.h"

using namespace vigil;
using namespace vigil::remote;

namespace {

constexpr std::string_view kOip =
    R"({"inputs":[{"name":"x","datatype":"FP32","shape":[-1,2]}],"outputs":[{"name":"y","datatype":"FP32","shape":[-1,2]},)"
    R"({"name":"t","datatype":"BYTES","shape":[-1]},{"name":"n","datatype":"INT64","shape":[-1]}]})";
constexpr std::string_view kTfs =
    R"({"metadata":{"signature_def":{"signature_def":{"serving_default":{"method_name":"tensorflow/serving/predict",)"
    R"("inputs":{"x":{"dtype":"DT_FLOAT"}},"outputs":{"y":{"dtype":"DT_DOUBLE"},"t":{"dtype":"DT_STRING"}}}}}}})";

void CheckTensor(const OwnedTensor& tensor, const TensorSpec& spec, size_t rows) {
  if (tensor.dtype != spec.dtype || tensor.name != spec.name || tensor.shape.empty()) std::abort();
  if (tensor.shape[0] != static_cast<int64_t>(rows)) std::abort();
  size_t elements = 1;
  for (const int64_t dimension : tensor.shape) elements *= static_cast<size_t>(dimension);
  if (elements != tensor.size()) std::abort();
  std::vector<std::string_view> texts(tensor.strings.begin(), tensor.strings.end());
  TensorView view;
  view.name = tensor.name;
  view.dtype = tensor.dtype;
  view.shape.assign(tensor.shape.begin(), tensor.shape.end());
  view.data = tensor.dtype == DType::kString    ? static_cast<const void*>(texts.data())
              : tensor.dtype == DType::kFloat32 ? static_cast<const void*>(tensor.floats.data())
                                                : static_cast<const void*>(tensor.bytes.data());
  std::string text, again_text;
  if (!AppendFlat(view, JsonForm::kTfs, &text).ok()) std::abort();
  const auto json = ParseLoose(text, "again");
  OwnedTensor again;
  if (!json.ok() || !ReadTensor(*json, spec, view.shape, rows, &again).ok()) std::abort();
  if (again.strings != tensor.strings || again.size() != tensor.size() || again.bytes != tensor.bytes) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const bool oip = data[0] % 2 == 0;
  const size_t rows = data[0] / 2 % 4;
  const size_t cut = std::min(text.find('\n'), text.size());
  const std::string_view metadata = cut == 0 ? (oip ? kOip : kTfs) : text.substr(0, cut);
  const auto dialect = oip ? MakeOipDialect({}) : MakeTfsDialect({});
  std::vector<std::pair<std::string, std::string>> facts;
  const auto signature = dialect->ReadMetadata(metadata, "", &facts);
  if (!signature.ok()) {
    if (cut == 0 || signature.status().message().empty()) std::abort();
    if (ErrorOf(500, metadata).message().size() > 600) std::abort();
    return 0;
  }
  for (const auto* specs : {&signature->inputs, &signature->outputs}) {
    if (specs->empty() || specs->size() > kRemoteTensorsMax) std::abort();
    for (const TensorSpec& spec : *specs) {
      if (spec.shape.empty() || spec.shape[0] != -1) std::abort();
      for (const int64_t dimension : spec.shape) {
        if (dimension < -1) std::abort();
      }
    }
  }
  Outputs outputs;
  const Status decoded = dialect->Decode(*signature, rows, text.substr(std::min(cut + 1, text.size())), &outputs);
  if (!decoded.ok()) {
    if (!absl::IsInternal(decoded) || decoded.message().empty()) std::abort();
    return 0;
  }
  if (outputs.tensors.size() != signature->outputs.size()) std::abort();
  for (size_t i = 0; i < outputs.tensors.size(); ++i) CheckTensor(outputs.tensors[i], signature->outputs[i], rows);
  return 0;
}
