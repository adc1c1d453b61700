// Any JSON as a stored alert and as an engine's saved state: DATA_LOSS (another version: FAILED_PRECONDITION) with a reason, or what is
// written back the same.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "alerting/alert_json.h"
#include "alerting/alerting.h"

using namespace vigil;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto json = ParseJson({reinterpret_cast<const char*>(data), size}, "alert");
  if (!json.ok()) return 0;
  if (const auto alert = AlertFromJson(*json); alert.ok()) {
    const std::string text = DumpJson(AlertToJson(*alert));
    const auto again = AlertFromJson(*ParseJson(text, "again"));
    if (!again.ok() || DumpJson(AlertToJson(*again)) != text) std::abort();
  } else if (!absl::IsDataLoss(alert.status()) || alert.status().message().size() < 30) {
    std::abort();
  }
  AlertEngine engine(DefaultAlertRules());
  if (const Status loaded = engine.Load(*json); loaded.ok()) {
    AlertEngine again(DefaultAlertRules());
    if (!again.Load(engine.Save()).ok() || DumpJson(again.Save()) != DumpJson(engine.Save())) std::abort();
    for (const Alert& alert : engine.Active()) AlertToJson(alert);
  } else if (loaded.message().empty() || !(absl::IsDataLoss(loaded) || absl::IsFailedPrecondition(loaded))) {
    std::abort();
  } else if (DumpJson(engine.Save()) != DumpJson(AlertEngine(DefaultAlertRules()).Save())) {
    std::abort();  // a state that is refused leaves nothing behind
  }
  return 0;
}
