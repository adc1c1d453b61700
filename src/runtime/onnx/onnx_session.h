// One ONNX Runtime session: created from a model's bytes, described, run. Nothing here knows of rows or signatures.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "domain/batch.h"
#include "runtime/onnx/options.h"
#include "runtime/onnx/ort_library.h"

namespace vigil::onnx {

// ONNX's and ONNX Runtime's element type numbers are the same. Null for the types that no dialect of ours can carry (complex, 8-bit float,
// 4-bit); `OnnxTypeName` names every one.
const DType* OnnxDType(int64_t onnx_type);
std::string OnnxTypeName(int64_t onnx_type);
ONNXTensorElementDataType OrtType(DType dtype);

// One input or output.
struct OnnxValue {
  std::string name;
  DType dtype = DType::kFloat32;  // of the tensor, or of a map's values
  std::vector<int64_t> shape;     // -1: free. Of a tensor
  bool is_map = false;            // a sequence of maps, one a row
};

class OnnxSession {
 public:
  // `folder`: where external data lies. UNIMPLEMENTED names an input or output of a kind not served, or a provider that the library lacks;
  // INVALID_ARGUMENT is ONNX Runtime's verdict on the model.
  static StatusOr<std::unique_ptr<OnnxSession>> Create(const OrtLibrary& ort, std::string_view model, const std::string& folder,
                                                       const OnnxOptions& options);

  const OrtLibrary& ort() const { return ort_; }
  const std::vector<OnnxValue>& inputs() const { return inputs_; }
  const std::vector<OnnxValue>& outputs() const { return outputs_; }
  const std::vector<std::string>& providers() const { return providers_; }  // in use, in order
  OrtMemoryInfo* cpu_memory() const { return cpu_memory_.get(); }

  // Any thread. `values` in the order of inputs(); gives one value for each of outputs().
  StatusOr<std::vector<OrtValuePtr>> Run(absl::Span<const OrtValuePtr> values) const;

 private:
  explicit OnnxSession(const OrtLibrary& ort) : ort_(ort) {}
  Status Describe();
  StatusOr<OnnxValue> DescribeValue(const char* what, std::string name, OrtTypeInfo* type, bool is_output) const;

  const OrtLibrary& ort_;
  OrtSessionPtr session_;
  OrtMemoryInfoPtr cpu_memory_;
  std::vector<OnnxValue> inputs_, outputs_;
  std::vector<const char*> input_names_, output_names_;
  std::vector<std::string> providers_;
};

}  // namespace vigil::onnx
