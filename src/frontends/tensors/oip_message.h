// inference.ModelInferRequest (api/proto/inference/grpc_service.proto) → named tensors, read where the message lies.
#pragma once

#include <string_view>
#include <vector>

#include "base/status.h"
#include "frontends/tensors/oip_request.h"
#include "frontends/tensors/request_memory.h"

namespace vigil {

// One entry of a map of InferParameter: views of the message.
struct OipParameter {
  enum class Kind : uint8_t { kNone, kBool, kWhole, kUnsigned, kText, kDouble };
  std::string_view key;
  Kind kind = Kind::kNone;
  uint64_t raw = 0;  // of numbers and truth values, as in the message
  std::string_view text;
};
// Failure of kMalformed when `entry` is none.
Status ReadOipParameter(std::string_view entry, OipParameter* parameter);

// The model that a ModelInferRequest names, and its version (empty: the champion). Failure of kMalformed.
Status ReadOipTarget(std::string_view message, std::string_view* model, std::string_view* version);

// One serving thread's; allocates nothing when warm. Views in the requests it reads are of the message and the memory.
class OipMessageReader {
 public:
  // The data of the inputs is either all in raw_input_contents, one buffer an input in their order, or all in their own `contents`, in the
  // field of their type: whole numbers of less than 32 bits in those of 32, FP16 and BF16 in fp32_contents. Parameters `ids`, `entities`
  // and `times` are texts with commas; those that are not known are ignored. Whatever else does not fit is a Failure of kMalformed,
  // kInvalid, kTooLarge or kNotImplemented that names its place.
  Status Read(std::string_view message, RequestMemory* memory, OipRequest* request);

 private:
  Status ReadInput(std::string_view input, OipRequest* request);

  std::vector<std::string_view> contents_;  // of each input
  std::vector<std::string_view> raw_;
};

// The `contents` (InferTensorContents) of a tensor whose type is known. Failures say what is wrong without naming the tensor.
Status ReadOipContents(std::string_view contents, size_t elements, RequestMemory* memory, TensorView* tensor);

}  // namespace vigil
