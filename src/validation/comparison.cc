#include "validation/comparison.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <unordered_map>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "base/text.h"
#include "stats/metrics.h"
#include "stats/quantile.h"
#include "stats/ranking.h"

namespace vigil::validation {
namespace {

struct MetricFacts {
  Metric metric;
  const char* name;
  bool higher_is_better, binary, multiclass, regression;
};
constexpr MetricFacts kMetrics[] = {
    {Metric::kAveragePrecision, "average_precision", true, true, false, false},
    {Metric::kRocAuc, "roc_auc", true, true, false, false},
    {Metric::kLogLoss, "log_loss", false, true, true, false},
    {Metric::kBrier, "brier", false, true, false, false},
    {Metric::kAccuracy, "accuracy", true, true, true, false},
    {Metric::kRmse, "rmse", false, false, false, true},
    {Metric::kMae, "mae", false, false, false, true},
};

const MetricFacts& Facts(Metric metric) { return kMetrics[static_cast<size_t>(metric)]; }

bool Suits(const MetricFacts& facts, Task task) {
  return task == Task::kBinary       ? facts.binary
         : task == Task::kMulticlass ? facts.multiclass
                                     : task == Task::kRegression && facts.regression;
}

bool IsRanking(Metric metric) { return metric == Metric::kAveragePrecision || metric == Metric::kRocAuc; }

std::vector<double> Scores(const ScoredRows& rows) {
  std::vector<double> scores(rows.labels.size());
  for (size_t i = 0; i < scores.size(); ++i) scores[i] = rows.score(i);
  return scores;
}

// What one row adds to a metric that is a mean over rows (of its square, for rmse).
double RowLoss(Metric metric, const ScoredRows& rows, size_t i) {
  constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
  const double label = rows.labels[i], score = rows.score(i);
  const bool multiclass = rows.task == Task::kMulticlass;
  const auto row = rows.outputs.subspan(i * rows.width, rows.width);
  switch (metric) {
    case Metric::kLogLoss: {
      const double p = multiclass ? static_cast<double>(row[static_cast<size_t>(label)]) : label > 0.5 ? score : 1 - score;
      return -std::log(std::clamp(p, kEpsilon, 1 - kEpsilon));
    }
    case Metric::kAccuracy: {
      if (!multiclass) return (score >= 0.5) == (label > 0.5) ? 1 : 0;
      return std::max_element(row.begin(), row.end()) - row.begin() == static_cast<std::ptrdiff_t>(label) ? 1 : 0;
    }
    case Metric::kMae: return std::abs(score - label);
    default:  // Brier, rmse
      return (score - label) * (score - label);
  }
}

double FromMean(Metric metric, double mean) { return metric == Metric::kRmse ? std::sqrt(mean) : mean; }

Status CheckProbabilities(Metric metric, const ScoredRows& rows) {
  if (metric != Metric::kLogLoss && metric != Metric::kBrier) return absl::OkStatus();
  for (size_t i = 0; i < rows.outputs.size(); ++i) {
    const float p = rows.outputs[i];
    if (!(p >= 0 && p <= 1)) {
      return absl::InvalidArgumentError(absl::StrCat("row ", i / rows.width, " is scored ", p, ", which is no probability; ",
                                                     MetricName(metric), " needs probabilities (average_precision and roc_auc do not)"));
    }
  }
  return absl::OkStatus();
}

// Draws and their metric differences for means over rows: a unit is its sums.
class LossResampler {
 public:
  LossResampler(Metric metric, const ScoredRows& champion, const ScoredRows& candidate, absl::Span<const uint32_t> units, size_t unit_count)
      : metric_(metric), sums_(unit_count) {
    for (size_t i = 0; i < units.size(); ++i) {
      UnitSums& unit = sums_[units[i]];
      unit.champion += RowLoss(metric, champion, i);
      unit.candidate += RowLoss(metric, candidate, i);
      unit.rows += 1;
    }
  }
  double Difference(Random& random) const {
    UnitSums total;
    for (size_t k = 0; k < sums_.size(); ++k) {
      const UnitSums& unit = sums_[random.Below(sums_.size())];
      total.champion += unit.champion;
      total.candidate += unit.candidate;
      total.rows += unit.rows;
    }
    return FromMean(metric_, total.candidate / total.rows) - FromMean(metric_, total.champion / total.rows);
  }

