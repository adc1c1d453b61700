// Two months of the shared card transactions through monitoring and the default rules, labels a week late: nothing fires while nothing
// is wrong, and one injected fault is one alert. The champion is a fixed rule of thumb, so that no trainer is needed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <iostream>

#include "alerting/alerting.h"
#include "base/random.h"
#include "base/testing/paths.h"
#include "base/text.h"
#include "monitoring/monitor.h"
#include "storage/tables.h"

namespace vigil {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::vector<std::string>& Columns() {
  static const auto& columns = *new std::vector<std::string>{"amount",
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
                                                             "terminal_risk_30d"};
  return columns;
}

// High amounts, risky terminals, amounts far above the customer's usual.
float Score(const std::vector<float>& x) {
  const float amount = x[0], average = x[8], risk = x[13];
  const float odds = -5 + (amount > 220 ? 6.0f : 0.0f) + 7 * risk + std::clamp(amount / std::max(average, 1.0f) - 2.5f, -0.5f, 3.0f);
  return 1 / (1 + std::exp(-odds));
}

struct Transaction {
  TimeUs time = 0;
  std::vector<float> features;
  double label = 0;
  int scenario = 0;
};

void ForEach(const std::vector<std::string>& files, const std::function<void(Transaction&)>& visit) {
  auto reader = OpenTable(files);
  ASSERT_TRUE(reader.ok()) << reader.status();
  const std::vector<TableColumn>& types = (*reader)->columns();
  const auto index = [&](const std::string& name) {
    return static_cast<size_t>(std::find_if(types.begin(), types.end(), [&](const TableColumn& c) { return c.name == name; }) -
                               types.begin());
  };
  std::vector<size_t> features;
  for (const std::string& column : Columns()) features.push_back(index(column));
  const size_t time = index("tx_time"), label = index("is_fraud"), scenario = index("fraud_scenario");
  TableChunk chunk;
  Transaction transaction;
  while (*(*reader)->Next(&chunk)) {
    for (size_t i = 0; i < chunk.rows; ++i) {
      transaction.time = chunk.columns[time].ints[i];
      transaction.features.clear();
      for (size_t column : features) transaction.features.push_back(static_cast<float>(chunk.Number(column, i, types)));
      transaction.label = chunk.Number(label, i, types);
      transaction.scenario = static_cast<int>(chunk.Number(scenario, i, types));
      visit(transaction);
    }
  }
}

// What the default rules say of June and July after `fault` had its way with each transaction.
std::vector<AlertChange> Replay(const std::function<void(Transaction&, Random&)>& fault) {
  const std::string data = *testing::SharedPath("data/fraud");
  ProfileBuilder builder(Columns(), {});
  ForEach({data + "/tx-2018-04.parquet", data + "/tx-2018-05.parquet"},
          [&](Transaction& t) { builder.Add(t.features, Score(t.features), t.label, t.time); });
  const auto monitor = Monitor::Create({});
  MonitoredVersion version;
  version.model = "fraud";
  version.version = "1";
  version.log_schema = 1;
  version.columns = Columns();
  version.reference = std::make_shared<ReferenceProfile>(builder.Finish("April and May"));
  EXPECT_TRUE(monitor->AddVersion(version).ok());
  const auto writer = monitor->NewWriter();
  AlertEngine engine(DefaultAlertRules());
  std::vector<AlertChange> changes;
  std::deque<LabelledPrediction> late;
  Random random(1);
  TimeUs looked = 0;
  ForEach({data + "/tx-2018-06.parquet", data + "/tx-2018-07.parquet"}, [&](Transaction& t) {
    fault(t, random);
    const float score = Score(t.features);
    Observation row;
    row.time = t.time;
    row.latency_us = 200;
    row.features = t.features;
    row.outputs = absl::MakeConstSpan(&score, 1);
    writer->Observe(row);
    LabelledPrediction labelled;
    labelled.schema = 1;
    labelled.time = t.time;
    labelled.label_time = t.time + 7 * kDayUs;
    labelled.latency_us = 200;
    labelled.outputs = {score};
    labelled.label = t.label;
    labelled.arm = "champion";
    late.push_back(std::move(labelled));
    for (; late.front().label_time <= t.time; late.pop_front()) monitor->AddLabelled(late.front());
    if (t.time - looked < 10 * kMinuteUs) return;
    looked = t.time;
    writer->Seal();
    for (AlertChange& change : engine.Evaluate(monitor->Advance(t.time), t.time)) changes.push_back(std::move(change));
  });
  return changes;
}

std::vector<Alert> Fired(const std::vector<AlertChange>& changes) {
  std::vector<Alert> fired;
  for (const AlertChange& change : changes) {
    if (change.kind == AlertChange::Kind::kFired) fired.push_back(change.alert);
  }
  return fired;
}

#define NEEDS_TRANSACTIONS()                                                                         \
  if (!testing::SharedPath("data/fraud").has_value()) {                                              \
    std::cout << "the shared card transactions are not on this machine (VIGIL_SHARED names them)\n"; \
    GTEST_SKIP() << "no shared card transactions";                                                   \
  }

TEST(FraudReplay, TwoQuietMonthsAreQuiet) {
  NEEDS_TRANSACTIONS();
  EXPECT_THAT(Fired(Replay([](Transaction&, Random&) {})), IsEmpty());
}

TEST(FraudReplay, ABrokenInputIsOneAlertTheNextDay) {
  NEEDS_TRANSACTIONS();
  const TimeUs begin = *ParseTime("2018-07-10"), end = *ParseTime("2018-07-16");
  const auto fired = Fired(Replay([&](Transaction& t, Random& random) {
    if (t.time < begin || t.time >= end || random.Uniform() >= 0.3) return;
    for (size_t column : {6, 7, 8}) t.features[column] *= 100;
  }));
  ASSERT_EQ(fired.size(), 1u);
  EXPECT_EQ(fired[0].rule, "feature_drift");
  EXPECT_THAT(fired[0].columns,
              ::testing::UnorderedElementsAre("customer_avg_amount_1d", "customer_avg_amount_7d", "customer_avg_amount_30d"));
  EXPECT_GE(fired[0].fired, begin + kDayUs);
  EXPECT_LT(fired[0].fired, begin + kDayUs + kHourUs);
}

TEST(FraudReplay, AChangeOfConceptIsOneAlertAsSoonAsLabelsTell) {
  NEEDS_TRANSACTIONS();
  const TimeUs begin = *ParseTime("2018-07-10");
  const auto fired = Fired(Replay([&](Transaction& t, Random& random) {
    if (t.time < begin) return;
    const bool quiet_night = t.features[2] > 0 && t.features[0] < 20 && t.features[3] >= 4;
    if (t.scenario == 2) {
      t.label = 0;
    } else if (quiet_night && random.Uniform() < 0.1) {
      t.label = 1;
    }
  }));
  ASSERT_EQ(fired.size(), 1u);
  EXPECT_THAT(fired[0].labels.at("kinds"), ::testing::AnyOf(HasSubstr("performance"), HasSubstr("concept")));
  EXPECT_GE(fired[0].fired, begin + 7 * kDayUs) << "before any label";
  EXPECT_LT(fired[0].fired, begin + 11 * kDayUs);
}

}  // namespace
}  // namespace vigil
