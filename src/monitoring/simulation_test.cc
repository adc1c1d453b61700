// Does it cry wolf, and does it see one? Weeks of a seasonal stream, with labels a week late, with and without something wrong.
#include <gtest/gtest.h>

#include <deque>

#include "monitoring/monitor.h"
#include "monitoring/testing/card_stream.h"

namespace vigil {
namespace {

using testing::CardChange;
using testing::CardReference;
using testing::CardRow;
using testing::CardStream;
using testing::CardVersion;
using testing::LabelOf;
using testing::ObservationOf;

constexpr int kRowsADay = 10'000;
constexpr int64_t kFirstDay = 56;

std::string Describe(const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& f : findings) {
    text += f.kind + " " + f.metric + " " + f.column + " day " + std::to_string(f.window_start / kDayUs) + " = " + std::to_string(f.value) +
            " p " + std::to_string(f.p_value.value_or(-1)) + "\n";
  }
  return text;
}

// A server's life by event time: rows of each day, then the labels of the day a week before, then the control loop's look.
class Life {
 public:
  explicit Life(uint64_t seed, const MonitorOptions& options = {}) : stream_(seed), monitor_(Monitor::Create(options)) {
    static const auto& reference = *new std::shared_ptr<const ReferenceProfile>(CardReference(77, 0, kFirstDay, 4000));
    EXPECT_TRUE(monitor_->AddVersion(CardVersion(reference)).ok());
    writer_ = monitor_->NewWriter();
  }

  // Returns the findings that are significant. Hours come between days, as a control loop would look.
  std::vector<Finding> Day(const CardChange& change = {}, int rows_a_day = kRowsADay) {
    days_.push_back(stream_.Day(day_, rows_a_day, change));
    for (const CardRow& row : days_.back()) writer_->Observe(ObservationOf(row));
    writer_->Seal();
    if (days_.size() > 7) {
      for (const CardRow& row : days_.front()) monitor_->AddLabelled(LabelOf(row));
      days_.pop_front();
    }
    ++day_;
    all_ = monitor_->Advance(day_ * kDayUs + kHourUs);
    std::vector<Finding> significant;
    for (const Finding& f : all_) {
      if (f.significant) significant.push_back(f);
    }
    return significant;
  }
  // Of the last day.
  const std::vector<Finding>& all() const { return all_; }
  int64_t day() const { return day_; }

