// TensorFlow's TensorProto (api/proto/tensorflow/tensor.proto) ↔ tensors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/proto_wire.h"
#include "base/status.h"
#include "domain/batch.h"
#include "frontends/tensors/answer_tensors.h"
#include "frontends/tensors/request_memory.h"

namespace vigil {

// A value of tensorflow.DataType; 1 is DT_FLOAT.
uint32_t TensorProtoType(DType dtype);

// Elements that a request may have without saying each of them: a message of a few bytes can stand for a tensor of any size.
inline constexpr size_t kRepeatedElementsMax = 4 << 20;

// Reads one serialized TensorProto; the tensor keeps its name. Elements in tensor_content, and packed floats and doubles, stay where they
// lie in `bytes` unless their address is odd for their type; all others go to `memory`. As TensorFlow reads them: the last of a list stands
// for all that follow it, an empty list for zeros, what is beyond the shape is ignored; without a shape it is one element. `repeated`
// counts elements that were not said, of all tensors of the request. INVALID_ARGUMENT or RESOURCE_EXHAUSTED says what is wrong.
Status ReadTensorProto(std::string_view bytes, size_t* repeated, RequestMemory* memory, TensorView* tensor);

// The fields of the TensorProto of an answer, elements in the list of their type: some clients read no other.
void WriteTensorProto(const AnswerTensor& tensor, ProtoWriter* message);

// A TensorShapeProto's fields; -1: a free dimension.
template <typename Dimensions>
void WriteTensorShape(const Dimensions& dimensions, ProtoWriter* message) {
  for (const int64_t size : dimensions) {
    message->Message(2, [size](ProtoWriter& dim) { dim.Int(1, size); });
  }
}

}  // namespace vigil
