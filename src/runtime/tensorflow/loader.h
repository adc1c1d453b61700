// TensorFlow SavedModel folders. The library runs in a worker process (worker.h).
#pragma once

#include <memory>

#include "runtime/model.h"
#include "runtime/tensorflow/options.h"

namespace vigil::tensorflow {

// Reads a folder with saved_model.pb, or that file's own path. LoadOptions::signature picks a signature. Beyond ModelLoader's errors:
// UNAVAILABLE when TensorFlow is not installed, with the command that installs it.
std::unique_ptr<ModelLoader> MakeTensorflowLoader(WorkerLimits limits = {});

}  // namespace vigil::tensorflow
