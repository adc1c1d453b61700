#include "rollout/evidence.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <vector>

#include "base/random.h"

namespace vigil {
namespace {

LabelledPrediction Labelled(std::string arm, uint64_t entity, float output, double label, TimeUs time = 100) {
  LabelledPrediction labelled;
  labelled.arm = std::move(arm);
  labelled.entity_hash = entity;
  labelled.outputs = {output};
  labelled.label = label;
  labelled.time = time;
  return labelled;
}

TEST(GuardrailLoss, OfEachKind) {
  const auto loss = [](const char* guardrail, std::vector<float> outputs, double label) {
    return GuardrailLoss(guardrail, outputs, label);
  };
  EXPECT_NEAR(loss("log_loss", {0.25f}, 1), -std::log(0.25), 1e-12);
  EXPECT_NEAR(loss("log_loss", {0.25f}, 0), -std::log(0.75), 1e-12);
  EXPECT_NEAR(loss("log_loss", {0.0f}, 1), -std::log(1e-7), 1e-12);
  EXPECT_NEAR(loss("log_loss", {0.5f, 0.3f, 0.2f}, 2), -std::log(0.2), 1e-7);
  EXPECT_NEAR(loss("brier", {0.25f}, 1), 0.5625, 1e-12);
  EXPECT_NEAR(loss("brier", {0.5f, 0.25f, 0.25f}, 0), 0.25 + 0.0625 + 0.0625, 1e-12);
  EXPECT_NEAR(loss("absolute_error", {3.0f}, 5.5), 2.5, 1e-12);
  EXPECT_TRUE(std::isnan(loss("log_loss", {0.5f, 0.5f}, 2)));
  EXPECT_TRUE(std::isnan(loss("log_loss", {}, 1)));
  EXPECT_TRUE(std::isnan(loss("brier", {0.5f}, NAN)));
}

TEST(EvidenceCollector, SumsMeansOverEntities) {
  EvidenceCollector collector("absolute_error");
  collector.AddLabelled(Labelled("canary", 7, 1, 2));  // loss 1
  collector.AddLabelled(Labelled("canary", 7, 1, 4));  // loss 3: the entity's mean is 2
  collector.AddLabelled(Labelled("canary", 8, 0, 5));  // loss 5
  collector.AddLabelled(Labelled("champion", 9, 0, 0.5));
  collector.AddLabelled(Labelled("shadow", 9, 0, 50));
  collector.AddLabelled(Labelled("canary", 0, 0, 50));  // no entity: no part in the verdict
  const RolloutEvidence evidence = collector.Evidence();
  EXPECT_EQ(evidence.treatment.entities, 2);
  EXPECT_DOUBLE_EQ(evidence.treatment.sum, 7);
  EXPECT_DOUBLE_EQ(evidence.treatment.sum_squares, 4 + 25);
  EXPECT_EQ(evidence.control.entities, 1);
  EXPECT_DOUBLE_EQ(evidence.control.sum, 0.5);
}

TEST(EvidenceCollector, AReplacedLabelIsTakenBack) {
  EvidenceCollector collector("absolute_error");
  collector.AddLabelled(Labelled("b", 7, 0, 1));
  LabelledPrediction corrected = Labelled("b", 7, 0, 4);
  corrected.replaced = true;
  corrected.previous_label = 1;
  collector.AddLabelled(corrected);
  EXPECT_EQ(collector.Evidence().treatment.entities, 1);
  EXPECT_DOUBLE_EQ(collector.Evidence().treatment.sum, 4);
}

TEST(EvidenceCollector, OnlyTheStepsOwnCohortCounts) {
  EvidenceCollector collector("absolute_error");
  collector.AddLabelled(Labelled("a", 7, 0, 1));
  collector.Restart(200);
  collector.AddLabelled(Labelled("a", 7, 0, 1, 199));
  collector.AddRouted("a", 7, 199, false);
  const float zero = 0, one = 1;
  collector.AddPaired({&zero, 1}, {&one, 1}, 0, 199);
  collector.AddPaired({&zero, 1}, {&one, 1}, 0, 200);
  const RolloutEvidence evidence = collector.Evidence();
  EXPECT_EQ(evidence.control.entities, 0);
  EXPECT_EQ(evidence.control.predictions, 0);
  EXPECT_EQ(evidence.cohort_started, 200);
  EXPECT_EQ(evidence.paired_n, 1);
  EXPECT_DOUBLE_EQ(evidence.paired_sum, 1) << "the candidate is worse: positive";
}

TEST(EvidenceCollector, CountsRoutedEntitiesOnceAndBoundsMemory) {
  EvidenceCollector collector("brier", 3);
  for (uint64_t entity : {1, 1, 2, 0}) collector.AddRouted("canary", entity, 0, false);
  collector.AddRouted("canary", 2, 0, true);
  EXPECT_EQ(collector.Evidence().treatment.assigned, 2);
  EXPECT_EQ(collector.Evidence().treatment.predictions, 4);
  EXPECT_EQ(collector.Evidence().treatment.failures, 1);
  for (uint64_t entity = 1; entity <= 5; ++entity) collector.AddLabelled(Labelled("canary", entity, 0, 1));
  EXPECT_EQ(collector.Evidence().treatment.entities, 3);
  EXPECT_EQ(collector.entities_left_out(), 2);
}

TEST(EvidenceCollector, AgreesWithCountingFromScratch) {
  EvidenceCollector collector("brier");
  std::map<uint64_t, std::vector<double>> losses;
  Random random(5);
  for (int i = 0; i < 5000; ++i) {
    const uint64_t entity = 1 + random.Below(300);
    const float output = static_cast<float>(random.Uniform());
    const double label = static_cast<double>(random.Below(2));
    collector.AddLabelled(Labelled("canary", entity, output, label));
    losses[entity].push_back((output - label) * (output - label));
  }
  double sum = 0, squares = 0;
  for (const auto& [unused, values] : losses) {
    double mean = 0;
    for (double v : values) mean += v / static_cast<double>(values.size());
    sum += mean;
    squares += mean * mean;
  }
  const ArmEvidence evidence = collector.Evidence().treatment;
  EXPECT_EQ(evidence.entities, static_cast<int64_t>(losses.size()));
  EXPECT_NEAR(evidence.sum, sum, 1e-9);
  EXPECT_NEAR(evidence.sum_squares, squares, 1e-9);
}

}  // namespace
}  // namespace vigil
