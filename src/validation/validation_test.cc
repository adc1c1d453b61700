#include "validation/validation.h"

#include <cmath>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include "absl/strings/str_cat.h"

#include "base/random.h"
#include "base/testing/paths.h"
#include "runtime/trees/loader.h"
#include "stats/ranking.h"
#include "validation/comparison.h"

namespace vigil {
namespace {

using ::testing::HasSubstr;

// sigmoid(w . x), or w . x for a regression; with faults to plant.
struct LinearModel final : LoadedModel {
  Signature signature_;
  ModelInfo info_;
  std::vector<float> weights;
  float bias = -2;
  int64_t nan_every = 0;       // rows
  float batch_size_shift = 0;  // added where a batch is larger than 100 rows: a parity fault
  FakeClock* clock = nullptr;
  int64_t cost_us = 0;  // a call
  bool later = false;   // answers from another thread

  explicit LinearModel(std::vector<float> w, Task task = Task::kBinary) : weights(std::move(w)) {
    for (size_t c = 0; c < weights.size(); ++c) signature_.columns.push_back(absl::StrCat("x", c));
    signature_.columns_are_named = true;
    signature_.task = task;
    signature_.inputs = {{"input", DType::kFloat32, {-1, static_cast<int64_t>(weights.size())}}};
    signature_.outputs = {{"prediction", DType::kFloat32, {-1}}};
  }
  const Signature& signature() const override { return signature_; }
  const ModelInfo& info() const override { return info_; }
  std::unique_ptr<Scorer> NewScorer() const override;