 private:
  struct UnitSums {
    double champion = 0, candidate = 0, rows = 0;
  };
  const Metric metric_;
  std::vector<UnitSums> sums_;
};

// The same for metrics of the order of scores.
class RankingResampler {
 public:
  RankingResampler(Metric metric, const ScoredRows& champion, const ScoredRows& candidate, absl::Span<const uint32_t> units,
                   size_t unit_count)
      : metric_(metric),
        champion_(champion.labels, Scores(champion)),
        candidate_(candidate.labels, Scores(candidate)),
        champion_units_(champion_.GroupsByRank(units)),
        candidate_units_(candidate_.GroupsByRank(units)),
        weights_(unit_count) {}
  double Difference(Random& random) {
    std::fill(weights_.begin(), weights_.end(), uint16_t{0});
    for (size_t k = 0; k < weights_.size(); ++k) ++weights_[random.Below(weights_.size())];
    if (metric_ == Metric::kRocAuc) return candidate_.RocAuc(candidate_units_, weights_) - champion_.RocAuc(champion_units_, weights_);
    return candidate_.AveragePrecision(candidate_units_, weights_) - champion_.AveragePrecision(champion_units_, weights_);
  }

 private:
  const Metric metric_;
  const stats::RankedScores champion_, candidate_;
  const std::vector<uint32_t> champion_units_, candidate_units_;
  std::vector<uint16_t> weights_;
};

template <typename Resampler>
std::vector<double> Resample(Resampler resampler, double sign, const BootstrapOptions& options) {
  Random random(options.seed);
  std::vector<double> differences;
  differences.reserve(static_cast<size_t>(std::max(0, options.resamples)));
  for (int r = 0; r < options.resamples; ++r) {
    if (const double d = resampler.Difference(random); !std::isnan(d)) differences.push_back(sign * d);
  }
  return differences;
}

}  // namespace

StatusOr<Metric> MetricFor(Task task, const std::string& name) {
  if (task != Task::kBinary && task != Task::kMulticlass && task != Task::kRegression) {
    return absl::UnimplementedError(absl::StrCat("no metric compares models of task ", std::string(TaskName(task))));
  }
  if (name.empty()) return task == Task::kBinary ? Metric::kAveragePrecision : task == Task::kMulticlass ? Metric::kLogLoss : Metric::kRmse;
  std::vector<std::string> known;
  for (const MetricFacts& facts : kMetrics) {
    if (!Suits(facts, task)) continue;
    if (name == facts.name) return facts.metric;
    known.push_back(facts.name);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("\"", name, "\" is no metric of a ", std::string(TaskName(task)), " model", DidYouMean(name, known)));
}

std::string MetricName(Metric metric) { return Facts(metric).name; }
bool HigherIsBetter(Metric metric) { return Facts(metric).higher_is_better; }

StatusOr<double> ComputeMetric(Metric metric, const ScoredRows& rows) {
  if (rows.labels.empty()) return stats::kUndefined;
  VIGIL_RETURN_IF_ERROR(CheckProbabilities(metric, rows));
  if (IsRanking(metric)) {
    const stats::RankedScores ranked(rows.labels, Scores(rows));
    return metric == Metric::kRocAuc ? ranked.RocAuc() : ranked.AveragePrecision();
  }
  double sum = 0;
  for (size_t i = 0; i < rows.labels.size(); ++i) sum += RowLoss(metric, rows, i);
  return FromMean(metric, sum / static_cast<double>(rows.labels.size()));
}

StatusOr<std::vector<std::pair<std::string, double>>> AllMetrics(const ScoredRows& rows) {
  using Named = std::vector<std::pair<std::string, double>>;
  if (rows.task == Task::kBinary) {
    VIGIL_ASSIGN_OR_RETURN(const stats::BinaryMetrics m, stats::ComputeBinaryMetrics(rows.labels, Scores(rows), 0.5));
    return Named{{"average_precision", m.average_precision},
                 {"roc_auc", m.roc_auc},
                 {"log_loss", m.log_loss},
                 {"brier", m.brier},
                 {"calibration_error", m.ece},
                 {"accuracy", m.accuracy},
                 {"precision", m.precision},
                 {"recall", m.recall},
                 {"f1", m.f1},
                 {"mcc", m.mcc}};
  }
  if (rows.task == Task::kMulticlass) {
    const std::vector<int32_t> labels(rows.labels.begin(), rows.labels.end());
    const std::vector<double> probabilities(rows.outputs.begin(), rows.outputs.end());
    VIGIL_ASSIGN_OR_RETURN(const stats::MulticlassMetrics m, stats::ComputeMulticlassMetrics(labels, probabilities, rows.width));
    return Named{{"log_loss", m.log_loss},
                 {"accuracy", m.accuracy},
                 {"balanced_accuracy", m.balanced_accuracy},
                 {"macro_f1", m.macro.f1},
                 {"roc_auc_ovr_macro", m.roc_auc_ovr_macro},
                 {"mcc", m.mcc}};
  }
  if (rows.task == Task::kRegression) {
    VIGIL_ASSIGN_OR_RETURN(const stats::RegressionMetrics m, stats::ComputeRegressionMetrics(rows.labels, Scores(rows)));
    return Named{{"rmse", m.rmse}, {"mae", m.mae},
                 {"r2", m.r2},     {"median_absolute_error", m.median_absolute_error},
                 {"mape", m.mape}, {"mean_error", m.mean_error}};
  }
  return absl::UnimplementedError(absl::StrCat("no metrics for models of task ", std::string(TaskName(rows.task))));
}

std::vector<uint32_t> ResamplingUnits(absl::Span<const uint64_t> groups, size_t rows) {
  std::vector<uint32_t> units(rows);
  std::unordered_map<uint64_t, uint32_t> known;
  uint32_t next = 0;
  for (size_t i = 0; i < rows; ++i) {
    if (groups.empty() || groups[i] == 0) {
      units[i] = next++;
      continue;
    }
    const auto [entry, inserted] = known.try_emplace(groups[i], next);
    next += inserted ? 1 : 0;
    units[i] = entry->second;
  }
  if (next <= 1) std::iota(units.begin(), units.end(), 0u);
  return units;
}

StatusOr<PairedInterval> ComparePaired(Metric metric, const ScoredRows& champion, const ScoredRows& candidate,
                                       absl::Span<const uint32_t> units, const BootstrapOptions& options) {
  PairedInterval result;
  VIGIL_ASSIGN_OR_RETURN(result.champion, ComputeMetric(metric, champion));
  VIGIL_ASSIGN_OR_RETURN(result.candidate, ComputeMetric(metric, candidate));
  if (std::isnan(result.champion) || std::isnan(result.candidate)) {
    return absl::FailedPreconditionError(absl::StrCat(MetricName(metric), " is not defined on these ", units.size(), " rows"));
  }
  const double sign = HigherIsBetter(metric) ? 1 : -1;
  result.difference = sign * (result.candidate - result.champion);
  const size_t unit_count = *std::max_element(units.begin(), units.end()) + size_t{1};
  result.units = static_cast<int64_t>(unit_count);
  std::vector<double> differences = IsRanking(metric)
                                        ? Resample(RankingResampler(metric, champion, candidate, units, unit_count), sign, options)
                                        : Resample(LossResampler(metric, champion, candidate, units, unit_count), sign, options);
  result.resamples = static_cast<int>(differences.size());
  if (result.resamples == 0 || result.resamples < options.resamples - options.resamples / 20) {
    return absl::FailedPreconditionError(
        absl::StrCat(MetricName(metric), " was defined in only ", result.resamples, " of ", options.resamples, " resamples"));
  }
  std::sort(differences.begin(), differences.end());
  result.low = stats::SortedQuantile(differences, (1 - options.confidence) / 2);
  result.high = stats::SortedQuantile(differences, (1 + options.confidence) / 2);
  return result;
}

}  // namespace vigil::validation
