// Performance of a binary model or a regression from state that merges exactly: what a window of labelled predictions keeps. Adding,
// taking back (a label that was replaced) and merging commute to the last bit. One thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "stats/exact_sum.h"
#include "stats/metrics.h"

namespace vigil::stats {

// A value read from bins, and what it can at most be wrong by: the exact value lies in [low, high].
struct Estimate {
  double value = kUndefined, low = kUndefined, high = kUndefined;
};

// Counts of scores by class in 512 bins of ln(p / (1 - p)), each 1/16 wide, from -16 to 16 (the outer bins are open). Counts at the
// decision threshold, log loss, Brier and calibration are exact; ROC AUC and average precision are read from the bins: with fraud-like
// scores within 1e-3 of exact, and `low`, `high` bound the error in any case. 8.6 KiB.
class ScoreHistogram {
 public:
  static constexpr int kBins = 512;
  explicit ScoreHistogram(double threshold = 0.5) : threshold_(threshold) {}

  // `score` is a probability; anything outside [0, 1], or NaN, counts in refused() and nowhere else.
  void Add(double score, bool positive) { Count(score, positive, 1); }
  // Takes back a row that was added.
  void Remove(double score, bool positive) { Count(score, positive, -1); }
  // INVALID_ARGUMENT when the thresholds differ: their confusion counts cannot be added.
  Status Merge(const ScoreHistogram& other);

  int64_t rows() const { return true_negatives_ + false_positives_ + false_negatives_ + true_positives_; }
  int64_t positives() const { return true_positives_ + false_negatives_; }
  int64_t refused() const { return refused_; }
  double threshold() const { return threshold_; }
  Confusion confusion() const;

  Estimate RocAuc() const;
  // Rows of one bin are taken as evenly mixed.
  Estimate AveragePrecision() const;
  // Everything ComputeBinaryMetrics gives, the ranking metrics from the bins.
  BinaryMetrics Metrics() const;

  std::string Serialize() const;
  static StatusOr<ScoreHistogram> Parse(std::string_view text);
  friend bool operator==(const ScoreHistogram&, const ScoreHistogram&) = default;

  static int Bin(double score);

 private:
  void Count(double score, bool positive, int64_t times);

  double threshold_;
  std::array<int64_t, kBins> positives_{}, negatives_{};
  int64_t true_negatives_ = 0, false_positives_ = 0, false_negatives_ = 0, true_positives_ = 0, refused_ = 0;
  ExactSum log_loss_, squared_error_;
  static constexpr int kCalibrationBins = 10;
  struct CalibrationBin {
    int64_t rows = 0, positives = 0;
    ExactSum probability;
    friend bool operator==(const CalibrationBin&, const CalibrationBin&) = default;
  };
  std::array<CalibrationBin, kCalibrationBins> calibration_;
};

// The same for a regression: exact sums, so mae, mse, rmse, r2, mean_error and explained_variance are exact after any merging (r2 is
// computed from exact moments). What needs order (median) or other sums (msle) is undefined.
class RegressionSums {
 public:
  void Add(double target, double prediction) { Count(target, prediction, 1); }
  void Remove(double target, double prediction) { Count(target, prediction, -1); }
  void Merge(const RegressionSums& other);
  int64_t rows() const { return rows_; }
  int64_t refused() const { return refused_; }  // target or prediction not finite
  RegressionMetrics Metrics() const;

  std::string Serialize() const;
  static StatusOr<RegressionSums> Parse(std::string_view text);
  friend bool operator==(const RegressionSums&, const RegressionSums&) = default;

 private:
  void Count(double target, double prediction, int64_t times);

  int64_t rows_ = 0, refused_ = 0;
  ExactSum absolute_, squared_, error_, relative_, target_, target_squared_;
};

}  // namespace vigil::stats
