// The explicit lists: each variant of a thing is one line here.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "blobs/store.h"
#include "runtime/model.h"
#include "runtime/onnx/options.h"
#include "runtime/trees/engine_records.h"

namespace vigil {

// Every model format that this build serves. `clock` judges deadlines where calls are batched and must outlive the models; so must
// `records`, of which engine was the fastest for which model (null: measured at every load).
std::vector<std::unique_ptr<ModelLoader>> MakeLoaders(const onnx::OnnxOptions& onnx, const Clock& clock,
                                                      trees::EngineRecords* records = nullptr);
// For verbs that score by themselves: every setting at its default, nothing batched.
std::vector<std::unique_ptr<ModelLoader>> MakeLoaders();

// The store of an address.
StatusOr<std::unique_ptr<blobs::Store>> OpenBlobStore(const blobs::Uri& uri, const blobs::Context& context);

// This program's own path: what a retraining job runs.
std::string ProgramPath();

}  // namespace vigil
