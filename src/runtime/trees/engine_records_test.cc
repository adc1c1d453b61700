#include "runtime/trees/engine_records.h"

#include <gtest/gtest.h>

#include "absl/strings/str_format.h"
#include "runtime/testing/random_forest.h"
#include "runtime/trees/engine_choice.h"

namespace vigil::trees {
namespace {

using testing::MakeRandomForest;
using testing::RandomForestShape;

class EngineRecordsTest : public ::testing::Test {
 protected:
  EngineRecords Open(const std::string& machine = "1 AVX2 some processor") {
    return EngineRecords(text_, machine, [this](const EngineRecords& records) {
      text_ = records.Text();
      return absl::OkStatus();
    });
  }
  std::string text_;
};

TEST_F(EngineRecordsTest, AreThereAfterARestart) {
  EXPECT_FALSE(Open().Find("0a").has_value());
  EXPECT_EQ(Open().rejected(), "") << "nothing yet is not an error";
  ASSERT_TRUE(Open().Keep("0a", {"byte-rank", "0.4 us a row alone"}).ok());
  ASSERT_TRUE(Open().Keep("0b", {"reference", ""}).ok());
  ASSERT_TRUE(Open().Keep("0a", {"rank-nodes", "0.3 us a row alone"}).ok()) << "a later measurement replaces the former";
  EngineRecords records = Open();
  ASSERT_TRUE(records.Find("0a").has_value());
  EXPECT_EQ(records.Find("0a")->engine, "rank-nodes");
  EXPECT_EQ(records.Find("0a")->measured, "0.3 us a row alone");
  EXPECT_EQ(records.Find("0b")->engine, "reference");
}

TEST_F(EngineRecordsTest, OfAnotherMachineCountForNothing) {
  ASSERT_TRUE(Open().Keep("0a", {"byte-rank", "fast"}).ok());
  EngineRecords other = Open("1 AVX3 another processor");
  EXPECT_NE(other.rejected().find("another machine"), std::string::npos);
  EXPECT_FALSE(other.Find("0a").has_value());
  ASSERT_TRUE(other.Keep("0b", {"byte-rank", "fast"}).ok());
  EXPECT_FALSE(Open("1 AVX3 another processor").Find("0a").has_value());
  EXPECT_TRUE(Open("1 AVX3 another processor").Find("0b").has_value());
}

TEST_F(EngineRecordsTest, ADamagedByteAnywhereCountsForNothing) {
  ASSERT_TRUE(Open().Keep("0a", {"byte-rank", "fast"}).ok());
  const std::string whole = text_;
  for (size_t i = 0; i < whole.size(); ++i) {
    text_ = whole;
    text_[i] ^= 1;
    EXPECT_NE(Open().rejected(), "") << i;
    text_ = whole.substr(0, i);
    EXPECT_FALSE(Open().Find("0a").has_value()) << i;
  }
}

TEST_F(EngineRecordsTest, AreBoundedAndTheLeastRecentlyUsedGoes) {
  const auto digest = [](size_t i) { return absl::StrFormat("%064x", i); };
  const std::string longest(kEngineRecordTextMax, 'x');
  {
    EngineRecords records("", "1 AVX2 some processor", [](const EngineRecords&) { return absl::OkStatus(); });
    for (size_t i = 0; i < kEngineRecordsMax; ++i) ASSERT_TRUE(records.Keep(digest(i), {"float-interleaved", longest, i % 2 == 0}).ok());
    EXPECT_TRUE(records.Find(digest(0)).has_value()) << "in use, so it stays";
    text_ = records.Text();
  }
  EXPECT_LT(static_cast<int64_t>(text_.size()), kEngineRecordsBytesMax);
  EngineRecords records = Open();  // the order outlives a restart
  EXPECT_EQ(records.rejected(), "");
  ASSERT_TRUE(records.Keep(digest(kEngineRecordsMax), {"byte-rank", longest}).ok());
  EXPECT_FALSE(records.Find(digest(1)).has_value()) << "the one that was asked for longest ago";
  EXPECT_TRUE(records.Find(digest(0)).has_value());
  EXPECT_TRUE(records.Find(digest(2))->all);
  EXPECT_FALSE(records.Find(digest(3))->all);
  EXPECT_TRUE(Open().Find(digest(0)).has_value());
  EXPECT_FALSE(records.Keep("0a", {"byte-rank", longest + "x"}).ok());
  EXPECT_FALSE(records.Keep("0a", {"byte rank", ""}).ok());
  EXPECT_FALSE(records.Keep("0a", {"byte-rank", "two\nlines"}).ok());
}

TEST_F(EngineRecordsTest, WhatWasMeasuredIsCheckedButNotMeasuredAgain) {
  const Forest forest = MakeRandomForest(RandomForestShape(), 1);
  EngineRecords records = Open();
  const auto first = RecallOrChooseEngine(forest, "", true, 1, "0a", &records);
  ASSERT_TRUE(first.ok());
  EXPECT_NE(first->reason.find("the fastest measured"), std::string::npos) << first->reason;

  EngineRecords restarted = Open();
  const auto second = RecallOrChooseEngine(forest, "", true, 1, "0a", &restarted);
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->engine->name(), first->engine->name());
  EXPECT_NE(second->reason.find("first measured on this machine"), std::string::npos) << second->reason;
  EXPECT_NE(second->reason.find(first->measured), std::string::npos) << second->reason;

  const auto forced = RecallOrChooseEngine(forest, "reference", true, 1, "0a", &restarted);
  ASSERT_TRUE(forced.ok());
  EXPECT_EQ(forced->engine->name(), "reference") << "asked for by name";
}

TEST_F(EngineRecordsTest, ARecordThatDoesNotFitIsMeasuredAgainAndReplaced) {
  const Forest forest = MakeRandomForest(RandomForestShape(), 1);
  ASSERT_TRUE(Open().Keep("0a", {"of-yesterday", "fast"}).ok());
  EngineRecords records = Open();
  const auto choice = RecallOrChooseEngine(forest, "", true, 1, "0a", &records);
  ASSERT_TRUE(choice.ok());
  EXPECT_NE(choice->reason.find("measured again: of before: of-yesterday, but no engine"), std::string::npos) << choice->reason;
  EXPECT_EQ(records.Find("0a")->engine, choice->engine->name());

  text_[3] ^= 1;
  EngineRecords damaged = Open();
  const auto anew = RecallOrChooseEngine(forest, "", true, 1, "0a", &damaged);
  ASSERT_TRUE(anew.ok());
  EXPECT_NE(anew->reason.find("measured again: the record of former measurements is damaged"), std::string::npos) << anew->reason;
  EXPECT_TRUE(Open().Find("0a").has_value());
}

TEST_F(EngineRecordsTest, WhatCannotBeSavedIsSaid) {
  const Forest forest = MakeRandomForest(RandomForestShape(), 1);
  EngineRecords records("", EngineRecords::MachineName(),
                        [](const EngineRecords&) { return absl::ResourceExhaustedError("the disk is full"); });
  const auto choice = RecallOrChooseEngine(forest, "", true, 1, "0a", &records);
  ASSERT_TRUE(choice.ok());
  EXPECT_NE(choice->reason.find("not recorded: the disk is full"), std::string::npos) << choice->reason;
}

}  // namespace
}  // namespace vigil::trees
