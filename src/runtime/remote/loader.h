// Models behind another model server: oip://host:port/model[/version] (Open Inference Protocol), tfs://host:port/model[/version]
// (TensorFlow Serving). What they take and give comes from the server's metadata; scoring is one HTTP request a batch, answered later.
#pragma once

#include <memory>

#include "base/clock.h"
#include "runtime/model.h"
#include "runtime/remote/options.h"
#include "runtime/remote/transport.h"

namespace vigil::remote {

// `clock` outlives the loader and its models. Beyond ModelLoader's errors: UNAVAILABLE, DEADLINE_EXCEEDED where the server does not answer.
// The digest is of the names, types and shapes that the server told: it changes when they do.
std::unique_ptr<ModelLoader> MakeRemoteLoader(Connect connect, const Clock& clock, RemoteLimits limits = {});

}  // namespace vigil::remote
