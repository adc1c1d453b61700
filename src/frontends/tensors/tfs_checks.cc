// What a request of TensorFlow Serving's gRPC API must be, in the words that its own server refuses it with.
#include "base/text.h"
#include "frontends/errors.h"
#include "frontends/tensors/tfs_messages.h"
#include "frontends/tensors/tfs_model.h"
#include "frontends/words.h"

namespace vigil {
namespace {

constexpr size_t kQuotedBytesMax = 128;

// Without a place: the words name it.
Status Bad(std::string_view what) { return Failure(ErrorCode::kInvalid, what); }

}  // namespace

Status CheckTfsModelSpec(const TfsModelSpec& spec) {
  if (!spec.is_there) return Bad("Missing ModelSpec");
  if (spec.name.empty()) return Bad("ModelSpec has no name specified.");
  return absl::OkStatus();
}

StatusOr<std::string> TfsVersionOf(const TfsModelSpec& spec, const RegistrySnapshot& models) {
  if (spec.label.has_value()) return TfsLabelledVersion(models, spec.name, *spec.label);
  return spec.version.has_value() ? Concat(*spec.version) : std::string();
}

Status CheckTfsOutputs(const Signature& signature, absl::Span<const std::string_view> output_filter) {
  for (size_t i = 0; i < output_filter.size(); ++i) {
    const std::string_view name = output_filter[i];
    bool known = false;
    for (const TensorSpec& output : signature.outputs) known = known || output.name == name;
    if (!known) {
      std::string names;
      std::vector<std::string> all;
      for (const TensorSpec& output : signature.outputs) {
        Append(&names, names.empty() ? "" : ",", output.name);
        all.push_back(output.name);
      }
      return Bad(Concat("output tensor alias not found in signature: ", name.substr(0, kQuotedBytesMax),
                        " Outputs expected to be in the set {", names, "}.", DidYouMean(name, all)));
    }
    for (size_t j = 0; j < i; ++j) {
      if (output_filter[j] == name) return Bad(Concat("duplicate output tensor alias: ", name));
    }
  }
  return absl::OkStatus();
}

Status CheckTfsTasks(absl::Span<const TfsTask> tasks, const LoadedModel& model) {
  const std::string_view own = TfsSignatureName(model);
  bool seen = false;
  for (const TfsTask& task : tasks) {
    if (task.spec.name.empty()) return Bad("Found ModelSpec with an empty model name.");
    if (task.spec.name != tasks[0].spec.name) {
      return Bad("All ModelSpecs in a MultiInferenceRequest must access the same model name.");
    }
    if (!IsTfsSignature(task.spec.signature_name, model)) {
      return Bad(Concat("Requested signature not found in model graph: ", task.spec.signature_name.substr(0, kQuotedBytesMax),
                        DidYouMean(task.spec.signature_name, {std::string(own)})));
    }
    if (seen) return Bad(Concat("Duplicate evaluation of signature: ", own));
    seen = true;
    if (task.method != kTfsClassifyMethod && task.method != kTfsRegressMethod) {
      return Failure(ErrorCode::kNotImplemented, Concat("Unsupported signature method_name: ", task.method.substr(0, kQuotedBytesMax)));
    }
  }
  return absl::OkStatus();
}

}  // namespace vigil
