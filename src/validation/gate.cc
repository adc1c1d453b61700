#include <algorithm>
#include <cmath>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/text.h"
#include "stats/metrics.h"
#include "stats/robust.h"
#include "validation/comparison.h"
#include "validation/row_scorer.h"
#include "validation/validation.h"

namespace vigil {
namespace {

using validation::Metric;
using validation::ScoredRows;

constexpr int kResamplesMin = 100;
constexpr size_t kSliceValuesMax = 20;
constexpr int64_t kSliceRowsMin = 50;
constexpr size_t kParityRowsMax = 4096;       // re-scored in other batch sizes
constexpr size_t kParitySingleRowsMax = 256;  // one at a time
constexpr double kParityTolerance = 1e-6;     // absolute and relative
constexpr size_t kLatencyRows = 200;
constexpr int64_t kLatencyBudgetNs = 400'000'000;

// One judgement in progress.
class Gate {
 public:
  Gate(const LoadedModel* champion, const LoadedModel& candidate, const LabelledRows& rows, const GateOptions& options, GateReport* report)
      : champion_(champion), candidate_(candidate), rows_(rows), table_(rows), options_(options), report_(report) {}

  Status Run() {
    task_ = TaskOf();
    width_ = candidate_.table().score.width;
    VIGIL_ASSIGN_OR_RETURN(metric_, validation::MetricFor(task_, options_.metric));
    report_->metric = validation::MetricName(metric_);
    VIGIL_RETURN_IF_ERROR(CheckLabels());
    CheckAmounts();
    if (champion_ != nullptr && !CheckSignature()) return absl::OkStatus();
    if (rows_.rows() == 0) return absl::OkStatus();
    VIGIL_ASSIGN_OR_RETURN(candidate_scores_, ScoreRows(candidate_, rows_));
    if (champion_ != nullptr) {
      VIGIL_ASSIGN_OR_RETURN(champion_scores_, ScoreRows(*champion_, rows_));
    }
    if (!CheckFinite()) return absl::OkStatus();
    VIGIL_RETURN_IF_ERROR(CheckParity());
    VIGIL_RETURN_IF_ERROR(CheckMetric());
    VIGIL_RETURN_IF_ERROR(CheckCalibration());
    if (champion_ != nullptr) {
      VIGIL_RETURN_IF_ERROR(CheckLatency());
      VIGIL_RETURN_IF_ERROR(CheckSlices());
    }
    return absl::OkStatus();
  }

 private:
  void Add(std::string name, bool passed, std::string detail) { report_->checks.push_back({std::move(name), passed, std::move(detail)}); }
  ScoredRows Scored(const std::vector<float>& scores) const { return {task_, rows_.labels, scores, width_}; }

  Status CheckLabels() const {
    for (size_t i = 0; i < rows_.rows(); ++i) {
      const double y = rows_.labels[i];
      const double classes = task_ == Task::kBinary ? 2 : static_cast<double>(width_);
      const bool fits = task_ == Task::kRegression ? std::isfinite(y) : std::floor(y) == y && y >= 0 && y < classes;
      if (!fits) {
        return absl::InvalidArgumentError(
            absl::StrCat("row ", i, " is labelled ", y, ", which is no ", task_ == Task::kRegression ? "target" : "class of the model"));
      }
    }
    if (!rows_.groups.empty() && rows_.groups.size() != rows_.rows()) {
      return absl::InvalidArgumentError(absl::StrCat(rows_.groups.size(), " groups for ", rows_.rows(), " rows"));
    }
    return absl::OkStatus();
  }

  void CheckAmounts() {
    report_->rows = static_cast<int64_t>(rows_.rows());
    Add("rows", report_->rows >= options_.rows_min, absl::StrCat(report_->rows, " rows, at least ", options_.rows_min));
    if (task_ != Task::kBinary) return;
    report_->positives = std::count(rows_.labels.begin(), rows_.labels.end(), 1.0);
    Add("positives", report_->positives >= options_.positives_min,
        absl::StrCat(report_->positives, " positives, at least ", options_.positives_min));
  }

