#include "stats/score_histogram.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/text.h"

namespace vigil::stats {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
constexpr double kBinsPerUnit = 16, kLogitMax = 16;

void AddSigned(ExactSum* sum, double value, int64_t times) {
  if (times > 0) {
    sum->Add(value);
  } else {
    sum->Subtract(value);
  }
}

// Fields parted by single spaces.
class FieldReader {
 public:
  explicit FieldReader(std::string_view text) : at_(text.data()), end_(at_ + text.size()) {}
  template <typename T>
  bool Next(T* value) {
    const std::string_view field = Field();
    const auto result = std::from_chars(field.data(), field.data() + field.size(), *value);
    return !field.empty() && result.ec == std::errc() && result.ptr == field.data() + field.size();
  }
  bool Next(ExactSum* sum) {
    auto parsed = ExactSum::Parse(Field());
    if (parsed.ok()) *sum = *parsed;
    return parsed.ok();
  }
  bool AtEnd() const { return at_ == end_; }

 private:
  std::string_view Field() {
    const char* const stop = std::find(at_, end_, ' ');
    const std::string_view field(at_, static_cast<size_t>(stop - at_));
    at_ = stop == end_ ? end_ : stop + 1;
    return field;
  }
  const char* at_;
  const char* end_;
};

// sum over the positives of a bin of precision, when p positives and n negatives come evenly mixed after tp and fp. At most 256 steps.
double MixedPrecision(double tp, double fp, double p, double n) {
  const double steps = std::min(p, 256.0), step = p / steps;
  double sum = 0;
  for (double k = 0; k < steps; ++k) {
    // The last positive of this step, with the negatives that fell before its middle.
    const double positives = tp + (k + 1) * step, negatives = fp + n * (k + 0.5) / steps;
    sum += step * positives / (positives + negatives);
  }
  return sum;
}

// The same with `before` negatives ahead of every positive of the bin: sum_{j=1..p} (tp + j) / (tp + j + before), which rises with j, so
// the first positive of each step bounds it from below and the last from above.
double EdgePrecision(double tp, double before, double p, bool upper) {
  const double steps = std::min(p, 256.0), step = p / steps;
  double sum = 0;
  for (double k = 0; k < steps; ++k) {
    const double positives = tp + (upper ? (k + 1) * step : k * step + 1);
    sum += step * positives / (positives + before);
  }
  return sum;
}

// value^2 without rounding, as two doubles; and likewise a product.
void AddProduct(ExactSum* sum, double a, double b, int64_t times) {
  const double product = a * b;
  AddSigned(sum, product, times);
  AddSigned(sum, std::fma(a, b, -product), times);
}

}  // namespace

int ScoreHistogram::Bin(double score) {
  if (score <= 0) return 0;
  if (score >= 1) return kBins - 1;
  const double logit = std::log(score) - std::log1p(-score);
  return static_cast<int>(std::clamp(std::floor((logit + kLogitMax) * kBinsPerUnit), 0.0, static_cast<double>(kBins - 1)));
}

void ScoreHistogram::Count(double score, bool positive, int64_t times) {
  if (!(score >= 0 && score <= 1)) {
    refused_ += times;
    return;
  }
  (positive ? positives_ : negatives_)[static_cast<size_t>(Bin(score))] += times;
  const bool predicted = score >= threshold_;
  (positive ? (predicted ? true_positives_ : false_negatives_) : (predicted ? false_positives_ : true_negatives_)) += times;
  const double p = std::clamp(score, kEpsilon, 1 - kEpsilon);
  AddSigned(&log_loss_, positive ? -std::log(p) : -std::log(1 - p), times);
  const double error = score - (positive ? 1 : 0);
  AddSigned(&squared_error_, error * error, times);
  CalibrationBin& bin = calibration_[static_cast<size_t>(std::min(static_cast<int>(score * kCalibrationBins), kCalibrationBins - 1))];
  bin.rows += times;
  bin.positives += positive ? times : 0;
  AddSigned(&bin.probability, score, times);
}

