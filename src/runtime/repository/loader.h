#pragma once

#include <memory>

#include "runtime/model.h"

namespace vigil::repository {

// Directories that hold models as files: a repository or base path (its greatest served version), the folder of one version, and any folder
// with one model file in it. What is inside goes to the loader that recognises it; a config.pbtxt names, checks and warms it up. Last in a
// list of loaders: a directory that is a model itself is another's.
std::unique_ptr<ModelLoader> MakeRepositoryLoader();

}  // namespace vigil::repository