  // The candidate's; of a file that does not tell (ONNX, TensorFlow) the champion's, then what the metric that was asked for measures.
  Task TaskOf() const {
    for (const LoadedModel* model : {&candidate_, champion_}) {
      if (model != nullptr && model->table().score.task != Task::kOther) return model->table().score.task;
    }
    for (const Task task : {Task::kBinary, Task::kMulticlass, Task::kRegression}) {
      if (task == Task::kMulticlass && candidate_.table().score.width < 2) continue;
      if (!options_.metric.empty() && validation::MetricFor(task, options_.metric).ok()) return task;
    }
    return Task::kOther;
  }

  // What callers send to the champion must mean the same to the candidate. False: nothing further can be compared.
  bool CheckSignature() {
    const StatusOr<VersionFit> fit =
        FitVersion(champion_->signature(), champion_->table(), candidate_.signature(), candidate_.table(), "the champion", "the candidate");
    std::string breach = fit.ok() ? "" : std::string(fit.status().message());
    const Task old_task = champion_->table().score.task, new_task = candidate_.table().score.task;
    if (breach.empty() && old_task != Task::kOther && new_task != Task::kOther && old_task != new_task) {
      breach = absl::StrCat("the champion is a ", std::string(TaskName(old_task)), " model, the candidate a ",
                            std::string(TaskName(new_task)), " model");
    }
    std::string detail = breach;
    if (breach.empty()) {
      detail = absl::StrCat(candidate_.table().columns.size(), " columns, each one of the champion's");
      for (const std::string& note : fit->notes) absl::StrAppend(&detail, "; ", note);
    }
    Add("signature", breach.empty(), detail);
    return breach.empty();
  }

  bool CheckFinite() {
    const auto broken = [this](const std::vector<float>& scores, const char* name) {
      const auto at = std::find_if(scores.begin(), scores.end(), [](float s) { return !std::isfinite(s); });
      const auto count = std::count_if(scores.begin(), scores.end(), [](float s) { return !std::isfinite(s); });
      Add(name, count == 0,
          count == 0 ? "every output is finite"
                     : absl::StrCat(count, " of ", scores.size(), " outputs are not finite, the first in row ",
                                    (at - scores.begin()) / static_cast<std::ptrdiff_t>(width_)));
      return count > 0;
    };
    bool usable = !broken(candidate_scores_, "finite");
    if (champion_ != nullptr) usable = !broken(champion_scores_, "champion_finite") && usable;
    return usable;
  }

  // The same rows in other batch sizes must give the same scores: a runtime may pick another engine for each.
  Status CheckParity() {
    double largest = 0;
    size_t compared = 0;
    for (const auto& [batch, limit] : {std::pair{size_t{1}, kParitySingleRowsMax}, {size_t{37}, kParityRowsMax}}) {
      VIGIL_ASSIGN_OR_RETURN(const std::vector<float> again, ScoreRows(candidate_, rows_, batch, limit));
      for (size_t i = 0; i < again.size(); ++i) {
        const double before = candidate_scores_[i];
        const double gap = std::abs(static_cast<double>(again[i]) - before);
        largest = std::max(largest, std::isnan(gap) ? INFINITY : gap / (1 + std::abs(before)));
      }
      compared += again.size();
    }
    Add("parity", largest <= kParityTolerance,
        absl::StrFormat("%d outputs scored again in batches of 1 and 37 rows differ by at most %.3g (allowed %.3g)", compared, largest,
                        kParityTolerance));
    return absl::OkStatus();
  }

  validation::BootstrapOptions Bootstrap() const { return {options_.resamples, options_.confidence, options_.seed}; }