Status ScoreHistogram::Merge(const ScoreHistogram& other) {
  if (other.threshold_ != threshold_) {
    return absl::InvalidArgumentError(
        absl::StrCat("score histograms with decision thresholds ", threshold_, " and ", other.threshold_, " cannot be merged"));
  }
  for (size_t i = 0; i < kBins; ++i) {
    positives_[i] += other.positives_[i];
    negatives_[i] += other.negatives_[i];
  }
  true_negatives_ += other.true_negatives_;
  false_positives_ += other.false_positives_;
  false_negatives_ += other.false_negatives_;
  true_positives_ += other.true_positives_;
  refused_ += other.refused_;
  log_loss_.Merge(other.log_loss_);
  squared_error_.Merge(other.squared_error_);
  for (size_t i = 0; i < kCalibrationBins; ++i) {
    calibration_[i].rows += other.calibration_[i].rows;
    calibration_[i].positives += other.calibration_[i].positives;
    calibration_[i].probability.Merge(other.calibration_[i].probability);
  }
  return absl::OkStatus();
}

Confusion ScoreHistogram::confusion() const {
  return {static_cast<double>(true_negatives_), static_cast<double>(false_positives_), static_cast<double>(false_negatives_),
          static_cast<double>(true_positives_)};
}

Estimate ScoreHistogram::RocAuc() const {
  const auto all_positives = static_cast<double>(positives()), all_negatives = static_cast<double>(rows() - positives());
  if (!(all_positives > 0) || !(all_negatives > 0)) return {};
  double above = 0, area = 0, slack = 0;
  for (size_t i = kBins; i-- > 0;) {
    const auto p = static_cast<double>(positives_[i]), n = static_cast<double>(negatives_[i]);
    area += n * (above + p / 2);
    slack += n * p / 2;
    above += p;
  }
  const double pairs = all_positives * all_negatives;
  return {area / pairs, (area - slack) / pairs, (area + slack) / pairs};
}

Estimate ScoreHistogram::AveragePrecision() const {
  const auto all_positives = static_cast<double>(positives());
  if (!(all_positives > 0)) return {};
  double tp = 0, fp = 0, mixed = 0, low = 0, high = 0;
  for (size_t i = kBins; i-- > 0;) {
    const auto p = static_cast<double>(positives_[i]), n = static_cast<double>(negatives_[i]);
    if (p > 0) {
      mixed += MixedPrecision(tp, fp, p, n);
      low += EdgePrecision(tp, fp + n, p, false);
      high += EdgePrecision(tp, fp, p, true);
    }
    tp += p;
    fp += n;
  }
  return {mixed / all_positives, low / all_positives, high / all_positives};
}

BinaryMetrics ScoreHistogram::Metrics() const {
  BinaryMetrics m = MetricsOfConfusion(confusion());
  m.n = rows();
  if (m.n <= 0) return m;
  m.roc_auc = RocAuc().value;
  m.average_precision = AveragePrecision().value;
  m.gini = 2 * m.roc_auc - 1;
  const auto n = static_cast<double>(m.n);
  m.log_loss = log_loss_.Value() / n;
  m.brier = squared_error_.Value() / n;
  m.ece = m.max_calibration_error = 0;
  for (const CalibrationBin& bin : calibration_) {
    if (bin.rows <= 0) continue;
    const double gap = std::abs(bin.probability.Value() - static_cast<double>(bin.positives)) / static_cast<double>(bin.rows);
    m.ece += static_cast<double>(bin.rows) / n * gap;
    m.max_calibration_error = std::max(m.max_calibration_error, gap);
  }
  return m;
}

std::string ScoreHistogram::Serialize() const {
  std::string text;
  AppendNumber(&text, threshold_);
  absl::StrAppend(&text, " ", true_negatives_, " ", false_positives_, " ", false_negatives_, " ", true_positives_, " ", refused_, " ",
                  log_loss_.Serialize(), " ", squared_error_.Serialize());
  for (const CalibrationBin& bin : calibration_)
    absl::StrAppend(&text, " ", bin.rows, " ", bin.positives, " ", bin.probability.Serialize());
  for (int i = 0; i < kBins; ++i) {
    const auto at = static_cast<size_t>(i);
    if (positives_[at] != 0 || negatives_[at] != 0) absl::StrAppend(&text, " ", i, " ", positives_[at], " ", negatives_[at]);
  }
  return text;
}

