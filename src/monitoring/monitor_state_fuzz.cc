// State bytes from anywhere. The checksum is made to fit, so that what is behind it is reached.
#include <cstdint>
#include <cstring>
#include <string>

#include "base/hash.h"
#include "monitoring/monitor.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string state = "VGLMON\r\n";
  state.append(reinterpret_cast<const char*>(data), size);
  const uint64_t checksum = vigil::StableHash(state);
  state.append(reinterpret_cast<const char*>(&checksum), sizeof checksum);
  const auto monitor = vigil::Monitor::Create({.minute_windows_max = 8, .hour_windows_max = 8, .day_windows_max = 8});
  vigil::MonitoredVersion version;
  version.model = "m";
  version.version = "1";
  if (!monitor->AddVersion(version).ok()) __builtin_trap();
  if (!monitor->Restore(state).ok()) return 0;
  monitor->Advance(20'000 * vigil::kDayUs);
  for (const char* kind : {"traffic", "quality", "drift", "performance", "concept"}) {
    vigil::SeriesQuery query;
    query.model = "m";
    query.kind = kind;
    monitor->Series(query);
  }
  const std::string again = monitor->Serialize();
  if (!vigil::Monitor::Create({})->Restore(again).ok()) __builtin_trap();
  return 0;
}
