#include "service/rollout_evidence.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "prediction/route.h"

namespace vigil {
namespace {

constexpr double kProbabilityFloor = 1e-15;
constexpr double kLatencyQuantile = 0.99;
constexpr size_t kSlowRequestsMin = 10;  // fewer are an accident, not a tail, however many rows they carry

struct EntityLoss {
  double sum = 0;
  int64_t n = 0;
};

// What one arm's rows add up to while the log is read.
struct ArmSums {
  absl::flat_hash_map<uint64_t, EntityLoss> entities;
  absl::flat_hash_set<uint64_t> assigned;
  std::vector<uint32_t> latencies;
  std::vector<uint32_t> requests;  // their latencies: rows of one request share it and stand together
  int64_t predictions = 0;
  int64_t failures = 0;

  void AddLatency(uint32_t us) {
    if (latencies.empty() || latencies.back() != us) requests.push_back(us);
    latencies.push_back(us);
  }

  ArmEvidence Finish() {
    ArmEvidence evidence;
    evidence.predictions = predictions;
    evidence.failures = failures;
    evidence.assigned = static_cast<int64_t>(assigned.size());
    evidence.entities = static_cast<int64_t>(entities.size());
    for (const auto& [entity, loss] : entities) {
      const double mean = loss.sum / static_cast<double>(loss.n);
      evidence.sum += mean;
      evidence.sum_squares += mean * mean;
    }
    if (!latencies.empty()) {
      const auto at = latencies.begin() + static_cast<std::ptrdiff_t>(kLatencyQuantile * static_cast<double>(latencies.size() - 1));
      std::nth_element(latencies.begin(), at, latencies.end());
      const auto reached = requests.begin() + static_cast<std::ptrdiff_t>(std::min(kSlowRequestsMin, requests.size()) - 1);
      std::nth_element(requests.begin(), reached, requests.end(), std::greater<>());
      evidence.latency_p99_us = std::min(*at, *reached);
    }
    return evidence;
  }
};

// One row as two versions scored it.
struct Pair {
  double live = 0, shadow = 0;
  double label = 0;
  bool has_live = false, has_shadow = false, labelled = false;
  std::vector<float> shadow_outputs;
};

class EvidenceReader {
 public:
  EvidenceReader(const PredictionLog& log, const Rollout& rollout, Task task) : log_(log), rollout_(rollout), task_(task) {}

  Status Read(TimeUs now) {
    LogQuery query;
    query.model = rollout_.model;
    query.from = rollout_.step_started;
    query.to = now;
    query.with_labels = true;
    query.labels_as_of = now;
    query.shadows = rollout_.state == RolloutState::kShadowing;
    Status loss_status;
    VIGIL_RETURN_IF_ERROR(log_.Scan(query, [&](const LoggedPrediction& row) {
      loss_status = Add(row);
      return loss_status.ok();
    }));
    return loss_status;
  }

  RolloutEvidence Finish() {
    RolloutEvidence evidence;
    evidence.control = control_.Finish();
    evidence.treatment = treatment_.Finish();
    for (const auto& [id, pair] : pairs_) {
      if (!pair.has_live || !pair.has_shadow || !pair.labelled) continue;
      const auto shadow = PredictionLoss(rollout_.options.guardrail, task_, pair.shadow_outputs, pair.label);
      if (!shadow.ok()) continue;
      const double difference = *shadow - pair.live;
      ++evidence.paired_n;
      evidence.paired_sum += difference;
      evidence.paired_sum_squares += difference * difference;
    }
    return evidence;
  }

