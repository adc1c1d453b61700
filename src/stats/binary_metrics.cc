#include <algorithm>
#include <cmath>

#include "stats/check_inputs.h"
#include "stats/metrics.h"
#include "stats/ranking.h"

namespace vigil::stats {
namespace {

using internal::Ratio;
using internal::WeightAt;

Status CheckBinary(Values labels, Values scores, Values weights) {
  VIGIL_RETURN_IF_ERROR(internal::CheckSizes(labels.size(), scores.size(), "scores"));
  VIGIL_RETURN_IF_ERROR(internal::CheckFinite(labels, "label"));
  VIGIL_RETURN_IF_ERROR(internal::CheckFinite(scores, "score"));
  return internal::CheckWeights(labels.size(), weights);
}

double FBeta(const Confusion& c, double beta) {
  const double b2 = beta * beta;
  return Ratio((1 + b2) * c.true_positives, (1 + b2) * c.true_positives + c.false_positives + b2 * c.false_negatives, 0);
}

// Cumulative weights of true and false positives at each distinct score, falling. Rows of weight 0 make no point.
struct Cumulative {
  std::vector<double> true_positives, false_positives, threshold;
};
Cumulative Accumulate(const RankedScores& ranked, Values weights) {
  Cumulative out;
  double tp = 0, fp = 0, tie_weight = 0;
  for (size_t i = 0; i < ranked.size(); ++i) {
    const double w = WeightAt(weights, ranked.row(i));
    tie_weight += w;
    (ranked.positive(i) ? tp : fp) += w;
    if (!ranked.tie_end(i)) continue;
    if (tie_weight > 0) {
      out.true_positives.push_back(tp);
      out.false_positives.push_back(fp);
      out.threshold.push_back(ranked.scores()[i]);
    }
    tie_weight = 0;
  }
  return out;
}

double KsStatistic(const Cumulative& c) {
  if (c.threshold.empty() || !(c.true_positives.back() > 0) || !(c.false_positives.back() > 0)) return kUndefined;
  double largest = 0;
  for (size_t i = 0; i < c.threshold.size(); ++i) {
    largest = std::max(largest, c.true_positives[i] / c.true_positives.back() - c.false_positives[i] / c.false_positives.back());
  }
  return largest;
}

// Needs probabilities.
void AddProbabilityMetrics(Values labels, Values scores, Values weights, BinaryMetrics* out) {
  constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
  double brier = 0, loss = 0, total = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    const double w = WeightAt(weights, i), y = labels[i] > 0.5 ? 1 : 0;
    const double p = std::clamp(scores[i], kEpsilon, 1 - kEpsilon);
    brier += w * (scores[i] - y) * (scores[i] - y);
    loss -= w * std::log(y > 0 ? p : 1 - p);
    total += w;
  }
  out->brier = Ratio(brier, total, kUndefined);
  out->log_loss = Ratio(loss, total, kUndefined);
  if (const auto error = CalibrationError(labels, scores, 10, weights); error.ok()) {
    std::tie(out->ece, out->max_calibration_error) = *error;
  }
}

}  // namespace

BinaryMetrics MetricsOfConfusion(const Confusion& c) {
  BinaryMetrics m;
  m.confusion = c;
  const double positives = c.true_positives + c.false_negatives, negatives = c.true_negatives + c.false_positives;
  const double predicted = c.true_positives + c.false_positives, rejected = c.true_negatives + c.false_negatives;
  const double total = positives + negatives;
  if (!(total > 0)) return m;
  m.accuracy = (c.true_positives + c.true_negatives) / total;
  m.precision_undefined = predicted == 0;
  m.recall_undefined = positives == 0;
  m.precision = Ratio(c.true_positives, predicted, 0);
  m.recall = Ratio(c.true_positives, positives, 0);
  m.f1 = FBeta(c, 1);
  m.f_half = FBeta(c, 0.5);
  m.f2 = FBeta(c, 2);
  m.specificity = Ratio(c.true_negatives, negatives, kUndefined);
  m.false_positive_rate = Ratio(c.false_positives, negatives, kUndefined);
  if (positives > 0) m.balanced_accuracy = (m.recall + m.specificity) / 2;
  m.jaccard = Ratio(c.true_positives, c.true_positives + c.false_positives + c.false_negatives, 0);
  m.mcc = Ratio(c.true_positives * c.true_negatives - c.false_positives * c.false_negatives,
                std::sqrt(predicted) * std::sqrt(rejected) * std::sqrt(positives) * std::sqrt(negatives), 0);
  const double expected_disagreement = (positives * rejected + negatives * predicted) / total;
  m.cohen_kappa = expected_disagreement == 0 ? kUndefined : 1 - (c.false_positives + c.false_negatives) / expected_disagreement;
  return m;
}

