// What Vigil judges of an ONNX file before any library sees it.
#pragma once

#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "base/status.h"
#include "runtime/onnx/onnx_file.h"
#include "runtime/onnx/ort_model.h"

namespace vigil::onnx {

// Operators' domains (UNIMPLEMENTED for one that needs code of its own), tensors whose bytes are not what their shape says, external data
// that is missing, short or outside `folder` (the model's own, resolved), and every tree ensemble. Errors name the place.
Status CheckOnnxFile(const OnnxFile& file, const std::string& folder);

// True if any of the model's tensors lies in a file of its own.
bool HasExternalData(const OnnxFile& file);

// What the file says that a session does not: keys of maps, columns that trees read, the task.
StatusOr<OnnxFacts> GatherFacts(const OnnxFile& file);

// Who writes each value of a graph, and what is declared of it. The graph must outlive it.
class GraphIndex {
 public:
  explicit GraphIndex(const OnnxGraph& graph);
  const OnnxNode* Producer(std::string_view value) const;       // null: nobody
  const OnnxValueInfo* Input(std::string_view value) const;     // of the graph; null: it is none
  const OnnxValueInfo* Declared(std::string_view value) const;  // of an inner value
  const OnnxTensor* Initializer(std::string_view value) const;

 private:
  absl::flat_hash_map<std::string_view, const OnnxNode*> producers_;
  absl::flat_hash_map<std::string_view, const OnnxValueInfo*> inputs_, declared_;
  absl::flat_hash_map<std::string_view, const OnnxTensor*> initializers_;
};

// The number of columns of a value, where the graph tells: followed back to declared shapes through operators that keep or name it. -1:
// unknown. `input`, if not null, receives the name of the graph's input whose columns these are, or nothing.
int64_t ColumnsOf(const GraphIndex& graph, std::string_view value, std::string_view* input);

// ONNX Runtime's verdict in terms of the file: opset or IR version too new, an operator nobody knows and the nearest one that exists.
Status ExplainRefusal(const OnnxFile& file, const std::string& ort_version, const Status& refusal);

}  // namespace vigil::onnx
