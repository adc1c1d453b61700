// Any JSON as `vigil train`'s document, as triggers and as a trigger policy's stored state: refused naming a place, or within bounds.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "retraining/retraining.h"

using namespace vigil;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto json = ParseJson({reinterpret_cast<const char*>(data), size}, "doc");
  if (!json.ok()) return 0;
  if (const auto train = TrainConfigFromJson(*json, "train", "/base"); train.ok()) {
    if (train->rows.empty() || train->output.empty() || train->rounds < 1 || train->early_stopping_rounds < 0) std::abort();
    if (train->output.front() != '/' || train->rows.front().empty()) std::abort();
  } else if (train.status().message().find("train") != 0) {
    std::abort();
  }
  const auto triggers = TriggerOptionsFromJson(*json, "triggers");
  if (!triggers.ok() && triggers.status().message().find("triggers") != 0) std::abort();
  if (triggers.ok() && (triggers->runs_per_day_max < 1 || triggers->cooldown_us < 0)) std::abort();
  TriggerPolicy policy(triggers.ok() ? *triggers : TriggerOptions());
  if (const Status loaded = policy.Load(*json); loaded.ok()) {
    TriggerPolicy again(triggers.ok() ? *triggers : TriggerOptions());
    if (!again.Load(policy.Save()).ok() || again.Save() != policy.Save()) std::abort();
  } else if (!absl::IsDataLoss(loaded) || loaded.message().find("trigger state: ") != 0) {
    std::abort();
  }
  return 0;
}
