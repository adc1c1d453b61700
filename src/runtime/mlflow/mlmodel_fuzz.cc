// Any bytes as an MLmodel file: refused with a message, or a description whose columns a signature can be held to.
#include <cstdlib>
#include <string>

#include "runtime/mlflow/mlmodel.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto model = vigil::mlflow::ParseMlmodel(std::string(reinterpret_cast<const char*>(data), size), "MLmodel");
  if (!model.ok()) return model.status().message().empty() ? std::abort(), 0 : 0;
  if (model->flavour.empty() || model->has_columns == model->columns.empty()) std::abort();
  vigil::Signature signature;
  signature.columns = {"a", "b"};
  if (vigil::mlflow::ApplyColumns(model->columns, &signature).ok() && signature.columns.size() != 2) std::abort();
  return 0;
}