 private:
  CardStream stream_;
  std::unique_ptr<Monitor> monitor_;
  std::unique_ptr<MonitorWriter> writer_;
  std::deque<std::vector<CardRow>> days_;
  std::vector<Finding> all_;
  int64_t day_ = kFirstDay;
};

bool Has(const std::vector<Finding>& findings, std::string_view metric, std::string_view column) {
  for (const Finding& f : findings) {
    if (f.metric == metric && f.column == column) return true;
  }
  return false;
}

TEST(Simulation, QuietWeeksAreQuiet) {
  Life life(2);
  size_t seen = 0;
  for (int day = 0; day < 28; ++day) {
    const std::vector<Finding> significant = life.Day();
    seen += life.all().size();
    EXPECT_TRUE(significant.empty()) << Describe(significant);
  }
  EXPECT_GT(seen, 28u * (24 * 14 + 7 * 4)) << "there was something to be wrong about";
}

TEST(Simulation, SmallTrafficIsQuietToo) {
  Life life(9);
  for (int day = 0; day < 28; ++day) {
    const std::vector<Finding> significant = life.Day({}, 400);
    EXPECT_TRUE(significant.empty()) << Describe(significant);
  }
}

struct Wrong {
  const char* name;
  CardChange change;
  const char* metric;
  const char* column;
};

TEST(Simulation, WhatGoesWrongIsFoundTheSameDayAndBlamedRightly) {
  const Wrong cases[] = {{"shift of 0.1 sd", {.amount_shift = 0.1}, "psi", "amount"},
                         {"shift of 0.1 sd", {.amount_shift = 0.1}, "ks", "amount"},
                         {"scale by 1.1", {.amount_factor = 1.1}, "js", "amount"},
                         {"scale by 1.1", {.amount_factor = 1.1}, "chi2", "amount"},
                         {"5% missing", {.missing_share = 0.05}, "missing_share", "payments_1d"},
                         {"fewer frauds known", {.fraud_unseen = 1, .fraud_rate = 0.1}, "psi", "amount"},
                         {"more fraud", {.fraud_rate = 0.1}, "psi", "score"}};
  for (const Wrong& wrong : cases) {
    Life life(31);
    for (int day = 0; day < 3; ++day) life.Day();
    const std::vector<Finding> significant = life.Day(wrong.change);
    EXPECT_TRUE(Has(significant, wrong.metric, wrong.column)) << wrong.name << "\n" << Describe(significant);
    for (const char* innocent : {"during_weekend", "during_night", "average_30d", "risk"}) {
      for (const Finding& f : significant) EXPECT_NE(f.column, innocent) << wrong.name << " " << f.metric;
    }
    EXPECT_TRUE(Has(life.all(), "drifted_share", ""));
  }
}

TEST(Simulation, ConceptDriftIsSeenOnceItsLabelsAreThere) {
  Life life(5);
  constexpr int kQuiet = 24;
  for (int day = 0; day < kQuiet; ++day) EXPECT_FALSE(Has(life.Day(), "cusum", ""));
  // Frauds change; what the model sees of its inputs hardly does.
  int found_after = -1;
  double before = 0, after = 0;
  for (int day = 0; day < 20; ++day) {
    const bool found = Has(life.Day({.fraud_unseen = 0.5}), "cusum", "");
    if (found && found_after < 0) found_after = day;
    for (const Finding& f : life.all()) {
      if (f.metric != "average_precision_rolling") continue;
      (day == 0 ? before : after) = f.value;
      ASSERT_TRUE(f.baseline.has_value());
      EXPECT_NEAR(*f.baseline, before, 0.05);
    }
  }
  // Rows of the first changed day have their labels seven days later; the detector needs about a day of them.
  EXPECT_GE(found_after, 7);
  EXPECT_LE(found_after, 10);
  EXPECT_LT(after, before - 0.2);
}

TEST(Simulation, ConceptDetectorStartsAfreshWithAVersion) {
  const auto monitor = Monitor::Create({});
  const auto reference = CardReference(77, 0, 14, 1000);
  ASSERT_TRUE(monitor->AddVersion(CardVersion(reference, 0, "1")).ok());
  ASSERT_TRUE(monitor->AddVersion(CardVersion(reference, 1, "2")).ok());
  CardStream stream(3);
  const auto play = [&](int64_t day, uint32_t schema, const CardChange& change) {
    for (const CardRow& row : stream.Day(day, 5000, change)) monitor->AddLabelled(LabelOf(row, schema));
    return monitor->Advance((day + 9) * kDayUs);
  };
  for (int64_t day = 20; day < 30; ++day) play(day, 0, {});
  bool old_alarms = false, new_alarms = false;
  for (int64_t day = 30; day < 45; ++day) {
    // Version 2 was born into the new world: that is its normal.
    for (const Finding& f : play(day, 0, {.fraud_unseen = 0.6})) old_alarms |= f.metric == "cusum" && f.version == "1" && f.significant;
    for (const CardRow& row : stream.Day(day, 5000, {.fraud_unseen = 0.6})) monitor->AddLabelled(LabelOf(row, 1));
  }
  for (const Finding& f : monitor->Advance(60 * kDayUs)) new_alarms |= f.metric == "cusum" && f.version == "2" && f.significant;
  EXPECT_TRUE(old_alarms);
  EXPECT_FALSE(new_alarms);
}

}  // namespace
}  // namespace vigil
