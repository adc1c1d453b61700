// How good predictions were, as scikit-learn defines it. Every value that is not defined for the data at hand (0/0, one class only, no
// rows) is NaN. Inputs are spans of equal length; `weights` may be empty (all 1). Pure functions, O(n log n).
//
// Errors (INVALID_ARGUMENT): sizes that differ; a score or target that is NaN; a weight that is negative or not finite.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/status.h"
#include "stats/special.h"

namespace vigil::stats {

using Values = absl::Span<const double>;

struct Confusion {  // weighted counts
  double true_negatives = 0, false_positives = 0, false_negatives = 0, true_positives = 0;
};

struct BinaryMetrics {
  int64_t n = 0;
  Confusion confusion;
  double accuracy = kUndefined, precision = kUndefined, recall = kUndefined, f1 = kUndefined;  // 0 where their denominator is 0
  bool precision_undefined = false;                                                            // nothing was predicted positive
  bool recall_undefined = false;                                                               // no positives
  double specificity = kUndefined, false_positive_rate = kUndefined, f_half = kUndefined, f2 = kUndefined;
  double balanced_accuracy = kUndefined, mcc = kUndefined, cohen_kappa = kUndefined, jaccard = kUndefined;
  double roc_auc = kUndefined, average_precision = kUndefined, gini = kUndefined, ks_statistic = kUndefined;
  // Only where every score is a probability.
  double brier = kUndefined, log_loss = kUndefined, ece = kUndefined, max_calibration_error = kUndefined;
};
// A label above 0.5 is a positive; a score >= `threshold` is predicted positive.
StatusOr<BinaryMetrics> ComputeBinaryMetrics(Values labels, Values scores, double threshold, Values weights = {});
// The part that a confusion matrix alone decides (from counts that were merged, for example).
BinaryMetrics MetricsOfConfusion(const Confusion& confusion);

struct RocCurve {  // one point a distinct score, falling; the first threshold is infinite
  std::vector<double> false_positive_rate, true_positive_rate, threshold;
};
struct PrCurve {  // rising thresholds; a last point (1, 0) without one
  std::vector<double> precision, recall, threshold;
};
StatusOr<RocCurve> ComputeRocCurve(Values labels, Values scores, Values weights = {});
StatusOr<PrCurve> ComputePrCurve(Values labels, Values scores, Values weights = {});

// Share of positives among the k highest scores; ties by position. Undefined when there are fewer than k rows.
StatusOr<double> PrecisionAtK(Values labels, Values scores, size_t k);

// Expected calibration error over `bins` equal-width bins, bin = min(floor(bins p), bins - 1); .second is the largest bin's error.
StatusOr<std::pair<double, double>> CalibrationError(Values labels, Values probabilities, int bins, Values weights = {});

struct ClassAverages {
  double precision = kUndefined, recall = kUndefined, f1 = kUndefined;
};
struct MulticlassMetrics {
  int64_t n = 0;
  size_t classes = 0;
  std::vector<double> confusion;  // [classes, classes], rows: true
  double accuracy = kUndefined, balanced_accuracy = kUndefined, mcc = kUndefined, cohen_kappa = kUndefined, log_loss = kUndefined;
  ClassAverages macro, micro, weighted;
  std::vector<ClassAverages> per_class;
  double roc_auc_ovr_macro = kUndefined, roc_auc_ovr_weighted = kUndefined;
  double roc_auc_ovo_macro = kUndefined;  // without weights only
  double top_2_accuracy = kUndefined;
};
// `labels`: class indices 0..classes-1; `probabilities`: row-major [rows, classes]. The first largest probability is the prediction.
StatusOr<MulticlassMetrics> ComputeMulticlassMetrics(absl::Span<const int32_t> labels, Values probabilities, size_t classes,
                                                     Values weights = {});

struct RegressionMetrics {
  int64_t n = 0;
  double mae = kUndefined, mse = kUndefined, rmse = kUndefined;
  double r2 = kUndefined, explained_variance = kUndefined;  // constant target: 1 if perfect, else 0; fewer than two rows: undefined
  double mape = kUndefined;                                 // |error| / max(|y|, epsilon), a ratio
  double median_absolute_error = kUndefined, max_error = kUndefined;
  double mean_error = kUndefined;                // prediction - target
  double msle = kUndefined, rmsle = kUndefined;  // undefined where a target or prediction is <= -1
};
StatusOr<RegressionMetrics> ComputeRegressionMetrics(Values targets, Values predictions, Values weights = {});
// Mean of max(a (y - p), (a - 1) (y - p)).
StatusOr<double> PinballLoss(Values targets, Values predictions, double alpha, Values weights = {});

// One transaction of the day-by-day precision of the Fraud Detection Handbook.
struct CardTransaction {
  int64_t day = 0;
  int64_t id = 0;
  int64_t card = 0;
  double score = 0;
  bool fraud = false;
};
struct CardPrecisionDay {
  int64_t day = 0;
  int64_t compromised_cards = 0;        // cards with a fraud that day
  std::vector<int64_t> detected_cards;  // those among the k, rising
  double precision = kUndefined;
};
// Per day: cards detected on an earlier day are left out (`remove_detected`); a card's score and label are the maxima over its
// transactions that day; the k highest scores, ties by lower card; precision = those with a fraud / k. k >= 1.
std::vector<CardPrecisionDay> CardPrecisionAtK(absl::Span<const CardTransaction> transactions, size_t k, bool remove_detected);
// The same over transactions (ties by lower id): one value a day, days rising.
std::vector<double> DailyPrecisionAtK(absl::Span<const CardTransaction> transactions, size_t k);

}  // namespace vigil::stats
