#include "demo/days.h"

namespace vigil::demo {
namespace {

class Simulated final : public DaySource {
 public:
  explicit Simulated(const SimulatorOptions& options) : simulator_(options), builder_(options.customers, options.terminals) {}

  StatusOr<std::vector<DemoRow>> NextDay() override {
    std::vector<DemoRow> rows;
    for (const Transaction& tx : simulator_.NextDay()) {
      rows.push_back({tx.id, tx.time, tx.customer, builder_.Add(tx), tx.fraud});
    }
    return rows;
  }

 private:
  Simulator simulator_;
  FeatureBuilder builder_;
};

}  // namespace

std::unique_ptr<DaySource> SimulatedDays(const SimulatorOptions& options) { return std::make_unique<Simulated>(options); }

}  // namespace vigil::demo
