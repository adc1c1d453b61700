// Any bytes as a CatBoost JSON model: refused with a message, or a forest on which every engine agrees with the plain walk.
#include <cstdlib>
#include <string>

#include "runtime/trees/catboost/catboost.h"
#include "runtime/trees/engine_choice.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vigil::trees;
  const std::string_view content(reinterpret_cast<const char*>(data), size);
  const auto document = ReadJsonDocument(content);
  if (!document.ok()) return 0;
  const auto file = ReadCatboostJson(*document);
  if (!file.ok() || file->columns > 4096 || file->outputs > 64) return 0;
  const auto model = MakeCatboostModel(*file);
  if (!model.ok()) return 0;
  for (const std::string& name : EngineNames()) {
    const auto engine = MakeEngine(model->forest, name);
    if (engine.ok() && !SelfCheck(model->forest, **engine, vigil::Random(1)).ok()) std::abort();
  }
  return 0;
}
