// The messages of TensorFlow Serving's gRPC API (api/proto/tensorflow_serving) → which model, named tensors, rows of examples.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "base/proto_wire.h"
#include "base/status.h"
#include "frontends/tensors/request_memory.h"
#include "frontends/tensors/row_tensors.h"
#include "frontends/tensors/tfs_request.h"

namespace vigil {

// Views of the message.
struct TfsModelSpec {
  bool is_there = false;
  std::string_view name;
  std::optional<int64_t> version;
  std::optional<std::string_view> label;  // one of the two at most: the last that came
  std::string_view signature_name;
};

// A task of a MultiInferenceRequest.
struct TfsTask {
  TfsModelSpec spec;
  std::string_view method;
};
inline constexpr size_t kTfsTasksMax = 64;

// The field `model_spec` (1) of a request. INVALID_ARGUMENT: the bytes are no message.
Status ReadTfsModelSpec(std::string_view message, TfsModelSpec* spec);
// The tasks of a MultiInferenceRequest, kTfsTasksMax at most.
Status ReadTfsTasks(std::string_view message, std::vector<TfsTask>* tasks);
// INVALID_ARGUMENT, in TensorFlow Serving's words, unless the spec is there and names a model.
Status CheckTfsModelSpec(const TfsModelSpec& spec);
// The version that it asks for; empty: the one that the model answers with. INVALID_ARGUMENT for a label that the model has not.
StatusOr<std::string> TfsVersionOf(const TfsModelSpec& spec, const RegistrySnapshot& models);
// INVALID_ARGUMENT for an output that the model has not, or that is asked for twice.
Status CheckTfsOutputs(const Signature& signature, absl::Span<const std::string_view> output_filter);
// INVALID_ARGUMENT unless the tasks name one model, each another signature; UNIMPLEMENTED for methods but classify and regress.
Status CheckTfsTasks(absl::Span<const TfsTask> tasks, const LoadedModel& model);
// Texts of a repeated field, such as metadata_field.
Status ReadTfsTexts(std::string_view message, uint32_t field, std::vector<std::string_view>* texts);

// Messages of one serving thread; views in the requests it reads hold until its next call, and as long as the message.
class TfsMessageReader {
 public:
  // A PredictRequest's inputs and output_filter. An input is named as the model's own (and has exactly its type) or as one of the model's
  // columns. INVALID_ARGUMENT in TensorFlow Serving's words, RESOURCE_EXHAUSTED.
  Status ReadPredict(std::string_view message, const Signature& signature, const InputNames& names, RequestMemory* memory,
                     TfsRequest* request);
  // The `input` (field 2) of a request to classify, to regress or of several tasks: examples of features by the names of the model's
  // columns and tensors, whole numbers for floats too; features that the model does not know are ignored. What is not in an example stands
  // in the context or is missing.
  Status ReadExamples(std::string_view message, const InputNames& names, RequestMemory* memory, TfsRequest* request);

 private:
  RowTensors rows_, context_;
};

// A ModelSpec's fields, as answers carry it; a version that is no number is left out.
void WriteTfsModelSpec(std::string_view name, std::string_view version, std::string_view signature, ProtoWriter* message);
std::optional<int64_t> TfsVersionNumber(std::string_view version);

}  // namespace vigil
