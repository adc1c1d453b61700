#include "monitoring/monitor.h"

#include <malloc.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <thread>

#include "monitoring/batch.h"
#include "monitoring/label_layout.h"
#include "monitoring/testing/card_stream.h"
#include "stats/metrics.h"

namespace vigil {
namespace {

using testing::CardChange;
using testing::CardReference;
using testing::CardRow;
using testing::CardStream;
using testing::CardVersion;
using testing::LabelOf;
using testing::ObservationOf;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

const std::shared_ptr<const ReferenceProfile>& Reference() {
  static const auto& reference = *new std::shared_ptr<const ReferenceProfile>(CardReference(1, 0, 28, 1000));
  return reference;
}

std::vector<Finding> Select(const std::vector<Finding>& findings, std::string_view metric, std::string_view column = "") {
  std::vector<Finding> selected;
  for (const Finding& f : findings) {
    if (f.metric == metric && f.column == column) selected.push_back(f);
  }
  return selected;
}

// Feeds rows through one writer in turns of a hundred.
void Feed(Monitor& monitor, const std::vector<CardRow>& rows, uint32_t slot = 0, uint8_t arm = 0) {
  const auto writer = monitor.NewWriter();
  for (size_t i = 0; i < rows.size(); ++i) {
    writer->Observe(ObservationOf(rows[i], slot, arm));
    if (i % 100 == 99) writer->Seal();
  }
  writer->Seal();
}

SeriesQuery Query(std::string kind, Window window) {
  SeriesQuery query;
  query.model = "fraud";
  query.kind = std::move(kind);
  query.window = window;
  return query;
}

TEST(Monitor, AnySplitOverThreadsAndOrdersGivesTheSameState) {
  CardStream stream(2);
  std::vector<CardRow> rows;
  for (int64_t day = 100; day < 103; ++day) {
    for (CardRow& row : stream.Day(day, 1500, {.missing_share = 0.1})) rows.push_back(row);
  }
  rows[5].features[0] = std::numeric_limits<float>::infinity();
  const auto state_of = [&](uint64_t seed, int threads) {
    const auto monitor = Monitor::Create({.sketch_windows_max = 4});
    EXPECT_TRUE(monitor->AddVersion(CardVersion(Reference())).ok());
    std::vector<CardRow> order = rows;
    Random random(seed);
    if (seed > 0) std::shuffle(order.begin(), order.end(), random);
    std::vector<std::thread> running;
    for (int t = 0; t < threads; ++t) {
      running.emplace_back([&, t] {
        const auto writer = monitor->NewWriter();
        for (size_t i = static_cast<size_t>(t); i < order.size(); i += static_cast<size_t>(threads)) {
          writer->Observe(ObservationOf(order[i], 0, static_cast<uint8_t>(order[i].time % 3)));
          if (i % 37 == 0) writer->Seal();
        }
      });
    }
    // The merger takes while the writers write.
    for (int i = 0; i < 20; ++i) monitor->Series(Query("traffic", Window::kDay));
    for (std::thread& thread : running) thread.join();
    EXPECT_EQ(monitor->counters().rows_shed, 0);
    return monitor->Serialize();
  };
  const std::string expected = state_of(0, 1);
  EXPECT_EQ(state_of(1, 1), expected);
  EXPECT_EQ(state_of(2, 4), expected);
  EXPECT_EQ(state_of(3, 3), expected);
}

TEST(Monitor, WindowsGoByTheRowsOwnTimes) {
  const auto monitor = Monitor::Create({});
  ASSERT_TRUE(monitor->AddVersion(CardVersion(Reference())).ok());
  const auto writer = monitor->NewWriter();
  CardRow row = CardStream(1).Row(0);
  // Two hours forth and back, and one row before 1970.
  for (const int64_t minute : {120, 0, 119, 60, 61, 1, 120, -1}) {
    row.time = minute * kMinuteUs + 1;
    writer->Observe(ObservationOf(row));
  }
  writer->Seal();
  const auto minutes = Select(monitor->Series(Query("traffic", Window::kMinute)), "rows");
  const auto hours = Select(monitor->Series(Query("traffic", Window::kHour)), "rows");
  const auto days = Select(monitor->Series(Query("traffic", Window::kDay)), "rows");
  std::map<int64_t, double> by_minute, by_hour, by_day;
  for (const Finding& f : minutes) by_minute[f.window_start / kMinuteUs] = f.value;
  for (const Finding& f : hours) by_hour[f.window_start / kHourUs] = f.value;
  for (const Finding& f : days) by_day[f.window_start / kDayUs] = f.value;
  EXPECT_EQ(by_minute, (std::map<int64_t, double>{{-1, 1}, {0, 1}, {1, 1}, {60, 1}, {61, 1}, {119, 1}, {120, 2}}));
  EXPECT_EQ(by_hour, (std::map<int64_t, double>{{-1, 1}, {0, 2}, {1, 3}, {2, 2}}));
  EXPECT_EQ(by_day, (std::map<int64_t, double>{{-1, 1}, {0, 7}}));
  // A window of the query's range only.
  SeriesQuery query = Query("traffic", Window::kHour);
  query.from = kHourUs;
  query.to = 2 * kHourUs;
  const auto one = Select(monitor->Series(query), "rows");
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(one[0].window_end, 2 * kHourUs);
}

TEST(Monitor, AdvanceTellsEachClosedWindowOnce) {
  const auto monitor = Monitor::Create({.lateness_us = 5 * kMinuteUs});
  ASSERT_TRUE(monitor->AddVersion(CardVersion(Reference())).ok());
  const auto writer = monitor->NewWriter();
  CardRow row = CardStream(1).Row(0);
  row.time = 30 * kSecondUs;
  writer->Observe(ObservationOf(row));
  Observation refused = ObservationOf(row);
  refused.refused = true;
  writer->Observe(refused);
  writer->Seal();
  EXPECT_TRUE(monitor->Advance(6 * kMinuteUs - 1).empty());
  const auto findings = monitor->Advance(6 * kMinuteUs);
  ASSERT_EQ(Select(findings, "rows").size(), 1u);
  EXPECT_EQ(Select(findings, "rows")[0].value, 1);
  EXPECT_EQ(Select(findings, "refused_rows")[0].value, 1);
  EXPECT_DOUBLE_EQ(Select(findings, "refused_share")[0].value, 0.5);
  EXPECT_NEAR(Select(findings, "latency_p50_us")[0].value, 130, 10);
  EXPECT_TRUE(monitor->Advance(7 * kMinuteUs).empty());
  // A late row still counts, though its window was told of already.
  writer->Observe(ObservationOf(row));
  writer->Seal();
  EXPECT_TRUE(monitor->Advance(8 * kMinuteUs).empty());
  EXPECT_EQ(Select(monitor->Series(Query("traffic", Window::kMinute)), "rows")[0].value, 2);
}

TEST(Monitor, QualitySharesAreExact) {
  const auto monitor = Monitor::Create({});
  ASSERT_TRUE(monitor->AddVersion(CardVersion(Reference())).ok());
  const auto writer = monitor->NewWriter();
  CardStream stream(4);
  for (int i = 0; i < 1000; ++i) {
    CardRow row = stream.Row(40);
    row.time = 40 * kDayUs + i;
    if (i < 50) row.features[0] = kNaN;
    if (i >= 50 && i < 70) row.features[0] = 1e9f;
    if (i >= 70 && i < 80) row.features[0] = -std::numeric_limits<float>::infinity();
    if (i < 30) row.features[1] = 7;  // no such category
    Observation observation = ObservationOf(row);
    observation.cleaned = i % 10 == 0 ? 3 : 0;
    writer->Observe(observation);
  }
  writer->Seal();
  const auto findings = monitor->Series(Query("quality", Window::kHour));
  EXPECT_DOUBLE_EQ(Select(findings, "missing_share", "amount").at(0).value, 0.05);
  EXPECT_TRUE(Select(findings, "missing_share", "amount").at(0).significant);
  EXPECT_FALSE(Select(findings, "missing_share", "risk").at(0).significant);
  EXPECT_DOUBLE_EQ(Select(findings, "out_of_range_share", "amount").at(0).value, 0.03);
  EXPECT_DOUBLE_EQ(Select(findings, "infinite_share", "amount").at(0).value, 0.01);
  EXPECT_DOUBLE_EQ(Select(findings, "out_of_range_share", "during_weekend").at(0).value, 0.03);
  EXPECT_DOUBLE_EQ(Select(findings, "cleaned_share").at(0).value, 0.1);
  EXPECT_GT(Select(findings, "outlier_share").at(0).value, 0.03);
}

TEST(Monitor, OutlierScoreIsTheMeanSurprise) {
  const auto monitor = Monitor::Create({});
  ASSERT_TRUE(monitor->AddVersion(CardVersion(Reference(), 2)).ok());
  const auto writer = monitor->NewWriter();
  const CardRow row = CardStream(9).Row(30);
  double bits = 0;
  for (size_t c = 0; c < row.features.size(); ++c) {
    const ColumnProfile& column = Reference()->columns[c];
    const std::vector<double>& values = column.kind == ColumnKind::kNumeric ? column.edges : column.categories;
    auto bin = static_cast<size_t>(std::count_if(values.begin(), values.end(), [&](double v) { return v <= row.features[c]; }));
    if (column.kind == ColumnKind::kCategorical) --bin;
    const double rows = static_cast<double>(Reference()->rows) + 0.5 * static_cast<double>(column.bins() + 1);
    bits -= std::log2((static_cast<double>(column.counts[bin]) + 0.5) / rows);
  }
  EXPECT_NEAR(writer->OutlierScore(2, row.features), bits / 6, 1e-5);
  EXPECT_TRUE(std::isnan(writer->OutlierScore(0, row.features)));
  EXPECT_TRUE(std::isnan(writer->OutlierScore(99, row.features)));
}

TEST(Monitor, BatchGivesTheLiveFindings) {
  const std::vector<CardRow> rows = CardStream(6).Day(60, 4000, {.amount_shift = 0.2, .missing_share = 0.03});
  const auto monitor = Monitor::Create({});
  ASSERT_TRUE(monitor->AddVersion(CardVersion(Reference())).ok());
  Feed(*monitor, rows);
  BatchMonitor batch(CardVersion(Reference()), {});
  for (const CardRow& row : rows) {
    batch.Add(row.features, absl::MakeConstSpan(&row.score, 1), row.fraud, row.time);
    monitor->AddLabelled(LabelOf(row));
  }
  std::vector<Finding> live;
  for (const char* kind : {"quality", "drift", "performance"}) {
    for (Finding& f : monitor->Series(Query(kind, Window::kDay))) live.push_back(std::move(f));
  }
  const std::vector<Finding> offline = batch.Findings();
  ASSERT_EQ(offline.size(), live.size());
  ASSERT_GT(live.size(), 40u);
  for (size_t i = 0; i < live.size(); ++i) {
    EXPECT_EQ(offline[i].metric, live[i].metric);
    EXPECT_EQ(offline[i].column, live[i].column);
    EXPECT_EQ(offline[i].value, live[i].value) << live[i].metric << " " << live[i].column;
    EXPECT_EQ(offline[i].p_value, live[i].p_value);
    EXPECT_EQ(offline[i].significant, live[i].significant);
    EXPECT_EQ(offline[i].window_start, live[i].window_start);
    EXPECT_EQ(offline[i].n, live[i].n);
  }
  EXPECT_TRUE(Select(offline, "psi", "amount").at(0).significant);
}

TEST(Monitor, MaturedPerformanceIsThatOfTheRowsThemselves) {
  const auto monitor = Monitor::Create({});
  ASSERT_TRUE(monitor->AddVersion(CardVersion(Reference())).ok());
  const std::vector<CardRow> rows = CardStream(8).Day(200, 5000);
  Feed(*monitor, rows);
  std::vector<double> labels, scores;
  for (size_t i = 0; i < 4000; ++i) {  // a fifth never gets a label
    LabelledPrediction wrong = LabelOf(rows[i]);
    wrong.label = 1 - wrong.label;
    monitor->AddLabelled(wrong);
    LabelledPrediction right = LabelOf(rows[i]);
    right.replaced = true;
    right.previous_label = wrong.label;
    monitor->AddLabelled(right);
    labels.push_back(rows[i].fraud);
    scores.push_back(rows[i].score);
  }
  EXPECT_TRUE(Select(monitor->Advance(201 * kDayUs + 7 * kDayUs), "accuracy").empty()) << "lateness has not passed";
  const auto findings = monitor->Advance(201 * kDayUs + 7 * kDayUs + 5 * kMinuteUs);
  const auto exact = stats::ComputeBinaryMetrics(labels, scores, 0.5);
  ASSERT_TRUE(exact.ok());
  const std::map<std::string, std::pair<double, double>> expected = {
      {"accuracy", {exact->accuracy, 1e-12}}, {"precision", {exact->precision, 1e-12}},
      {"recall", {exact->recall, 1e-12}},     {"f1", {exact->f1, 1e-12}},
      {"log_loss", {exact->log_loss, 1e-8}},  {"brier", {exact->brier, 1e-8}},
      {"roc_auc", {exact->roc_auc, 2e-4}},    {"average_precision", {exact->average_precision, 2e-3}}};
  for (const auto& [metric, value] : expected) {
    const auto found = Select(findings, metric);
    ASSERT_EQ(found.size(), 2u) << metric << ": of the version, and of all versions together";
    for (const Finding& f : found) {
      EXPECT_NEAR(f.value, value.first, value.second) << metric;
      EXPECT_EQ(f.n, 4000);
      EXPECT_DOUBLE_EQ(f.maturity, 0.8);
    }
    EXPECT_THAT((std::vector<std::string>{found[0].version, found[1].version}), ::testing::UnorderedElementsAre("1", ""));
  }
  // A label that comes after the day was told of: told again.
  EXPECT_TRUE(Select(monitor->Advance(300 * kDayUs), "accuracy").empty());
  monitor->AddLabelled(LabelOf(rows[4000]));
  EXPECT_EQ(Select(monitor->Advance(301 * kDayUs), "accuracy").at(0).n, 4001);
}

TEST(Monitor, LabelsThatAreNoneAreCounted) {
  const auto monitor = Monitor::Create({});
  ASSERT_TRUE(monitor->AddVersion(CardVersion(Reference())).ok());
  LabelledPrediction label = LabelOf(CardStream(1).Row(3));
  for (const double value : {std::nan(""), HUGE_VAL, 0.5, -1.0, 2.0}) {
    label.label = value;
    monitor->AddLabelled(label);
  }
  label.label = 1;
  label.outputs.clear();
  monitor->AddLabelled(label);
  label.schema = 77;
  monitor->AddLabelled(label);
  EXPECT_EQ(monitor->counters().labels_refused, 6);
  EXPECT_EQ(monitor->counters().labels_unknown, 1);
  EXPECT_TRUE(Select(monitor->Series(Query("performance", Window::kDay)), "labelled_share").empty());
}

TEST(Monitor, SegmentsCompareArms) {
  const auto monitor = Monitor::Create({});
  ASSERT_TRUE(monitor->AddVersion(CardVersion(Reference(), 0, "1")).ok());
  ASSERT_TRUE(monitor->AddVersion(CardVersion(Reference(), 1, "2")).ok());
  CardStream stream(12);
  Feed(*monitor, stream.Day(90, 900), 0, 0);
  Feed(*monitor, stream.Day(90, 300), 1, 1);
  Feed(*monitor, stream.Day(90, 500), 1, 2);
  const auto rows = [&](const std::string& version, const std::string& segment, bool together = false) {
    SeriesQuery query = Query("traffic", Window::kDay);
    query.version = version;
    query.segment = segment;
    query.together = together;
    double sum = 0;
    for (const Finding& f : Select(monitor->Series(query), "rows")) sum += f.value;
    return sum;
  };
  EXPECT_EQ(rows("", ""), 1700);
  EXPECT_EQ(rows("1", ""), 900);
  EXPECT_EQ(rows("2", ""), 800);
  EXPECT_EQ(rows("2", "arm=treatment"), 300);
  EXPECT_EQ(rows("2", "arm=canary"), 300);
  EXPECT_EQ(rows("2", "arm=shadow"), 500);
  EXPECT_EQ(rows("2", "arm=champion"), 0);
  EXPECT_EQ(rows("", "", true), 1200) << "callers saw no shadow";
  EXPECT_EQ(rows("", "region=eu"), 0);
  EXPECT_EQ(rows("3", ""), 0);
}

TEST(Monitor, RegressionAndMulticlassMetricsAreExact) {
  const auto monitor = Monitor::Create({});
  MonitoredVersion regression{.model = "r", .version = "1", .slot = 0, .log_schema = 10, .task = Task::kRegression};
  MonitoredVersion classes{.model = "c", .version = "1", .slot = 1, .log_schema = 11, .task = Task::kMulticlass, .output_width = 3};
  ASSERT_TRUE(monitor->AddVersion(regression).ok());
  ASSERT_TRUE(monitor->AddVersion(classes).ok());
  Random random(3);
  std::vector<double> targets, predictions, probabilities;
  std::vector<int32_t> truth;
  for (int i = 0; i < 2000; ++i) {
    LabelledPrediction p;
    p.schema = 10;
    p.label = 1000 + 50 * random.Normal();
    p.outputs = {static_cast<float>(p.label + 10 * random.Normal())};
    targets.push_back(p.label);
    predictions.push_back(p.outputs[0]);
    monitor->AddLabelled(p);
    LabelledPrediction c;
    c.schema = 11;
    float a = static_cast<float>(random.Uniform()), b = static_cast<float>(random.Uniform()) * (1 - a);
    c.outputs = {a, b, 1 - a - b};
    c.label = static_cast<double>(random.Below(3));
    truth.push_back(static_cast<int32_t>(c.label));
    probabilities.insert(probabilities.end(), c.outputs.begin(), c.outputs.end());
    monitor->AddLabelled(c);
  }
  SeriesQuery query = Query("performance", Window::kDay);
  query.model = "r";
  auto findings = monitor->Series(query);
  const auto exact = stats::ComputeRegressionMetrics(targets, predictions);
  ASSERT_TRUE(exact.ok());
  EXPECT_NEAR(Select(findings, "mae").at(0).value, exact->mae, 1e-7);
  EXPECT_NEAR(Select(findings, "mse").at(0).value, exact->mse, 1e-6);
  EXPECT_NEAR(Select(findings, "rmse").at(0).value, exact->rmse, 1e-7);
  EXPECT_NEAR(Select(findings, "r2").at(0).value, exact->r2, 1e-7);
  query.model = "c";
  findings = monitor->Series(query);
  const auto classified = stats::ComputeMulticlassMetrics(truth, probabilities, 3);
  ASSERT_TRUE(classified.ok());
  EXPECT_NEAR(Select(findings, "accuracy").at(0).value, classified->accuracy, 1e-12);
  EXPECT_NEAR(Select(findings, "macro_f1").at(0).value, classified->macro.f1, 1e-12);
  EXPECT_NEAR(Select(findings, "log_loss").at(0).value, classified->log_loss, 1e-6);
}

TEST(Monitor, StateSurvivesARestartAndMerges) {
  const MonitoredVersion version = CardVersion(Reference());
  const auto whole = Monitor::Create({});
  const auto before = Monitor::Create({});
  ASSERT_TRUE(whole->AddVersion(version).ok());
  ASSERT_TRUE(before->AddVersion(version).ok());
  CardStream stream(20);
  const auto play = [&](Monitor& monitor, const std::vector<CardRow>& rows, int64_t day) {
    Feed(monitor, rows);
    for (const CardRow& row : rows) monitor.AddLabelled(LabelOf(row));
    return monitor.Advance((day + 9) * kDayUs);
  };
  for (int64_t day = 100; day < 112; ++day) {
    const auto rows = stream.Day(day, 500, {.fraud_rate = 0.2});
    play(*whole, rows, day);
    play(*before, rows, day);
  }
  const std::string state = before->Serialize();
  EXPECT_EQ(state, whole->Serialize());
  // Before its version is there, and after.
  for (const bool early : {true, false}) {
    const auto after = Monitor::Create({});
    if (!early) {
      ASSERT_TRUE(after->AddVersion(version).ok());
    }
    ASSERT_TRUE(after->Restore(state).ok());
    if (early) {
      ASSERT_TRUE(after->AddVersion(version).ok());
    }
    EXPECT_EQ(after->Serialize(), state);
    if (!early) continue;
    for (int64_t day = 112; day < 116; ++day) {
      const auto rows = stream.Day(day, 500, {.fraud_rate = 0.2});
      const auto expected = play(*whole, rows, day), found = play(*after, rows, day);
      ASSERT_EQ(found.size(), expected.size()) << "nothing is told twice";
      for (size_t i = 0; i < found.size(); ++i) EXPECT_EQ(found[i].value, expected[i].value) << found[i].metric;
    }
    EXPECT_EQ(after->Serialize(), whole->Serialize());
  }
}

TEST(Monitor, RestoreRefusesBrokenBytes) {
  const auto monitor = Monitor::Create({});
  ASSERT_TRUE(monitor->AddVersion(CardVersion(Reference())).ok());
  Feed(*monitor, CardStream(1).Day(10, 200));
  const std::string state = monitor->Serialize();
  Random random(1);
  for (int i = 0; i < 300; ++i) {
    std::string broken = state;
    if (i % 2 == 0) {
      broken[random.Below(broken.size())] ^= static_cast<char>(1 + random.Below(255));
    } else {
      broken.resize(random.Below(broken.size()));
    }
    const Status status = monitor->Restore(broken);
    ASSERT_EQ(status.code(), absl::StatusCode::kDataLoss);
  }
  EXPECT_EQ(monitor->Serialize(), state);
}

TEST(Monitor, ReferenceMustFitTheModel) {
  const auto monitor = Monitor::Create({});
  MonitoredVersion version = CardVersion(Reference());
  version.columns[2] = "night";
  EXPECT_EQ(monitor->AddVersion(version).code(), absl::StatusCode::kInvalidArgument);
  version.columns.pop_back();
  EXPECT_EQ(monitor->AddVersion(version).code(), absl::StatusCode::kInvalidArgument);
  version = CardVersion(Reference());
  EXPECT_TRUE(monitor->AddVersion(version).ok());
  version.slot = 5;
  EXPECT_TRUE(monitor->AddVersion(version).ok()) << "loaded again";
  EXPECT_EQ(monitor->counters().windows_dropped, 0);
}

TEST(Monitor, AnotherReferenceStartsAfresh) {
  const auto monitor = Monitor::Create({});
  MonitoredVersion version = CardVersion(nullptr);
  version.log_schema = 1;
  ASSERT_TRUE(monitor->AddVersion(version).ok());
  CardStream stream(1);
  const std::vector<CardRow> day = stream.Day(100, 1500);
  const auto writer = monitor->NewWriter();
  writer->Observe(ObservationOf(day[0]));
  writer->Seal();
  EXPECT_EQ(Select(monitor->Series(Query("traffic", Window::kDay)), "rows").size(), 1u);
  writer->Observe(ObservationOf(day[0]));  // under way, in the bins of before
  version.slot = 5;
  version.log_schema = 2;
  version.reference = Reference();
  ASSERT_TRUE(monitor->AddVersion(version).ok());
  EXPECT_EQ(monitor->counters().windows_dropped, 1);
  writer->Seal();
  Feed(*monitor, day, 5);
  LabelledPrediction label = LabelOf(day[0]);
  for (const uint32_t schema : {1u, 2u}) {
    label.schema = schema;
    monitor->AddLabelled(label);
  }
  const auto rows = Select(monitor->Series(Query("traffic", Window::kDay)), "rows");
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].value, 1500) << "what the new bins saw, and nothing else";
  EXPECT_FALSE(Select(monitor->Series(Query("drift", Window::kDay)), "psi", "amount").empty());
  EXPECT_EQ(monitor->counters().labels_unknown, 0) << "labels of rows logged before are this version's";
  EXPECT_EQ(monitor->counters().rows_unknown, 0);
  const auto after = Monitor::Create({});
  ASSERT_TRUE(after->AddVersion(version).ok());
  EXPECT_TRUE(after->Restore(monitor->Serialize()).ok());
}

