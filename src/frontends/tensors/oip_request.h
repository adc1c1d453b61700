// The body of an Open Inference Protocol `infer` request over HTTP → named tensors: JSON, with or without binary tensors behind it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "domain/batch.h"
#include "frontends/rows/row_lists.h"
#include "frontends/tensors/request_memory.h"

namespace vigil {

// The protocol's names, "FP32" and its like; nothing for another word.
std::optional<DType> OipDType(std::string_view name);

struct OipOutput {
  std::string_view name;
  std::optional<bool> binary;  // nothing said: as the request's binary_data_output
  int64_t classes = 0;         // > 0: the classification extension
};

// Views of the body, the memory and the parser.
struct OipRequest {
  std::string_view id;  // the caller's, to be echoed
  std::vector<TensorView> tensors;
  std::vector<OipOutput> outputs;  // asked for by name; empty: all
  bool binary_outputs = false;     // of outputs that do not say
  int64_t timeout_us = 0;          // parameters.timeout; 0: none
  RowLists lists;                  // parameters.{ids,entities,times}: lists, or texts with commas

  void Clear();
};

// One serving thread's. Views in the requests it reads hold until its next call.
class OipReader {
 public:
  OipReader();
  ~OipReader();

  // `json_bytes`: of the JSON at the begin of `body`, binary tensors follow in the order of the inputs (Inference-Header-Content-Length);
  // nothing: all of it is JSON. `data` is flat or nested; in tensors of floats null is NaN, as are the words NaN, Infinity and -Infinity
  // what they say; in BYTES null is a missing text. Other elements must be of the tensor's type. Unknown members and parameters are
  // ignored. Whatever else does not fit is a Failure of kMalformed, kInvalid or kTooLarge that names its place.
  Status Read(std::string_view body, std::optional<size_t> json_bytes, RequestMemory* memory, OipRequest* request);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Elements of a binary tensor at `data`: a view of it where they are aligned, else a copy; BYTES are texts behind their lengths. Failures
// say what is wrong without naming the tensor. `elements` is what the shape says.
Status ReadBinaryTensor(std::string_view data, size_t elements, RequestMemory* memory, TensorView* tensor);

}  // namespace vigil
