// Any bytes as saved_model.pb: refused or read, never beyond them; what is read can be planned.
#include <cstdint>

#include "runtime/tensorflow/saved_model.h"
#include "runtime/tensorflow/tensorflow_model.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto model = vigil::tensorflow::ReadSavedModel({reinterpret_cast<const char*>(data), size});
  if (!model.ok()) return 0;
  for (const auto& signature : model->signatures) {
    if (signature.refusal.empty()) vigil::tensorflow::MakePlan(signature, model->graph);
  }
  return 0;
}
