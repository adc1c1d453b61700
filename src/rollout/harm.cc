#include "rollout/harm.h"

#include <algorithm>
#include <cmath>

#include "stats/sequential.h"

namespace vigil {
namespace {

using stats::ArmSums;

// One look at the step's sums. Rows scored by both models are one sample of differences, compared with an arm that is nought without
// doubt: the mixing variance is then given outright, because rho2 would count that arm's entities.
StatusOr<stats::SequentialDifference> LookAt(const RolloutStep& step, const RolloutEvidence& evidence, double alpha, double rho2) {
  if (step.share > 0) {
    const ArmEvidence& c = evidence.control;
    const ArmEvidence& t = evidence.treatment;
    return stats::CompareMeans({c.sum, c.sum_squares, c.entities}, {t.sum, t.sum_squares, t.entities}, {.alpha = alpha, .rho2 = rho2});
  }
  const ArmSums nought{0, 0, 2};
  const ArmSums paired{evidence.paired_sum, evidence.paired_sum_squares, evidence.paired_n};
  VIGIL_ASSIGN_OR_RETURN(const stats::SequentialDifference plain, stats::CompareMeans(nought, paired, {.alpha = alpha, .rho2 = rho2}));
  if (!(plain.variance > 0)) return plain;
  return stats::CompareMeans(nought, paired, {.alpha = alpha, .tau2 = rho2 * static_cast<double>(paired.n) * plain.variance});
}

}  // namespace

int64_t Observations(const RolloutStep& step, const RolloutEvidence& evidence) {
  return step.share == 0 ? evidence.paired_n : std::min(evidence.control.entities, evidence.treatment.entities);
}

void ObserveHarm(const RolloutStep& step, const RolloutEvidence& evidence, int looks, Rollout* rollout) {
  if (Observations(step, evidence) < std::max<int64_t>(2, rollout->options.burn_in_min)) return;
  const double alpha = rollout->options.alpha / looks;
  const double rho2 = stats::MixingRatioForSampleSize(static_cast<double>(rollout->options.n_star), alpha);
  const auto look = LookAt(step, evidence, alpha, rho2);
  // Sums that are not numbers, or no variance at all (two models that answer alike): nothing is known, and nothing known never passes.
  if (!look.ok() || !std::isfinite(look->low) || !std::isfinite(look->high) || !std::isfinite(look->difference)) return;
  stats::RunningSequence sequence;
  if (rollout->low_high_known) {
    stats::SequentialDifference so_far;
    so_far.p_value = rollout->p_value;
    so_far.low = rollout->low;
    so_far.high = rollout->high;
    sequence.Look(so_far);
  }
  sequence.Look(*look);
  rollout->difference = look->difference;
  rollout->p_value = sequence.p_value();
  rollout->low = sequence.low();
  rollout->high = sequence.high();
  rollout->low_high_known = true;
}

double SampleRatioP(const RolloutStep& step, const RolloutEvidence& evidence) {
  const int64_t counts[] = {evidence.control.assigned, evidence.treatment.assigned};
  if (step.share == 0 || counts[0] + counts[1] <= 0) return 1;
  const double shares[] = {1 - step.share, step.share};
  const auto ratio = stats::TestSampleRatio(counts, shares);
  return ratio.ok() ? ratio->p_value : 0;  // negative counts are no evidence to trust
}

}  // namespace vigil
