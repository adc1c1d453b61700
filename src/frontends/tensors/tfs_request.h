// The bodies of TensorFlow Serving's REST API → named tensors.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "domain/batch.h"
#include "frontends/tensors/request_memory.h"
#include "frontends/tensors/row_tensors.h"

namespace vigil {

enum class TfsForm : uint8_t { kRows, kColumns, kExamples };

// Views of the parser and the memory.
struct TfsRequest {
  TfsForm form = TfsForm::kRows;
  std::string_view signature_name;  // empty: the default
  std::vector<TensorView> tensors;
  // Of gRPC's messages: the model as it was asked for, the outputs asked for (none: all), the method of the one task of several.
  std::string_view model;
  std::vector<std::string_view> output_filter;
  std::string_view method;

  void Clear();
};

// One serving thread's. Views in the requests it reads hold until its next call.
class TfsReader {
 public:
  TfsReader();
  ~TfsReader();

  // Of `predict`: {"signature_name"?, "instances": [...]} or {"signature_name"?, "inputs": ...}.
  //
  // Instances are rows: values, or objects of values by name. Inputs are whole tensors: one, or an object of them by name. Names are the
  // model's columns and input tensors (`names`), and so are the types. A name that some instances do not have is missing in them, as is
  // null where it is not the whole of an unnamed row. Other members of the body are ignored.
  //
  // Whatever does not fit is a Failure of kMalformed, kInvalid or kTooLarge that names its place.
  Status ReadPredict(std::string_view body, const InputNames& names, RequestMemory* memory, TfsRequest* request);

  // Of `classify` and `regress`: {"signature_name"?, "context"?: {...}, "examples": [{...}, ...]}. Members of an example are values or flat
  // lists of them; the context's stand in each example that has not the same itself. As in an example of TensorFlow's, features that the
  // model does not know are ignored.
  Status ReadExamples(std::string_view body, const InputNames& names, RequestMemory* memory, TfsRequest* request);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vigil
