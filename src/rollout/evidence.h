// Gathers a rollout's evidence from joined labels: per-entity mean losses of each arm, and paired differences while shadowing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/types/span.h"
#include "domain/label.h"
#include "rollout/rollout.h"

namespace vigil {

// The guardrail's loss of one prediction, smaller is better; NaN where it is not defined (a class that the outputs do not have).
// log_loss: -ln of the probability given to what happened, which is kept above 1e-7, so that one certain mistake cannot decide alone.
// brier: squared error of the probabilities, over all classes when there are several. absolute_error: |output - label|.
double GuardrailLoss(std::string_view guardrail, absl::Span<const float> outputs, double label);

// One rollout's, one step's at a time. One thread. Rebuilt after a restart by feeding it the log since the step began.
class EvidenceCollector {
 public:
  static constexpr size_t kEntitiesMax = 2'000'000;  // an arm; further entities are left out of the sums and counted
  explicit EvidenceCollector(std::string guardrail, size_t entities_max = kEntitiesMax);

  // Forgets everything: a step has begun, and only predictions from `cohort_started` on are evidence for it.
  void Restart(TimeUs cohort_started);
  // A prediction that an arm answered: "canary" and "b" are the treatment, "champion" and "a" the control, others nothing. An entity hash
  // of 0 (no entity was given) counts as a prediction but takes no part in verdicts.
  void AddRouted(std::string_view arm, uint64_t entity_hash, TimeUs time, bool failed);
  // A label for one; when it replaces an earlier one that is taken back first.
  void AddLabelled(const LabelledPrediction& labelled);
  // The same row scored by both, with its label.
  void AddPaired(absl::Span<const float> champion, absl::Span<const float> candidate, double label, TimeUs time);
  // Latencies are the caller's to fill in.
  RolloutEvidence Evidence() const;
  int64_t entities_left_out() const { return left_out_; }

 private:
  struct Mean {
    double sum = 0;
    int64_t n = 0;
  };
  struct Arm {
    absl::flat_hash_map<uint64_t, Mean> entities;  // with a label
    absl::flat_hash_set<uint64_t> assigned;
    ArmEvidence evidence;
  };
  Arm* ArmOf(std::string_view name);
  void Change(Arm* arm, uint64_t entity, double loss, int64_t count);

  const std::string guardrail_;
  const size_t entities_max_;
  TimeUs cohort_started_ = 0;
  Arm control_, treatment_;
  RolloutEvidence paired_;
  int64_t left_out_ = 0;
};

}  // namespace vigil
