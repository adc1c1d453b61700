// Any bytes as saved_model.pb: refused or read, never beyond them; a graph that was read is searched for the columns of its examples.
#include <cstdint>

#include "runtime/tensorflow/example_features.h"
#include "runtime/tensorflow/saved_model.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto model = vigil::tensorflow::ReadSavedModel({reinterpret_cast<const char*>(data), size});
  if (model.ok()) vigil::tensorflow::FindExampleFeatures(model->graph);
  return 0;
}