TEST(Monitor, MaximaAreKept) {
  const auto monitor = Monitor::Create({.minute_windows_max = 10, .hour_windows_max = 3, .day_windows_max = 2, .handover_bytes_max = 1000});
  ASSERT_TRUE(monitor->AddVersion(CardVersion(Reference())).ok());
  CardRow row = CardStream(1).Row(0);
  const auto writer = monitor->NewWriter();
  for (int64_t minute = 0; minute < 600; ++minute) {
    row.time = minute * 7 * kMinuteUs;
    writer->Observe(ObservationOf(row));
  }
  writer->Seal();
  const auto minutes = Select(monitor->Series(Query("traffic", Window::kMinute)), "rows");
  EXPECT_LE(minutes.size(), 10u);
  EXPECT_GT(monitor->counters().rows_shed, 0);
  EXPECT_EQ(Select(monitor->Series(Query("traffic", Window::kHour)), "rows").size(), 3u);
  Observation unknown = ObservationOf(row, 9);
  writer->Observe(unknown);
  writer->Seal();
  monitor->Advance(0);
  EXPECT_EQ(monitor->counters().rows_unknown, 1);
  SeriesQuery query = Query("traffic", Window::kMinute);
  query.points_max = 5;
  EXPECT_EQ(monitor->Series(query).size(), 5u);
}

TEST(Monitor, AVersionThatIsServedNoLongerKeepsOnlyItsPackedWindows) {
  constexpr uint32_t kVersions = 200;
  const auto monitor = Monitor::Create({});
  const auto writer = monitor->NewWriter();
  CardStream stream(4);
  const std::vector<CardRow> rows = stream.Day(100, 20, {});
  const auto serve = [&](uint32_t slot) {
    MonitoredVersion version = CardVersion(nullptr);
    version.version = std::to_string(slot);
    version.slot = version.log_schema = slot;
    ASSERT_TRUE(monitor->AddVersion(version).ok());
    writer->Observe(ObservationOf(rows[slot % rows.size()], slot, 0));
    writer->Seal();
    (void)monitor->Advance(rows[0].time);
  };
  for (uint32_t slot = 0; slot < 20; ++slot) serve(slot);
  const size_t before = mallinfo2().uordblks;
  for (uint32_t slot = 20; slot < 20 + kVersions; ++slot) serve(slot);
  (void)monitor->Advance(rows[0].time);
  EXPECT_LT((mallinfo2().uordblks - before) / kVersions, 8192u) << "bytes a version";
}

}  // namespace
}  // namespace vigil