  Status CheckMetric() {
    VIGIL_ASSIGN_OR_RETURN(report_->candidate, validation::ComputeMetric(metric_, Scored(candidate_scores_)));
    if (champion_ == nullptr) {
      Add("metric", !std::isnan(report_->candidate),
          absl::StrFormat("%s %.6g; there is no champion to compare with", report_->metric, report_->candidate));
      return absl::OkStatus();
    }
    const auto compared = validation::ComparePaired(metric_, Scored(champion_scores_), Scored(candidate_scores_),
                                                    validation::ResamplingUnits(rows_.groups, rows_.rows()), Bootstrap());
    if (absl::IsFailedPrecondition(compared.status())) {
      Add("metric", false, std::string(compared.status().message()));
      return absl::OkStatus();
    }
    VIGIL_RETURN_IF_ERROR(compared.status());
    report_->compared = true;
    report_->champion = compared->champion;
    report_->difference = compared->difference;
    report_->low = compared->low;
    report_->high = compared->high;
    const bool above = compared->low > -options_.margin, enough = compared->difference >= options_.improvement_min;
    Add("metric", above && enough,
        absl::StrFormat("%s %.6g against the champion's %.6g: better by %.4g, %.4g%% interval [%.4g, %.4g] over %d %s; needed: above %.4g "
                        "and at least %.4g",
                        report_->metric, compared->candidate, compared->champion, compared->difference, 100 * options_.confidence,
                        compared->low, compared->high, compared->units, compared->units == report_->rows ? "rows" : "entities",
                        -options_.margin, options_.improvement_min));
    return absl::OkStatus();
  }

  Status CheckCalibration() {
    if (task_ == Task::kRegression) return absl::OkStatus();
    // Binary: the score against the label. Multiclass: the largest probability against whether that class was right.
    std::vector<double> labels, probabilities;
    for (size_t i = 0; i < rows_.rows(); ++i) {
      const float* row = candidate_scores_.data() + i * width_;
      const float* best = task_ == Task::kBinary ? row + width_ - 1 : std::max_element(row, row + width_);
      if (!(*best >= 0 && *best <= 1)) {
        Add("calibration", true, absl::StrFormat("not judged: row %d is scored %.6g, which is no probability", i, *best));
        return absl::OkStatus();
      }
      probabilities.push_back(*best);
      labels.push_back(task_ == Task::kBinary ? rows_.labels[i] : (best - row == static_cast<std::ptrdiff_t>(rows_.labels[i]) ? 1 : 0));
    }
    VIGIL_ASSIGN_OR_RETURN(const auto error, stats::CalibrationError(labels, probabilities, 10));
    Add("calibration", error.first <= options_.calibration_error_max,
        absl::StrFormat("expected calibration error %.4g, at most %.4g", error.first, options_.calibration_error_max));
    return absl::OkStatus();
  }

  // Both models in turns, row by row, so that a busy machine slows both alike; each row twice, and the second, warm, call counts.
  Status CheckLatency() {
    const SystemClock system;
    const Clock& clock = options_.clock != nullptr ? *options_.clock : system;
    VIGIL_ASSIGN_OR_RETURN(validation::RowScorer old_scorer, validation::RowScorer::Make(*champion_, table_.shape()));
    VIGIL_ASSIGN_OR_RETURN(validation::RowScorer new_scorer, validation::RowScorer::Make(candidate_, table_.shape()));
    std::vector<double> old_times, new_times;
    std::vector<float> ignored;
    const int64_t start = clock.MonotonicNs();
    for (size_t i = 0; i < kLatencyRows && clock.MonotonicNs() - start < kLatencyBudgetNs; ++i) {
      const TableRows row = table_.Slice(i * rows_.rows() / kLatencyRows, 1);
      for (const auto& [scorer, times] : {std::pair{&old_scorer, &old_times}, {&new_scorer, &new_times}}) {
        ignored.clear();
        VIGIL_RETURN_IF_ERROR(scorer->Score(row, &ignored));
        const int64_t before = clock.MonotonicNs();
        VIGIL_RETURN_IF_ERROR(scorer->Score(row, &ignored));
        times->push_back(static_cast<double>(clock.MonotonicNs() - before) / 1e3);
      }
    }
    const double old_us = stats::Median(old_times), new_us = stats::Median(new_times);
    Add("latency", new_us <= options_.latency_free_us || new_us <= options_.latency_factor_max * old_us,
        absl::StrFormat("%.3g us a row against the champion's %.3g us; allowed: %.3g times that, or %.3g us", new_us, old_us,
                        options_.latency_factor_max, options_.latency_free_us));
    return absl::OkStatus();
  }