 private:
  Status Add(const LoggedPrediction& row) {
    const bool shadow = row.status == PredictionStatus::kShadow;
    VIGIL_ASSIGN_OR_RETURN(const bool candidate, IsCandidate(row.schema));
    if (shadow) {
      if (candidate) AddShadow(row);
      return absl::OkStatus();
    }
    // Who asks for a version by its number chose it themselves, and a refused row says nothing about the model: neither is evidence.
    if (row.status == PredictionStatus::kRefused || row.arm == kExplicitArm) return absl::OkStatus();
    ArmSums& arm = candidate ? treatment_ : control_;
    ++arm.predictions;
    arm.failures += row.status == PredictionStatus::kFailed;
    arm.AddLatency(row.latency_us);
    const uint64_t entity = row.entity.empty() ? 0 : StableHash(row.entity);
    if (entity != 0) arm.assigned.insert(entity);
    if (!row.labelled || row.outputs.empty()) return absl::OkStatus();
    VIGIL_ASSIGN_OR_RETURN(const double loss, PredictionLoss(rollout_.options.guardrail, task_, row.outputs, row.label));
    if (entity != 0) {
      EntityLoss& sums = arm.entities[entity];
      sums.sum += loss;
      ++sums.n;
    }
    if (rollout_.state == RolloutState::kShadowing) {
      Pair& pair = pairs_[PairKey(row.id.empty() ? row.prediction_id.Text() : row.id)];
      pair.has_live = pair.labelled = true;
      pair.live = loss;
      pair.label = row.label;
    }
    return absl::OkStatus();
  }

  // A shadow's record carries its live twin's caller id, or the twin's prediction id where the caller gave none.
  void AddShadow(const LoggedPrediction& row) {
    ++treatment_.predictions;
    treatment_.failures += row.outputs.empty();
    treatment_.AddLatency(row.latency_us);
    if (row.outputs.empty() || row.id.empty()) return;
    Pair& pair = pairs_[PairKey(row.id)];
    pair.has_shadow = true;
    pair.shadow_outputs = row.outputs;
  }

  static uint64_t PairKey(const std::string& id) { return StableHash(id); }

  StatusOr<bool> IsCandidate(uint32_t schema) {
    const auto known = candidate_schemas_.find(schema);
    if (known != candidate_schemas_.end()) return known->second;
    VIGIL_ASSIGN_OR_RETURN(const LogSchema found, log_.FindSchema(schema));
    return candidate_schemas_[schema] = found.version == rollout_.candidate;
  }

  const PredictionLog& log_;
  const Rollout& rollout_;
  const Task task_;
  ArmSums control_, treatment_;
  absl::flat_hash_map<uint64_t, Pair> pairs_;
  absl::flat_hash_map<uint32_t, bool> candidate_schemas_;
};

double Clip(double p) { return std::clamp(p, kProbabilityFloor, 1.0 - kProbabilityFloor); }

}  // namespace

StatusOr<double> PredictionLoss(const std::string& guardrail, Task task, absl::Span<const float> outputs, double label) {
  if (outputs.empty()) return absl::InvalidArgumentError("a prediction without outputs has no loss");
  if (task == Task::kMulticlass && outputs.size() > 1 && guardrail != "absolute_error") {
    const auto k = static_cast<size_t>(label);
    if (!(label >= 0) || k >= outputs.size()) {
      return absl::InvalidArgumentError(absl::StrCat("label ", label, " is not a class of ", outputs.size()));
    }
    if (guardrail == "log_loss") return -std::log(Clip(outputs[k]));
    double brier = 0;
    for (size_t i = 0; i < outputs.size(); ++i) brier += (outputs[i] - (i == k)) * (outputs[i] - (i == k));
    return brier;
  }
  const double p = outputs[0];
  if (guardrail == "log_loss") return label > 0.5 ? -std::log(Clip(p)) : -std::log(Clip(1.0 - p));
  if (guardrail == "brier") return (p - label) * (p - label);
  if (guardrail == "absolute_error") return std::abs(p - label);
  return absl::InvalidArgumentError(absl::StrCat("rollout guardrail \"", guardrail, "\" is not one of log_loss, brier, absolute_error"));
}

StatusOr<RolloutEvidence> GatherEvidence(const PredictionLog& log, const Rollout& rollout, Task task, TimeUs now) {
  EvidenceReader reader(log, rollout, task);
  VIGIL_RETURN_IF_ERROR(reader.Read(now));
  return reader.Finish();
}

}  // namespace vigil
