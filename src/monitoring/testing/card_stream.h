// A stream of card payments for tests: daily and weekly seasons, a slow feature, a rare class, and a score that knows it.
#pragma once

#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "domain/profile.h"
#include "monitoring/monitor.h"

namespace vigil::testing {

struct CardRow {
  TimeUs time = 0;
  std::array<float, 6> features{};  // amount, during_weekend, during_night, payments_1d, average_30d, risk
  float score = 0;
  bool fraud = false;
};

// What is done to a stream to see whether it is found.
struct CardChange {
  double amount_shift = 0;  // in standard deviations
  double amount_factor = 1;
  double missing_share = 0;  // of payments_1d
  double fraud_unseen = 0;   // share of frauds that the score does not know
  double fraud_rate = 0.02;
};

class CardStream {
 public:
  explicit CardStream(uint64_t seed) : random_(seed) {}

  static std::vector<std::string> Columns() { return {"amount", "during_weekend", "during_night", "payments_1d", "average_30d", "risk"}; }

  // A payment on day `day` (1970-01-01, a Thursday, is 0): more at noon than at night.
  CardRow Row(int64_t day, const CardChange& change = {}) {
    CardRow row;
    const double second = std::clamp(43'200 + 20'000 * random_.Normal(), 0.0, 86'399.0);
    row.time = day * kDayUs + static_cast<TimeUs>(second) * kSecondUs;
    const double hour = second / 3600;
    const bool weekend = (day + 4) % 7 == 6 || (day + 4) % 7 == 0;
    row.fraud = random_.Uniform() < change.fraud_rate;
    const double mean = std::exp(3.6 + 0.6 * random_.Normal());
    double amount = std::max(0.01, mean * (1 + 0.5 * random_.Normal()));
    if (row.fraud) amount += 60;
    row.features[0] = static_cast<float>(amount * change.amount_factor + change.amount_shift * 32);
    row.features[1] = weekend;
    row.features[2] = hour < 7;
    row.features[3] = static_cast<float>(random_.Below(weekend ? 9 : 6) + (hour > 12 ? 1 : 0));
    row.features[4] = static_cast<float>(50 + 12 * random_.Normal() + 0.4 * std::sin(static_cast<double>(day) / 9));  // wanders slowly
    row.features[5] = random_.Uniform() < 0.9 ? 0.0f : static_cast<float>(random_.Uniform());
    if (random_.Uniform() < change.missing_share) row.features[3] = std::numeric_limits<float>::quiet_NaN();
    const bool known = row.fraud && random_.Uniform() >= change.fraud_unseen;
    const double logit = (known ? 1.5 : -4.5) + 1.2 * random_.Normal();
    row.score = static_cast<float>(1 / (1 + std::exp(-logit)));
    return row;
  }

  std::vector<CardRow> Day(int64_t day, int rows, const CardChange& change = {}) {
    std::vector<CardRow> all;
    for (int i = 0; i < rows; ++i) all.push_back(Row(day, change));
    return all;
  }

  Random& random() { return random_; }

 private:
  Random random_;
};

// A profile of days [from, to).
inline std::shared_ptr<const ReferenceProfile> CardReference(uint64_t seed, int64_t from, int64_t to, int rows_a_day) {
  CardStream stream(seed);
  ProfileBuilder builder(CardStream::Columns(), {});
  for (int64_t day = from; day < to; ++day) {
    for (const CardRow& row : stream.Day(day, rows_a_day)) builder.Add(row.features, row.score, row.fraud, row.time);
  }
  return std::make_shared<const ReferenceProfile>(builder.Finish("card stream"));
}

inline MonitoredVersion CardVersion(std::shared_ptr<const ReferenceProfile> reference, uint32_t slot = 0, std::string version = "1") {
  MonitoredVersion monitored;
  monitored.model = "fraud";
  monitored.version = std::move(version);
  monitored.slot = slot;
  monitored.log_schema = slot;
  monitored.columns = CardStream::Columns();
  monitored.reference = std::move(reference);
  return monitored;
}

inline Observation ObservationOf(const CardRow& row, uint32_t slot = 0, uint8_t arm = 0) {
  Observation observation;
  observation.slot = slot;
  observation.arm = arm;
  observation.time = row.time;
  observation.latency_us = 100 + static_cast<uint32_t>(row.time / kSecondUs % 400);
  observation.features = row.features;
  observation.outputs = absl::MakeConstSpan(&row.score, 1);
  return observation;
}

inline LabelledPrediction LabelOf(const CardRow& row, uint32_t schema = 0) {
  LabelledPrediction labelled;
  labelled.schema = schema;
  labelled.time = row.time;
  labelled.outputs = {row.score};
  labelled.label = row.fraud;
  return labelled;
}

}  // namespace vigil::testing
