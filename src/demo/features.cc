#include "demo/features.h"

namespace vigil::demo {
namespace {

constexpr std::array<int64_t, 3> kWindows = {kDayUs, 7 * kDayUs, 30 * kDayUs};
constexpr int64_t kNightEndHour = 6;  // hours 0 to 6 are night

int Weekday(TimeUs time) { return static_cast<int>((time / kDayUs + 4) % 7); }  // 0: Sunday; 1970-01-01 was a Thursday

}  // namespace

const std::vector<std::string>& FeatureNames() {
  static const std::vector<std::string> names = {
      "amount",
      "during_weekend",
      "during_night",
      "customer_nb_tx_1d",
      "customer_nb_tx_7d",
      "customer_nb_tx_30d",
      "customer_avg_amount_1d",
      "customer_avg_amount_7d",
      "customer_avg_amount_30d",
      "terminal_nb_tx_1d",
      "terminal_nb_tx_7d",
      "terminal_nb_tx_30d",
      "terminal_risk_1d",
      "terminal_risk_7d",
      "terminal_risk_30d",
  };
  return names;
}

FeatureBuilder::FeatureBuilder(int customers, int terminals, int64_t label_delay_us)
    : label_delay_us_(label_delay_us), customers_(static_cast<size_t>(customers)), terminals_(static_cast<size_t>(terminals)) {}

void FeatureBuilder::History::Move(TimeUs now, int64_t delay) {
  const auto at = [this](int64_t position) -> const Event& { return events[static_cast<size_t>(position - dropped)]; };
  const int64_t total = dropped + static_cast<int64_t>(events.size());
  for (size_t w = 0; w < windows.size(); ++w) {
    Sums& sums = windows[w];
    while (sums.end < total && at(sums.end).time <= now - delay) sums.value += at(sums.end++).value;
    while (sums.begin < sums.end && at(sums.begin).time <= now - delay - kWindows[w]) sums.value -= at(sums.begin++).value;
    if (sums.begin == sums.end) sums.value = 0;  // no drift of rounding
  }
  while (dropped < windows.back().begin) {  // the longest window leaves last
    events.pop_front();
    ++dropped;
  }
}

Features FeatureBuilder::Add(const Transaction& tx) {
  History& customer = customers_[static_cast<size_t>(tx.customer)];
  customer.events.push_back({tx.time, tx.amount});
  customer.Move(tx.time, 0);
  History& terminal = terminals_[static_cast<size_t>(tx.terminal)];
  terminal.Move(tx.time, label_delay_us_);

  Features features{};
  features[0] = tx.amount;
  const int weekday = Weekday(tx.time);
  features[1] = weekday == 0 || weekday == 6 ? 1.0f : 0.0f;
  features[2] = tx.time % kDayUs / kHourUs <= kNightEndHour ? 1.0f : 0.0f;
  for (size_t w = 0; w < 3; ++w) {
    const Sums& own = customer.windows[w];
    features[3 + w] = static_cast<float>(own.count());
    features[6 + w] = static_cast<float>(own.value / static_cast<double>(own.count()));
    const Sums& there = terminal.windows[w];
    features[9 + w] = static_cast<float>(there.count());
    features[12 + w] = there.count() == 0 ? 0.0f : static_cast<float>(there.value / static_cast<double>(there.count()));
  }
  terminal.events.push_back({tx.time, tx.fraud ? 1.0f : 0.0f});
  return features;
}

}  // namespace vigil::demo