  Status CheckSlices() {
    if (options_.slice_column.empty()) return absl::OkStatus();
    const auto found = std::find(rows_.columns.begin(), rows_.columns.end(), options_.slice_column);
    if (found == rows_.columns.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("no column \"", options_.slice_column, "\" to slice by", DidYouMean(options_.slice_column, rows_.columns)));
    }
    const auto column = static_cast<size_t>(found - rows_.columns.begin());
    std::map<std::string, std::vector<size_t>> slices;
    for (size_t i = 0; i < rows_.rows(); ++i) {
      slices[table_.Text(i, column)].push_back(i);
      if (slices.size() > kSliceValuesMax) {
        return absl::InvalidArgumentError(
            absl::StrCat("column \"", options_.slice_column, "\" has more than ", kSliceValuesMax, " values; slices need few"));
      }
    }
    for (const auto& [value, members] : slices) {
      VIGIL_RETURN_IF_ERROR(CheckSlice(absl::StrCat("slice:", options_.slice_column, "=", value), members));
    }
    return absl::OkStatus();
  }

  Status CheckSlice(const std::string& name, const std::vector<size_t>& members) {
    std::vector<double> labels;
    std::vector<float> old_scores, new_scores;
    std::vector<uint64_t> groups;
    for (const size_t i : members) {
      labels.push_back(rows_.labels[i]);
      const auto at = static_cast<std::ptrdiff_t>(i * width_), end = at + static_cast<std::ptrdiff_t>(width_);
      old_scores.insert(old_scores.end(), champion_scores_.begin() + at, champion_scores_.begin() + end);
      new_scores.insert(new_scores.end(), candidate_scores_.begin() + at, candidate_scores_.begin() + end);
      if (!rows_.groups.empty()) groups.push_back(rows_.groups[i]);
    }
    const auto n = static_cast<int64_t>(members.size());
    const int64_t positives = std::count(labels.begin(), labels.end(), 1.0);
    if (n < kSliceRowsMin || (task_ == Task::kBinary && positives < options_.positives_min)) {
      Add(name, true, absl::StrCat("not judged: ", n, " rows, ", positives, " positives are too few"));
      return absl::OkStatus();
    }
    const auto compared = validation::ComparePaired(metric_, {task_, labels, old_scores, width_}, {task_, labels, new_scores, width_},
                                                    validation::ResamplingUnits(groups, members.size()), Bootstrap());
    if (absl::IsFailedPrecondition(compared.status())) {
      Add(name, true, absl::StrCat("not judged: ", std::string(compared.status().message())));
      return absl::OkStatus();
    }
    VIGIL_RETURN_IF_ERROR(compared.status());
    Add(name, compared->low > -options_.slice_margin,
        absl::StrFormat("%.6g against %.6g on %d rows: better by %.4g, interval [%.4g, %.4g]; needed: above %.4g", compared->candidate,
                        compared->champion, n, compared->difference, compared->low, compared->high, -options_.slice_margin));
    return absl::OkStatus();
  }

  const LoadedModel* const champion_;
  const LoadedModel& candidate_;
  const LabelledRows& rows_;
  const validation::RowTable table_;
  const GateOptions& options_;
  GateReport* const report_;
  Task task_ = Task::kOther;
  size_t width_ = 1;
  Metric metric_ = Metric::kAveragePrecision;
  std::vector<float> champion_scores_, candidate_scores_;
};

}  // namespace

StatusOr<GateReport> RunGate(const LoadedModel* champion, const LoadedModel& candidate, const LabelledRows& rows,
                             const GateOptions& options) {
  if (!(options.confidence > 0 && options.confidence < 1)) {
    return absl::InvalidArgumentError(absl::StrCat("the gate's confidence is ", options.confidence, "; it lies in (0, 1)"));
  }
  if (options.resamples < kResamplesMin) {
    return absl::InvalidArgumentError(absl::StrCat("the gate's resamples are ", options.resamples, ", at least ", kResamplesMin));
  }
  GateReport report;
  VIGIL_RETURN_IF_ERROR(Gate(champion, candidate, rows, options, &report).Run());
  report.passed = std::all_of(report.checks.begin(), report.checks.end(), [](const GateCheck& check) { return check.passed; });
  return report;
}

}  // namespace vigil
