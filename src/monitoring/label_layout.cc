#include "monitoring/label_layout.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "stats/metrics.h"
#include "stats/score_bins.h"

namespace vigil {
namespace {

// Places common to all tasks: the number of labels.
constexpr size_t kLabels = 0;

// Binary.
constexpr size_t kTrueNegatives = 1, kFalsePositives = 2, kFalseNegatives = 3, kTruePositives = 4;
constexpr size_t kNotProbabilities = 5;  // scores outside [0, 1]: then no log loss, no Brier
constexpr size_t kNegatives = 6;         // score bins
constexpr size_t kPositives = kNegatives + stats::kScoreBins;
constexpr size_t kBinaryLogLoss = kPositives + stats::kScoreBins;  // sums
constexpr size_t kBrier = kBinaryLogLoss + 2;
constexpr size_t kBinaryWidth = kBrier + 2;

// Multiclass.
constexpr size_t kCorrect = 1;
constexpr size_t kConfusion = 2;  // [label, predicted]
constexpr size_t kClassesMax = 64;

// Regression.
constexpr size_t kErrorBins = 64;  // two an octave of |error| / scale, around 1
constexpr size_t kErrorHistogram = 1;
constexpr size_t kSums = kErrorHistogram + kErrorBins;
constexpr size_t kError = kSums, kAbsoluteError = kSums + 2, kSquaredError = kSums + 4, kTarget = kSums + 6, kSquaredTarget = kSums + 8;
constexpr size_t kRegressionWidth = kSums + 10;

// Clipped as scikit-learn and stats::ComputeBinaryMetrics do.
double LogLoss(double probability_of_truth) {
  constexpr double kFloor = std::numeric_limits<double>::epsilon();
  return -std::log(std::clamp(probability_of_truth, kFloor, 1 - kFloor));
}

size_t BinOfError(double error) {
  const double at = 2 * std::log2(std::max(error, 1e-300)) + kErrorBins / 2;
  return static_cast<size_t>(std::clamp(at, 0.0, static_cast<double>(kErrorBins - 1)));
}

}  // namespace

void FixedSum::Add(int64_t* at, double value, int64_t sign) {
  const double clipped = std::clamp(value, -kClip, kClip);
  const double whole = std::floor(clipped);
  at[0] += sign * static_cast<int64_t>(whole);
  at[1] += sign * static_cast<int64_t>(std::llround((clipped - whole) * kUnit));
}

LabelLayout::LabelLayout(const MonitoredVersion& version, double decision_threshold) : task_(version.task), threshold_(decision_threshold) {
  switch (task_) {
    case Task::kBinary:
      width_ = kBinaryWidth;
      signed_from_ = kBinaryLogLoss;
      break;
    case Task::kMulticlass:
      classes_ = static_cast<size_t>(std::clamp<int64_t>(version.output_width, 1, kClassesMax + 1));
      if (classes_ == 1 || classes_ > kClassesMax) classes_ = kClassesMax;  // outputs are class numbers, or too many to tell all apart
      signed_from_ = kConfusion + classes_ * classes_;
      width_ = signed_from_ + 2;
      break;
    case Task::kRegression:
      if (version.reference != nullptr && version.reference->score && version.reference->score->standard_deviation > 0) {
        centre_ = version.reference->score->mean;
        scale_ = version.reference->score->standard_deviation;
      }
      signed_from_ = kSums;
      width_ = kRegressionWidth;
      break;
    default: width_ = signed_from_ = 1;
  }
}

uint64_t LabelLayout::fingerprint() const {
  return StableHash(absl::StrCat("labels 1 ", width_, " ", static_cast<int>(task_), " ", threshold_, " ", centre_, " ", scale_));
}

bool LabelLayout::Add(absl::Span<const float> outputs, double label, int64_t sign, absl::Span<int64_t> counts) const {
  const bool whole = std::trunc(label) == label && label >= 0 && label < 1e9;
  if (outputs.empty() || !std::isfinite(label) || std::isnan(outputs[0])) return false;
  switch (task_) {
    case Task::kBinary:
      if (label != 0 && label != 1) return false;
      if (std::isnan(outputs.back())) return false;
      AddBinary(outputs.back(), label == 1, sign, counts.data());
      break;
    case Task::kMulticlass:
      if (!whole || (outputs.size() > 1 && label >= static_cast<double>(outputs.size()))) return false;
      AddMulticlass(outputs, static_cast<size_t>(label), sign, counts.data());
      break;
    case Task::kRegression:
      if (std::isinf(outputs[0])) return false;
      AddRegression(outputs[0], label, sign, counts.data());
      break;
    default: return false;
  }
  counts[kLabels] += sign;
  return true;
}

void LabelLayout::AddBinary(double score, bool positive, int64_t sign, int64_t* counts) const {
  const bool predicted = score >= threshold_;
  counts[positive ? (predicted ? kTruePositives : kFalseNegatives) : (predicted ? kFalsePositives : kTrueNegatives)] += sign;
  counts[(positive ? kPositives : kNegatives) + stats::ScoreBin(score)] += sign;
  if (!(score >= 0 && score <= 1)) {
    counts[kNotProbabilities] += sign;
    return;
  }
  FixedSum::Add(counts + kBinaryLogLoss, LogLoss(positive ? score : 1 - score), sign);
  const double error = score - (positive ? 1 : 0);
  FixedSum::Add(counts + kBrier, error * error, sign);
}

void LabelLayout::AddMulticlass(absl::Span<const float> outputs, size_t label, int64_t sign, int64_t* counts) const {
  const auto predicted = static_cast<size_t>(ScoreOf(task_, outputs));
  counts[kCorrect] += predicted == label ? sign : 0;
  if (label < classes_ && predicted < classes_) counts[kConfusion + label * classes_ + predicted] += sign;
  if (outputs.size() > 1 && !std::isnan(outputs[label])) FixedSum::Add(counts + signed_from_, LogLoss(outputs[label]), sign);
}

void LabelLayout::AddRegression(double prediction, double target, int64_t sign, int64_t* counts) const {
  const double error = (prediction - target) / scale_;
  const double y = (target - centre_) / scale_;
  counts[kErrorHistogram + BinOfError(std::abs(error))] += sign;
  FixedSum::Add(counts + kError, error, sign);
  FixedSum::Add(counts + kAbsoluteError, std::abs(error), sign);
  FixedSum::Add(counts + kSquaredError, error * error, sign);
  FixedSum::Add(counts + kTarget, y, sign);
  FixedSum::Add(counts + kSquaredTarget, y * y, sign);
}

namespace {

void BinaryMetrics(absl::Span<const int64_t> counts, std::vector<Metric>* out) {
  const auto n = static_cast<double>(counts[kLabels]);
  const auto number = [&](size_t place) { return static_cast<double>(counts[place]); };
  const stats::BinaryMetrics m =
      stats::MetricsOfConfusion({number(kTrueNegatives), number(kFalsePositives), number(kFalseNegatives), number(kTruePositives)});
  const absl::Span<const int64_t> negatives = counts.subspan(kNegatives, stats::kScoreBins),
                                  positives = counts.subspan(kPositives, stats::kScoreBins);
  *out = {{"accuracy", m.accuracy},
          {"precision", m.precision},
          {"recall", m.recall},
          {"f1", m.f1},
          {"roc_auc", stats::RocAucOfBins(negatives, positives)},
          {"average_precision", stats::AveragePrecisionOfBins(negatives, positives)}};
  if (counts[kNotProbabilities] == 0) {
    out->push_back({"log_loss", FixedSum::Read(&counts[kBinaryLogLoss]) / n});
    out->push_back({"brier", FixedSum::Read(&counts[kBrier]) / n});
  }
  out->push_back({"positive_rate", (number(kFalseNegatives) + number(kTruePositives)) / n});
  out->push_back({"predicted_positive_rate", (number(kFalsePositives) + number(kTruePositives)) / n});
}

void MulticlassMetrics(absl::Span<const int64_t> counts, size_t classes, bool probabilities, std::vector<Metric>* out) {
  const auto n = static_cast<double>(counts[kLabels]);
  out->push_back({"accuracy", static_cast<double>(counts[kCorrect]) / n});
  // As scikit-learn: over the classes that occur as label or as prediction.
  double f1 = 0;
  int64_t seen = 0;
  for (size_t c = 0; c < classes; ++c) {
    int64_t labelled = 0, predicted = 0;
    for (size_t k = 0; k < classes; ++k) {
      labelled += counts[kConfusion + c * classes + k];
      predicted += counts[kConfusion + k * classes + c];
    }
    if (labelled + predicted == 0) continue;
    ++seen;
    f1 += 2.0 * static_cast<double>(counts[kConfusion + c * classes + c]) / static_cast<double>(labelled + predicted);
  }
  if (seen > 0) out->push_back({"macro_f1", f1 / static_cast<double>(seen)});
  if (probabilities) out->push_back({"log_loss", FixedSum::Read(&counts[kConfusion + classes * classes]) / n});
}

void RegressionMetrics(absl::Span<const int64_t> counts, double scale, std::vector<Metric>* out) {
  const auto n = static_cast<double>(counts[kLabels]);
  const double squared = FixedSum::Read(&counts[kSquaredError]), target = FixedSum::Read(&counts[kTarget]);
  const double spread = FixedSum::Read(&counts[kSquaredTarget]) - target * target / n;
  out->push_back({"mae", FixedSum::Read(&counts[kAbsoluteError]) / n * scale});
  out->push_back({"mse", squared / n * scale * scale});
  out->push_back({"rmse", std::sqrt(std::max(0.0, squared / n)) * scale});
  if (spread > 0 && n >= 2) out->push_back({"r2", 1 - squared / spread});
  out->push_back({"mean_error", FixedSum::Read(&counts[kError]) / n * scale});
}

}  // namespace

std::vector<Metric> LabelLayout::Metrics(absl::Span<const int64_t> counts) const {
  std::vector<Metric> metrics;
  if (Labels(counts) <= 0) return metrics;
  switch (task_) {
    case Task::kBinary: BinaryMetrics(counts, &metrics); break;
    case Task::kMulticlass:
      MulticlassMetrics(counts, classes_, counts[signed_from_] != 0 || counts[signed_from_ + 1] != 0, &metrics);
      break;
    case Task::kRegression: RegressionMetrics(counts, scale_, &metrics); break;
    default: break;
  }
  metrics.erase(std::remove_if(metrics.begin(), metrics.end(), [](const Metric& m) { return !std::isfinite(m.value); }), metrics.end());
  return metrics;
}

int64_t LabelLayout::Errors(absl::Span<const int64_t> counts, size_t error_bin) const {
  switch (task_) {
    case Task::kBinary: return counts[kFalsePositives] + counts[kFalseNegatives];
    case Task::kMulticlass: return counts[kLabels] - counts[kCorrect];
    case Task::kRegression: {
      int64_t errors = 0;
      for (size_t bin = error_bin + 1; bin < kErrorBins; ++bin) errors += counts[kErrorHistogram + bin];
      return errors;
    }
    default: return 0;
  }
}

size_t LabelLayout::ErrorBin(absl::Span<const int64_t> counts) const {
  if (task_ != Task::kRegression) return 0;
  int64_t below = 0;
  for (size_t bin = 0; bin < kErrorBins; ++bin) {
    below += counts[kErrorHistogram + bin];
    if (below * 10 >= counts[kLabels] * 9) return bin;
  }
  return kErrorBins - 1;
}

}  // namespace vigil