StatusOr<ScoreHistogram> ScoreHistogram::Parse(std::string_view text) {
  FieldReader reader(text);
  double threshold = 0;
  if (!reader.Next(&threshold) || std::isnan(threshold)) return absl::InvalidArgumentError("a saved score histogram has no threshold");
  ScoreHistogram h(threshold);
  bool whole = reader.Next(&h.true_negatives_) && reader.Next(&h.false_positives_) && reader.Next(&h.false_negatives_) &&
               reader.Next(&h.true_positives_) && reader.Next(&h.refused_) && reader.Next(&h.log_loss_) && reader.Next(&h.squared_error_);
  for (CalibrationBin& bin : h.calibration_) {
    whole = whole && reader.Next(&bin.rows) && reader.Next(&bin.positives) && reader.Next(&bin.probability);
  }
  while (whole && !reader.AtEnd()) {
    int bin = 0;
    int64_t positives = 0, negatives = 0;
    whole = reader.Next(&bin) && reader.Next(&positives) && reader.Next(&negatives) && bin >= 0 && bin < kBins;
    if (!whole) break;
    h.positives_[static_cast<size_t>(bin)] = positives;
    h.negatives_[static_cast<size_t>(bin)] = negatives;
  }
  if (!whole) return absl::InvalidArgumentError("a saved score histogram is broken");
  return h;
}

void RegressionSums::Count(double target, double prediction, int64_t times) {
  if (!std::isfinite(target) || !std::isfinite(prediction)) {
    refused_ += times;
    return;
  }
  const double error = prediction - target;
  rows_ += times;
  AddSigned(&absolute_, std::abs(error), times);
  AddSigned(&squared_, error * error, times);
  AddSigned(&error_, error, times);
  AddSigned(&relative_, std::abs(error) / std::max(std::abs(target), kEpsilon), times);
  AddSigned(&target_, target, times);
  AddProduct(&target_squared_, target, target, times);
}

void RegressionSums::Merge(const RegressionSums& other) {
  rows_ += other.rows_;
  refused_ += other.refused_;
  for (const auto& [mine, theirs] : {std::pair{&absolute_, &other.absolute_},
                                     {&squared_, &other.squared_},
                                     {&error_, &other.error_},
                                     {&relative_, &other.relative_},
                                     {&target_, &other.target_},
                                     {&target_squared_, &other.target_squared_}}) {
    mine->Merge(*theirs);
  }
}

RegressionMetrics RegressionSums::Metrics() const {
  RegressionMetrics m;
  m.n = rows_;
  if (rows_ <= 0) return m;
  const auto n = static_cast<double>(rows_);
  m.mae = absolute_.Value() / n;
  m.mse = squared_.Value() / n;
  m.rmse = std::sqrt(m.mse);
  m.mape = relative_.Value() / n;
  m.mean_error = error_.Value() / n;
  if (rows_ < 2) return m;
  // sum (y - c)^2 = sum y^2 - 2 c sum y + n c^2 for the double c nearest the mean, in exact arithmetic: the two large moments cancel
  // without loss, and c's own rounding enters squared.
  const double mean = target_.Value() / n;
  ExactSum variation_sum = target_squared_, rest = target_;
  for (int part = 0; part < 3; ++part) {  // sum y as three doubles
    const double piece = rest.Value();
    rest.Subtract(piece);
    AddProduct(&variation_sum, -2 * mean, piece, 1);
  }
  const double square = mean * mean;
  AddProduct(&variation_sum, n, square, 1);
  AddProduct(&variation_sum, n, std::fma(mean, mean, -square), 1);
  const double variation = variation_sum.Value();
  const double noise = 4 * n * (kEpsilon * mean) * (kEpsilon * mean);  // of c's rounding: a constant target
  const auto explained = [&](double residual) { return variation > noise ? 1 - residual / variation : (residual <= 0 ? 1.0 : 0.0); };
  m.r2 = explained(squared_.Value());
  m.explained_variance = explained(std::max(0.0, squared_.Value() - n * m.mean_error * m.mean_error));
  return m;
}

std::string RegressionSums::Serialize() const {
  return absl::StrCat(rows_, " ", refused_, " ", absolute_.Serialize(), " ", squared_.Serialize(), " ", error_.Serialize(), " ",
                      relative_.Serialize(), " ", target_.Serialize(), " ", target_squared_.Serialize());
}

StatusOr<RegressionSums> RegressionSums::Parse(std::string_view text) {
  FieldReader reader(text);
  RegressionSums s;
  const bool whole = reader.Next(&s.rows_) && reader.Next(&s.refused_) && reader.Next(&s.absolute_) && reader.Next(&s.squared_) &&
                     reader.Next(&s.error_) && reader.Next(&s.relative_) && reader.Next(&s.target_) && reader.Next(&s.target_squared_);
  if (!whole || !reader.AtEnd()) return absl::InvalidArgumentError("saved regression sums are broken");
  return s;
}

}  // namespace vigil::stats
