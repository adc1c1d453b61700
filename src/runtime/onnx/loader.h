#pragma once

#include <memory>

#include "base/clock.h"
#include "runtime/model.h"
#include "runtime/onnx/options.h"

namespace vigil::onnx {

// ONNX models. Judged by our own reader first; served by our tree engine where the graph is made of trees and what usually stands around
// them (`LoadOptions::engine` may name one of its engines), else by ONNX Runtime ("onnxruntime"). UNAVAILABLE, with the command that
// installs it, when ONNX Runtime is needed and not there. `clock` judges deadlines of batched calls and must outlive loader and models;
// null: no batching.
std::unique_ptr<ModelLoader> MakeOnnxLoader(OnnxOptions options = {}, const Clock* clock = nullptr);

}  // namespace vigil::onnx
