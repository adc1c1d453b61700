// The version labels that a configuration gives a model.
#pragma once

#include "app/config.h"
#include "base/status.h"
#include "registry/registry.h"

namespace vigil {

// Makes the model's labels those of `model`: they point where it says, whoever moved them since, and labels that a configuration set before
// and no longer has are cleared. Labels that people set stay. FAILED_PRECONDITION for a version that is not there; the others are set.
Status ApplyVersionLabels(Registry& registry, const ModelConfig& model);

}  // namespace vigil
