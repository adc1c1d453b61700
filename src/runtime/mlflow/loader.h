#pragma once

#include <memory>

#include "runtime/model.h"

namespace vigil::mlflow {

// Directories with an MLmodel file: its artefact goes to the loader that recognises it, held to the signature and tried on the example.
std::unique_ptr<ModelLoader> MakeMlflowLoader();

}  // namespace vigil::mlflow
