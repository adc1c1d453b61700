// The explicit lists: each variant of a thing is one line here.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/model.h"

namespace vigil {

// Every model format that this build serves.
std::vector<std::unique_ptr<ModelLoader>> MakeLoaders();

// This program's own path: what a retraining job runs.
std::string ProgramPath();

}  // namespace vigil