  void Fill(const Batch& batch, Outputs* outputs) const {
    outputs->tensors.resize(1);
    const auto out = outputs->tensors[0].ResetFloats("prediction", {static_cast<int64_t>(batch.rows())});
    for (size_t r = 0; r < batch.rows(); ++r) {
      float sum = bias + (batch.rows() > 100 ? batch_size_shift : 0);
      for (size_t c = 0; c < weights.size(); ++c) sum += weights[c] * batch.float_matrix()[r * weights.size() + c];
      out[r] = signature_.task == Task::kBinary ? 1 / (1 + std::exp(-sum)) : sum;
      if (nan_every > 0 && static_cast<int64_t>(r) % nan_every == nan_every - 1) out[r] = NAN;
    }
    if (clock != nullptr) clock->Advance(cost_us);
  }
};

struct LinearScorer final : Scorer {
  explicit LinearScorer(const LinearModel& m) : model(m) {}
  ~LinearScorer() override {
    if (thread.joinable()) thread.join();
  }
  StatusOr<ScoreState> Score(const Batch& batch, ScoreCall& call, Outputs* outputs) override {
    if (batch.width() != model.weights.size()) return absl::InvalidArgumentError("wrong width");
    if (!model.later) {
      model.Fill(batch, outputs);
      return ScoreState::kDone;
    }
    if (thread.joinable()) thread.join();
    thread = std::thread([this, &batch, &call, outputs] {
      model.Fill(batch, outputs);
      call.post([&call] { call.done(absl::OkStatus()); });
    });
    return ScoreState::kLater;
  }
  const LinearModel& model;
  std::thread thread;
};

std::unique_ptr<Scorer> LinearModel::NewScorer() const { return std::make_unique<LinearScorer>(*this); }

const std::vector<float> kTruth = {1.5F, -1, 0.5F};

// Rows whose labels the truth draws; entities of about five rows, a day apart.
LabelledRows MakeRows(size_t n, uint64_t seed, Task task = Task::kBinary) {
  Random random(seed);
  LabelledRows rows;
  rows.columns = {"x0", "x1", "x2"};
  for (size_t i = 0; i < n; ++i) {
    double sum = -2;
    for (const float w : kTruth) {
      rows.features.push_back(static_cast<float>(random.Normal()));
      sum += w * rows.features.back();
    }
    rows.labels.push_back(task == Task::kBinary ? (random.Uniform() < 1 / (1 + std::exp(-sum)) ? 1 : 0) : sum + random.Normal());
    rows.groups.push_back(1 + random.Below(n / 5 + 1));
    rows.times.push_back(static_cast<int64_t>(i) * kMinuteUs);
    rows.label_times.push_back(rows.times.back() + static_cast<int64_t>(random.Below(120)) * kMinuteUs);
  }
  return rows;
}

const GateCheck* Find(const GateReport& report, const std::string& name) {
  for (const GateCheck& check : report.checks) {
    if (check.name == name) return &check;
  }
  return nullptr;
}
// `report` may be a temporary.
#define EXPECT_CHECK(report, name, expected)                             \
  do {                                                                   \
    const GateReport checked = (report);                                 \
    const GateCheck* check = Find(checked, name);                        \
    ASSERT_NE(check, nullptr) << name << " is not among the checks";     \
    EXPECT_EQ(check->passed, expected) << name << ": " << check->detail; \
  } while (false)

GateOptions Relaxed() {
  GateOptions options;
  options.latency_free_us = 1e9;  // a busy machine must not decide these tests
  return options;
}

TEST(Gate, RefusesAPlantedWorseCandidate) {
  const LabelledRows rows = MakeRows(4000, 1);
  const LinearModel champion(kTruth), worse({1.5F, 0.2F, -0.4F});
  const auto report = RunGate(&champion, worse, rows, Relaxed());
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_FALSE(report->passed);
  EXPECT_EQ(report->metric, "average_precision");
  EXPECT_CHECK(*report, "metric", false);
  EXPECT_LT(report->high, 0);
  EXPECT_LT(report->candidate, report->champion);
  EXPECT_THAT(report->Summary(), HasSubstr("refused by metric"));
}

TEST(Gate, PassesABetterCandidate) {
  const LabelledRows rows = MakeRows(4000, 2);
  const LinearModel champion({1.5F, 0.2F, -0.4F}), better(kTruth);
  for (const char* metric : {"", "roc_auc", "log_loss", "brier", "accuracy"}) {
    GateOptions options = Relaxed();
    options.metric = metric;
    const auto report = RunGate(&champion, better, rows, options);
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_TRUE(report->passed) << metric << report->Summary();
    EXPECT_GT(report->low, 0) << metric;
    EXPECT_GE(report->difference, report->low);
    EXPECT_LE(report->difference, report->high);
  }
}

TEST(Gate, AnEqualCandidatePassesOnlyWithAMargin) {
  const LabelledRows rows = MakeRows(4000, 3);
  const LinearModel champion(kTruth), twin(kTruth), near({1.52F, -0.99F, 0.5F});
  GateOptions options = Relaxed();
  EXPECT_FALSE(RunGate(&champion, twin, rows, options)->passed);  // not better: there is nothing to promote
  EXPECT_FALSE(RunGate(&champion, near, rows, options)->passed);
  options.margin = 0.02;
  options.improvement_min = -0.001;
  EXPECT_TRUE(RunGate(&champion, twin, rows, options)->passed);
  const auto near_enough = RunGate(&champion, near, rows, options);
  EXPECT_TRUE(near_enough->passed) << near_enough->Summary();
  options.improvement_min = 0.005;
  EXPECT_FALSE(RunGate(&champion, near, rows, options)->passed);
}

TEST(Gate, IsRepeatable) {
  const LabelledRows rows = MakeRows(1500, 4);
  const LinearModel champion({1, -1, 0}), candidate(kTruth);
  GateOptions options = Relaxed();
  const auto one = RunGate(&champion, candidate, rows, options), two = RunGate(&champion, candidate, rows, options);
  EXPECT_EQ(one->low, two->low);
  EXPECT_EQ(one->high, two->high);
  options.seed = 2;
  EXPECT_NE(RunGate(&champion, candidate, rows, options)->low, one->low);
}

TEST(Gate, RefusesOutputsThatAreNotFinite) {
  const LabelledRows rows = MakeRows(2000, 5);
  const LinearModel champion({1, 0, 0});
  LinearModel broken(kTruth);
  broken.nan_every = 700;
  const auto report = RunGate(&champion, broken, rows, Relaxed());
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_FALSE(report->passed);
  EXPECT_CHECK(*report, "finite", false);
  EXPECT_THAT(Find(*report, "finite")->detail, HasSubstr("row 699"));
  EXPECT_EQ(Find(*report, "metric"), nullptr);
  // A champion that is broken gives nothing to compare with.
  const auto other = RunGate(&broken, champion, rows, Relaxed());
  EXPECT_CHECK(*other, "champion_finite", false);
  EXPECT_FALSE(other->passed);
}

TEST(Gate, RefusesTooFewRowsOrPositives) {
  LabelledRows rows = MakeRows(300, 6);
  const LinearModel champion({1, 0, 0}), candidate(kTruth);
  EXPECT_CHECK(*RunGate(&champion, candidate, rows, Relaxed()), "rows", false);
  rows = MakeRows(2000, 6);
  rows.labels.assign(rows.labels.size(), 0);
  rows.labels[7] = 1;
  const auto report = RunGate(&champion, candidate, rows, Relaxed());
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_CHECK(*report, "positives", false);
  const auto empty = RunGate(&champion, candidate, LabelledRows{{"x0", "x1", "x2"}}, Relaxed());
  ASSERT_TRUE(empty.ok()) << empty.status();
  EXPECT_CHECK(*empty, "rows", false);
}

TEST(Gate, RefusesAnotherSignature) {
  const LabelledRows rows = MakeRows(1000, 7);
  const LinearModel champion(kTruth);
  LinearModel swapped(kTruth);
  std::swap(swapped.signature_.columns[0], swapped.signature_.columns[1]);
  EXPECT_CHECK(*RunGate(&champion, swapped, rows, Relaxed()), "signature", true);
  const LinearModel narrow({1, 1});
  const auto fewer = RunGate(&champion, narrow, rows, Relaxed());
  EXPECT_CHECK(*fewer, "signature", true);
  EXPECT_THAT(Find(*fewer, "signature")->detail, HasSubstr("the candidate takes 2 of the champion's 3 columns"));
  LinearModel other(kTruth);
  other.signature_.columns[0] = "y0";
  const auto report = RunGate(&champion, other, rows, Relaxed());
  EXPECT_CHECK(*report, "signature", false);
  EXPECT_THAT(Find(*report, "signature")->detail, HasSubstr("\"y0\""));
}

TEST(Gate, RefusesScoresThatDependOnTheBatch) {
  const LabelledRows rows = MakeRows(1000, 8);
  const LinearModel champion({1, 0, 0});
  LinearModel uneven(kTruth);
  uneven.batch_size_shift = 1e-3F;
  const auto report = RunGate(&champion, uneven, rows, Relaxed());
  EXPECT_CHECK(*report, "parity", false);
  EXPECT_CHECK(*report, "metric", true);
  EXPECT_FALSE(report->passed);
}

TEST(Gate, RefusesASlowCandidate) {
  const LabelledRows rows = MakeRows(1000, 9);
  FakeClock clock;
  LinearModel champion({1, 0, 0}), candidate(kTruth);
  champion.clock = candidate.clock = &clock;
  champion.cost_us = 100;
  candidate.cost_us = 250;
  GateOptions options;
  options.clock = &clock;
  EXPECT_CHECK(*RunGate(&champion, candidate, rows, options), "latency", true);
  candidate.cost_us = 350;
  EXPECT_CHECK(*RunGate(&champion, candidate, rows, options), "latency", false);
  champion.cost_us = 1;  // nineteen times slower, but nobody would notice
  candidate.cost_us = 19;
  EXPECT_CHECK(*RunGate(&champion, candidate, rows, options), "latency", true);
}

TEST(Gate, RefusesABadlyCalibratedCandidate) {
  const LabelledRows rows = MakeRows(3000, 10);
  const LinearModel champion({1.5F, 0.2F, -0.4F});
  LinearModel sure(kTruth);
  sure.bias = 1;  // the same ranking, far too many alarms
  const auto report = RunGate(&champion, sure, rows, Relaxed());
  EXPECT_CHECK(*report, "metric", true);
  EXPECT_CHECK(*report, "calibration", false);
}

TEST(Gate, RefusesHarmInASlice) {
  LabelledRows rows = MakeRows(6000, 11);
  rows.columns.push_back("night");
  std::vector<float> features;
  for (size_t i = 0; i < rows.rows(); ++i) {
    for (size_t c = 0; c < 3; ++c) features.push_back(rows.features[i * 3 + c]);
    features.push_back(i % 4 == 0 ? 1 : 0);
  }
  rows.features = features;
  // At night x0 means the opposite, which only the champion knows: it ignores it there.
  for (size_t i = 0; i < rows.rows(); i += 4) rows.labels[i] = rows.features[i * 4] < -0.8F ? 1 : 0;
  LinearModel old_one({0.3F, -1, 0.5F, 0}), new_one({1.5F, -1, 0.5F, 0});
  for (LinearModel* m : {&old_one, &new_one}) m->signature_.columns[3] = "night";
  GateOptions options = Relaxed();
  options.calibration_error_max = 1;
  options.slice_column = "night";
  const auto report = RunGate(&old_one, new_one, rows, options);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_CHECK(*report, "slice:night=0", true);
  EXPECT_CHECK(*report, "slice:night=1", false);
  options.slice_column = "nights";
  EXPECT_THAT(RunGate(&old_one, new_one, rows, options).status().message(), HasSubstr("did you mean \"night\""));
  options.slice_column = "x0";
  EXPECT_EQ(RunGate(&old_one, new_one, rows, options).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(Gate, WithoutAChampionOnlyTheAbsoluteChecksCount) {
  const LabelledRows rows = MakeRows(1000, 12);
  const LinearModel candidate(kTruth);
  const auto report = RunGate(nullptr, candidate, rows, Relaxed());
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->passed) << report->Summary();
  EXPECT_EQ(Find(*report, "latency"), nullptr);
}

TEST(Gate, RegressionByRmse) {
  const LabelledRows rows = MakeRows(2000, 13, Task::kRegression);
  const LinearModel champion({1, -1, 0.5F}, Task::kRegression), candidate(kTruth, Task::kRegression);
  const auto report = RunGate(&champion, candidate, rows, Relaxed());
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->metric, "rmse");
  EXPECT_TRUE(report->passed) << report->Summary();
  EXPECT_LT(report->candidate, report->champion);
  EXPECT_GT(report->difference, 0);
  EXPECT_FALSE(RunGate(&candidate, champion, rows, Relaxed())->passed);
}

TEST(Gate, RefusesWrongArguments) {
  const LabelledRows rows = MakeRows(600, 14);
  const LinearModel model(kTruth);
  GateOptions options = Relaxed();
  options.metric = "averge_precision";
  EXPECT_THAT(RunGate(&model, model, rows, options).status().message(), HasSubstr("did you mean \"average_precision\""));
  options.metric = "rmse";
  EXPECT_FALSE(RunGate(&model, model, rows, options).ok());
  options = Relaxed();
  options.confidence = 1;
  EXPECT_FALSE(RunGate(&model, model, rows, options).ok());
  options = Relaxed();
  options.resamples = 3;
  EXPECT_FALSE(RunGate(&model, model, rows, options).ok());
  LabelledRows odd = rows;
  odd.labels[3] = 0.5;
  EXPECT_THAT(RunGate(&model, model, odd, Relaxed()).status().message(), HasSubstr("row 3"));
  odd = rows;
  odd.columns[1] = "y1";
  EXPECT_THAT(RunGate(&model, model, odd, Relaxed()).status().message(), HasSubstr("\"x1\""));
}

TEST(Gate, ReportAsJson) {
  const LabelledRows rows = MakeRows(1000, 15);
  const LinearModel champion({1, 0, 0}), candidate(kTruth);
  auto report = RunGate(&champion, candidate, rows, Relaxed());
  report->champion_epoch = 7;
  const Json json = report->ToJson();
  EXPECT_EQ(json["passed"].get<bool>(), report->passed);
  EXPECT_EQ(json["champion_epoch"], 7);
  EXPECT_EQ(json["checks"].size(), report->checks.size());
  EXPECT_EQ(json["interval"][0].get<double>(), report->low);
  report->candidate = NAN;
  EXPECT_TRUE(report->ToJson()["candidate"].is_null());
}

// The interval must cover: over many data sets its 90% interval holds the true difference (0 for two equally good models) about nine times
// in ten, with rows that come several to an entity.
TEST(ComparePaired, IntervalCoversTheTruth) {
  constexpr int kTrials = 200;
  int covered = 0;
  for (int t = 0; t < kTrials; ++t) {
    Random random(static_cast<uint64_t>(t) + 100);
    std::vector<double> labels;
    std::vector<float> one, two;
    std::vector<uint64_t> groups;
    for (int entity = 1; entity <= 150; ++entity) {
      const double habit = random.Normal(), noise_one = random.Normal(), noise_two = random.Normal();
      for (int k = 0; k < 4; ++k) {
        labels.push_back(random.Uniform() < 1 / (1 + std::exp(1.5 - 2 * habit)) ? 1 : 0);
        one.push_back(static_cast<float>(1 / (1 + std::exp(-habit - noise_one - 0.3 * random.Normal()))));
        two.push_back(static_cast<float>(1 / (1 + std::exp(-habit - noise_two - 0.3 * random.Normal()))));
        groups.push_back(static_cast<uint64_t>(entity));
      }
    }
    const auto interval =
        validation::ComparePaired(validation::Metric::kAveragePrecision, {Task::kBinary, labels, one, 1}, {Task::kBinary, labels, two, 1},
                                  validation::ResamplingUnits(groups, labels.size()), {200, 0.9, 1});
    ASSERT_TRUE(interval.ok());
    EXPECT_EQ(interval->units, 150);
    covered += interval->low <= 0 && interval->high >= 0 ? 1 : 0;
  }
  EXPECT_GE(covered, 0.83 * kTrials);
  EXPECT_LE(covered, 0.97 * kTrials);
}

TEST(ResamplingUnits, GroupsAndLoners) {
  EXPECT_EQ(validation::ResamplingUnits({5, 0, 5, 0, 9}, 5), (std::vector<uint32_t>{0, 1, 0, 2, 3}));
  EXPECT_EQ(validation::ResamplingUnits({}, 3), (std::vector<uint32_t>{0, 1, 2}));
  EXPECT_EQ(validation::ResamplingUnits({4, 4, 4}, 3), (std::vector<uint32_t>{0, 1, 2}));  // one group for all is none
}

TEST(ScoreRows, MatchesColumnsByNameAndWaitsForSlowRuntimes) {
  LabelledRows rows = MakeRows(100, 16);
  LinearModel model(kTruth);
  const auto direct = ScoreRows(model, rows);
  ASSERT_TRUE(direct.ok());
  LabelledRows shuffled = rows;
  shuffled.columns = {"x2", "extra", "x0", "x1"};
  shuffled.features.clear();
  for (size_t i = 0; i < rows.rows(); ++i) {
    const float* x = rows.features.data() + i * 3;
    shuffled.features.insert(shuffled.features.end(), {x[2], 99, x[0], x[1]});
  }
  EXPECT_EQ(*ScoreRows(model, shuffled), *direct);
  model.later = true;
  EXPECT_EQ(*ScoreRows(model, rows, 7), *direct);
  rows.features.pop_back();
  EXPECT_EQ(ScoreRows(model, rows).status().code(), absl::StatusCode::kInvalidArgument);
}

std::vector<std::vector<std::string>> ReadCsv(const std::string& path) {
  std::ifstream in(path);
  std::vector<std::vector<std::string>> table;
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    table.emplace_back();
    std::string cell;
    for (const char c : line + ",") {
      if (c == ',') {
        table.back().push_back(std::exchange(cell, ""));
      } else {
        cell += c;
      }
    }
  }
  return table;
}

TEST(ScoreRows, MatchesTheTrainingLibraryOnARealModel) {
  const auto folder = testing::SharedPath("fixtures/models/xgboost_fraud");
  if (!folder) GTEST_SKIP() << "shared fixtures are absent (set VIGIL_SHARED)";
  std::vector<std::unique_ptr<ModelLoader>> loaders;
  loaders.push_back(trees::MakeXgboostLoader());
  const auto model = LoadModel(loaders, *folder + "/model.json", {});
  ASSERT_TRUE(model.ok()) << model.status();
  const auto inputs = ReadCsv(*folder + "/inputs.csv"), expected = ReadCsv(*folder + "/expected.csv");
  LabelledRows rows;
  rows.columns = inputs[0];
  for (size_t r = 1; r < inputs.size(); ++r) {
    for (const std::string& cell : inputs[r]) rows.features.push_back(cell.empty() ? NAN : std::strtof(cell.c_str(), nullptr));
    rows.labels.push_back(0);
  }
  const auto scores = ScoreRows(**model, rows);
  ASSERT_TRUE(scores.ok()) << scores.status();
  const auto column = static_cast<size_t>(std::find(expected[0].begin(), expected[0].end(), "prediction") - expected[0].begin());
  ASSERT_LT(column, expected[0].size());
  for (size_t r = 1; r < expected.size(); ++r) EXPECT_NEAR((*scores)[r - 1], std::strtod(expected[r][column].c_str(), nullptr), 1e-6) << r;
}

// "Trains" by copying the truth, and keeps what it was shown.
struct RecordingFit {
  std::vector<std::vector<uint32_t>> trains;
  FitFunction function() {
    return [this](const LabelledRows&, const std::vector<uint32_t>& train) -> StatusOr<std::unique_ptr<LoadedModel>> {
      trains.push_back(train);
      return std::make_unique<LinearModel>(kTruth);
    };
  }
};

TEST(CrossValidate, EverySplitterCutsAndMeasures) {
  const LabelledRows rows = MakeRows(1200, 17);
  for (const char* splitter : {"kfold", "stratified", "grouped", "stratified_grouped", "time"}) {
    RecordingFit fit;
    CrossValidationOptions options;
    options.splitter = splitter;
    const auto folds = CrossValidate(rows, Task::kBinary, options, fit.function());
    ASSERT_TRUE(folds.ok()) << splitter << folds.status();
    ASSERT_EQ(folds->size(), 5u);
    for (size_t f = 0; f < folds->size(); ++f) {
      const FoldResult& fold = (*folds)[f];
      EXPECT_EQ(static_cast<size_t>(fold.train_rows), fit.trains[f].size());
      EXPECT_NEAR(static_cast<double>(fold.test_rows), splitter == std::string("time") ? 200 : 240, 2) << splitter;
      EXPECT_EQ(fold.metrics[0].first, "average_precision");
      EXPECT_GT(fold.metrics[0].second, 0.4) << splitter;
      if (std::string(splitter).find("grouped") != std::string::npos) {
        std::set<uint64_t> seen;
        std::set<uint32_t> train(fit.trains[f].begin(), fit.trains[f].end());
        for (const uint32_t row : train) seen.insert(rows.groups[row]);
        for (uint32_t row = 0; row < rows.rows(); ++row) EXPECT_TRUE(train.contains(row) || !seen.contains(rows.groups[row]));
      }
    }
  }
}

TEST(CrossValidate, TimePurgesWhatWasNotKnownYet) {
  const LabelledRows rows = MakeRows(1200, 18);
  RecordingFit fit;
  CrossValidationOptions options;
  options.embargo_us = 30 * kMinuteUs;
  const auto folds = CrossValidate(rows, Task::kBinary, options, fit.function());
  ASSERT_TRUE(folds.ok()) << folds.status();
  for (size_t f = 0; f < folds->size(); ++f) {
    const int64_t test_start = static_cast<int64_t>(200 * (f + 1)) * kMinuteUs;
    EXPECT_GT((*folds)[f].purged_rows, 50);
    for (const uint32_t row : fit.trains[f]) EXPECT_LT(rows.label_times[row] + options.embargo_us, test_start);
  }
}

TEST(CrossValidate, SeedShufflesAndZeroKeepsTheOrder) {
  const LabelledRows rows = MakeRows(50, 19);
  CrossValidationOptions options;
  options.splitter = "kfold";
  RecordingFit ordered, one, again;
  options.seed = 0;
  ASSERT_TRUE(CrossValidate(rows, Task::kBinary, options, ordered.function()).ok());
  EXPECT_EQ(ordered.trains[0].front(), 10u);
  options.seed = 5;
  ASSERT_TRUE(CrossValidate(rows, Task::kBinary, options, one.function()).ok());
  ASSERT_TRUE(CrossValidate(rows, Task::kBinary, options, again.function()).ok());
  EXPECT_EQ(one.trains, again.trains);
  EXPECT_NE(one.trains, ordered.trains);
}

TEST(CrossValidate, RefusesAndNamesTheFold) {
  const LabelledRows rows = MakeRows(200, 20);
  CrossValidationOptions options;
  RecordingFit fit;
  options.splitter = "statified";
  EXPECT_THAT(CrossValidate(rows, Task::kBinary, options, fit.function()).status().message(), HasSubstr("did you mean \"stratified\""));
  options.splitter = "time";
  options.embargo_us = kDayUs;
  EXPECT_THAT(CrossValidate(rows, Task::kBinary, options, fit.function()).status().message(),
              HasSubstr("fold 1 of 5: nothing is left to train on"));
  options = {};
  const auto failing = [](const LabelledRows&, const std::vector<uint32_t>&) -> StatusOr<std::unique_ptr<LoadedModel>> {
    return absl::ResourceExhaustedError("no memory");
  };
  const auto failed = CrossValidate(rows, Task::kBinary, options, failing);
  EXPECT_EQ(failed.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(failed.status().message(), HasSubstr("fold 1 of 5: no memory"));
  EXPECT_EQ(CrossValidate(rows, Task::kRanking, options, fit.function()).status().code(), absl::StatusCode::kUnimplemented);
  LabelledRows groupless = rows;
  groupless.groups.clear();
  options.splitter = "grouped";
  EXPECT_FALSE(CrossValidate(groupless, Task::kBinary, options, fit.function()).ok());
}

}  // namespace
}  // namespace vigil
