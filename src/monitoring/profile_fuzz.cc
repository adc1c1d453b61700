// A reference profile from anywhere: refused, or one that counts and reports without fault.
#include <cstdint>
#include <string_view>

#include "domain/profile_json.h"
#include "monitoring/batch.h"
#include "monitoring/monitor.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto profile = vigil::ProfileFromJson({reinterpret_cast<const char*>(data), size}, "fuzz");
  if (!profile.ok()) return 0;
  vigil::SchemaFromProfile(*profile);
  if (!vigil::ProfileFromJson(vigil::ProfileToJson(*profile), "again").ok()) __builtin_trap();
  vigil::MonitoredVersion version;
  version.reference = std::make_shared<const vigil::ReferenceProfile>(*profile);
  for (const auto& column : profile->columns) version.columns.push_back(column.name);
  vigil::BatchMonitor monitor(version, {.rows_min = 1});
  std::vector<float> row(profile->columns.size());
  for (const float value : {0.0f, -1e30f, __builtin_inff(), __builtin_nanf(""), 3.0f}) {
    std::fill(row.begin(), row.end(), value);
    monitor.Add(row, {&value, 1}, 1);
  }
  monitor.Findings();
  return 0;
}
