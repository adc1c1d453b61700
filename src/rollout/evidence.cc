#include "rollout/evidence.h"

#include <algorithm>
#include <cmath>

namespace vigil {
namespace {

constexpr double kProbabilityMin = 1e-7;

double MinusLog(double probability) { return -std::log(std::min(std::max(probability, kProbabilityMin), 1.0)); }

}  // namespace

double GuardrailLoss(std::string_view guardrail, absl::Span<const float> outputs, double label) {
  if (outputs.empty() || std::isnan(label)) return NAN;
  const double first = outputs[0];
  if (guardrail == "absolute_error") return outputs.size() == 1 ? std::abs(first - label) : NAN;
  const bool several = outputs.size() > 1;
  if (several && !(label >= 0 && label < static_cast<double>(outputs.size()))) return NAN;
  if (guardrail == "log_loss") {
    if (several) return MinusLog(outputs[static_cast<size_t>(label)]);
    return label > 0.5 ? MinusLog(first) : MinusLog(1 - first);
  }
  if (!several) return (first - (label > 0.5 ? 1 : 0)) * (first - (label > 0.5 ? 1 : 0));
  double sum = 0;
  for (size_t k = 0; k < outputs.size(); ++k) {
    const double error = outputs[k] - (static_cast<size_t>(label) == k ? 1 : 0);
    sum += error * error;
  }
  return sum;
}

EvidenceCollector::EvidenceCollector(std::string guardrail, size_t entities_max)
    : guardrail_(std::move(guardrail)), entities_max_(entities_max) {}

void EvidenceCollector::Restart(TimeUs cohort_started) {
  cohort_started_ = cohort_started;
  control_ = {};
  treatment_ = {};
  paired_ = {};
  left_out_ = 0;
}

EvidenceCollector::Arm* EvidenceCollector::ArmOf(std::string_view name) {
  if (name == "canary" || name == "b") return &treatment_;
  return name == "champion" || name == "a" ? &control_ : nullptr;
}

void EvidenceCollector::AddRouted(std::string_view arm_name, uint64_t entity_hash, TimeUs time, bool failed) {
  Arm* arm = ArmOf(arm_name);
  if (arm == nullptr || time < cohort_started_) return;
  ++(failed ? arm->evidence.failures : arm->evidence.predictions);
  if (entity_hash != 0 && arm->assigned.size() < entities_max_) arm->assigned.insert(entity_hash);
}

// An entity's mean moves, and the sums over entities with it.
void EvidenceCollector::Change(Arm* arm, uint64_t entity, double loss, int64_t count) {
  auto found = arm->entities.find(entity);
  if (found == arm->entities.end()) {
    if (count < 0) return;  // what is taken back was never counted
    if (arm->entities.size() >= entities_max_) {
      ++left_out_;
      return;
    }
    found = arm->entities.emplace(entity, Mean{}).first;
  }
  Mean& mean = found->second;
  ArmEvidence& evidence = arm->evidence;
  const auto add = [&](double sign) {
    if (mean.n == 0) return;
    const double value = mean.sum / static_cast<double>(mean.n);
    evidence.sum += sign * value;
    evidence.sum_squares += sign * value * value;
    evidence.entities += sign > 0 ? 1 : -1;
  };
  add(-1);
  mean.sum += static_cast<double>(count) * loss;
  mean.n += count;
  add(+1);
  if (mean.n == 0) arm->entities.erase(found);
}

void EvidenceCollector::AddLabelled(const LabelledPrediction& labelled) {
  Arm* arm = ArmOf(labelled.arm);
  if (arm == nullptr || labelled.time < cohort_started_ || labelled.entity_hash == 0) return;
  if (labelled.replaced) {
    const double before = GuardrailLoss(guardrail_, labelled.outputs, labelled.previous_label);
    if (std::isfinite(before)) Change(arm, labelled.entity_hash, before, -1);
  }
  const double loss = GuardrailLoss(guardrail_, labelled.outputs, labelled.label);
  if (std::isfinite(loss)) Change(arm, labelled.entity_hash, loss, +1);
}

void EvidenceCollector::AddPaired(absl::Span<const float> champion, absl::Span<const float> candidate, double label, TimeUs time) {
  if (time < cohort_started_) return;
  const double difference = GuardrailLoss(guardrail_, candidate, label) - GuardrailLoss(guardrail_, champion, label);
  if (!std::isfinite(difference)) return;
  ++paired_.paired_n;
  paired_.paired_sum += difference;
  paired_.paired_sum_squares += difference * difference;
}

RolloutEvidence EvidenceCollector::Evidence() const {
  RolloutEvidence evidence = paired_;
  evidence.control = control_.evidence;
  evidence.treatment = treatment_.evidence;
  evidence.control.assigned = static_cast<int64_t>(control_.assigned.size());
  evidence.treatment.assigned = static_cast<int64_t>(treatment_.assigned.size());
  evidence.cohort_started = cohort_started_;
  return evidence;
}

}  // namespace vigil
