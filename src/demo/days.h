// The demo's days of transactions, whether simulated here or read from files.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "demo/features.h"

namespace vigil::demo {

struct DemoRow {
  int64_t id = 0;
  TimeUs time = 0;
  int32_t customer = 0;
  Features features{};
  bool fraud = false;
};

class DaySource {
 public:
  virtual ~DaySource() = default;
  // The next day's rows in time order; empty: there are no more days.
  virtual StatusOr<std::vector<DemoRow>> NextDay() = 0;
};

// From the simulator, changing at `options.change_day`.
std::unique_ptr<DaySource> SimulatedDays(const SimulatorOptions& options);

// From *.parquet files in `directory` with columns tx_id, tx_time, customer_id, terminal_id, the 15 features, is_fraud, fraud_scenario.
// `change_day` >= 0: from that day on the fraud of compromised terminals becomes legitimate, and as much fraud moves to that day's small
// payments at night by customers who pay often; terminal_risk_* are recomputed with the week's delay.
StatusOr<std::unique_ptr<DaySource>> ParquetDays(const std::string& directory, int change_day, uint64_t seed);

}  // namespace vigil::demo
