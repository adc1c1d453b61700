// Any bytes as a model file: refused with a message, or a forest on which every engine agrees with the plain walk.
#include <cstdlib>
#include <string>

#include "runtime/trees/document.h"
#include "runtime/trees/engine_choice.h"
#include "runtime/trees/xgboost/xgboost.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vigil::trees;
  const auto content = std::make_shared<const std::string>(reinterpret_cast<const char*>(data), size);
  const auto document = ReadJsonDocument(*content);
  if (!document.ok()) return 0;
  const auto model = ReadXgboost(*document);
  if (!model.ok() || model->forest.features > 4096 || model->forest.outputs > 64) return 0;
  for (const std::string& name : EngineNames()) {
    const auto engine = MakeEngine(model->forest, name);
    if (engine.ok() && !SelfCheck(model->forest, **engine, vigil::Random(1)).ok()) std::abort();
  }
  return 0;
}