StatusOr<BinaryMetrics> ComputeBinaryMetrics(Values labels, Values scores, double threshold, Values weights) {
  VIGIL_RETURN_IF_ERROR(CheckBinary(labels, scores, weights));
  Confusion c;
  bool probabilities = true;
  for (size_t i = 0; i < labels.size(); ++i) {
    const bool positive = labels[i] > 0.5, predicted = scores[i] >= threshold;
    (positive ? (predicted ? c.true_positives : c.false_negatives) : (predicted ? c.false_positives : c.true_negatives)) +=
        WeightAt(weights, i);
    probabilities = probabilities && scores[i] >= 0 && scores[i] <= 1;
  }
  BinaryMetrics m = MetricsOfConfusion(c);
  m.n = static_cast<int64_t>(labels.size());
  if (labels.empty()) return m;
  const RankedScores ranked(labels, scores);
  m.roc_auc = ranked.RocAuc(weights);
  m.average_precision = ranked.AveragePrecision(weights);
  m.gini = 2 * m.roc_auc - 1;
  m.ks_statistic = KsStatistic(Accumulate(ranked, weights));
  if (probabilities) AddProbabilityMetrics(labels, scores, weights, &m);
  return m;
}

StatusOr<RocCurve> ComputeRocCurve(Values labels, Values scores, Values weights) {
  VIGIL_RETURN_IF_ERROR(CheckBinary(labels, scores, weights));
  const Cumulative c = Accumulate(RankedScores(labels, scores), weights);
  RocCurve curve;
  if (c.threshold.empty()) return curve;
  const double positives = c.true_positives.back(), negatives = c.false_positives.back();
  const auto add = [&](double fp, double tp, double threshold) {
    curve.false_positive_rate.push_back(Ratio(fp, negatives, kUndefined));
    curve.true_positive_rate.push_back(Ratio(tp, positives, kUndefined));
    curve.threshold.push_back(threshold);
  };
  add(0, 0, std::numeric_limits<double>::infinity());
  for (size_t i = 0; i < c.threshold.size(); ++i) add(c.false_positives[i], c.true_positives[i], c.threshold[i]);
  return curve;
}

StatusOr<PrCurve> ComputePrCurve(Values labels, Values scores, Values weights) {
  VIGIL_RETURN_IF_ERROR(CheckBinary(labels, scores, weights));
  const Cumulative c = Accumulate(RankedScores(labels, scores), weights);
  PrCurve curve;
  if (c.threshold.empty()) return curve;
  for (size_t i = c.threshold.size(); i-- > 0;) {
    curve.precision.push_back(Ratio(c.true_positives[i], c.true_positives[i] + c.false_positives[i], 0));
    curve.recall.push_back(Ratio(c.true_positives[i], c.true_positives.back(), 1));
    curve.threshold.push_back(c.threshold[i]);
  }
  curve.precision.push_back(1);
  curve.recall.push_back(0);
  return curve;
}

StatusOr<double> PrecisionAtK(Values labels, Values scores, size_t k) {
  VIGIL_RETURN_IF_ERROR(CheckBinary(labels, scores, {}));
  if (k == 0 || k > labels.size()) return kUndefined;
  const RankedScores ranked(labels, scores);
  size_t positives = 0;
  for (size_t i = 0; i < k; ++i) positives += ranked.positive(i) ? 1 : 0;
  return static_cast<double>(positives) / static_cast<double>(k);
}

StatusOr<std::pair<double, double>> CalibrationError(Values labels, Values probabilities, int bins, Values weights) {
  VIGIL_RETURN_IF_ERROR(CheckBinary(labels, probabilities, weights));
  if (bins < 1) return absl::InvalidArgumentError(absl::StrCat("calibration error over ", bins, " bins"));
  struct Bin {
    double weight = 0, predicted = 0, observed = 0;
  };
  std::vector<Bin> table(static_cast<size_t>(bins));
  double total = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    const double p = probabilities[i], w = WeightAt(weights, i);
    if (!(p >= 0 && p <= 1)) return absl::InvalidArgumentError(absl::StrCat("score ", i, " is ", p, ", not a probability"));
    Bin& bin = table[static_cast<size_t>(std::min<int>(static_cast<int>(p * bins), bins - 1))];
    bin.weight += w;
    bin.predicted += w * p;
    bin.observed += w * (labels[i] > 0.5 ? 1 : 0);
    total += w;
  }
  if (!(total > 0)) return std::pair{kUndefined, kUndefined};
  double expected = 0, largest = 0;
  for (const Bin& bin : table) {
    if (!(bin.weight > 0)) continue;
    const double gap = std::abs(bin.predicted - bin.observed) / bin.weight;
    expected += bin.weight / total * gap;
    largest = std::max(largest, gap);
  }
  return std::pair{expected, largest};
}

}  // namespace vigil::stats
