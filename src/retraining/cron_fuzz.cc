// Any text as a cron expression: refused quoting it, or a schedule whose next time is later, on a minute, and found again from just before.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "retraining/retraining.h"

using namespace vigil;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const TimeUs after : {TimeUs{0}, 1'582'934'400 * kSecondUs + 1, -kDayUs}) {
    const auto next = NextCronTime(text, after);
    if (!next.ok()) {
      if (next.status().message().find("cron \"") != 0 || next.status().message().size() > 500) std::abort();
      continue;
    }
    if (*next <= after || *next % kMinuteUs != 0 || *next - after > 8 * 367 * kDayUs) std::abort();
    if (*NextCronTime(text, *next - 1) != *next) std::abort();
  }
  return 0;
}
