#include <algorithm>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "base/text.h"
#include "stats/splits.h"
#include "validation/comparison.h"
#include "validation/validation.h"

namespace vigil {
namespace {

struct Fold {
  stats::Split split;
  int64_t purged = 0;
};

std::vector<Fold> Unpurged(stats::Splits splits) {
  std::vector<Fold> folds;
  for (stats::Split& split : splits) folds.push_back({std::move(split), 0});
  return folds;
}

// The folds of shuffled rows, as indices of the rows themselves.
StatusOr<std::vector<Fold>> Shuffled(const LabelledRows& rows, const CrossValidationOptions& options) {
  std::vector<uint32_t> order(rows.rows());
  std::iota(order.begin(), order.end(), 0u);
  if (options.seed != 0) {
    Random random(options.seed);
    for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.Below(i)]);
  }
  std::vector<double> labels;
  for (const uint32_t row : order) labels.push_back(rows.labels[row]);
  auto splits = options.splitter == "kfold" ? stats::KFold(order.size(), options.folds) : stats::StratifiedKFold(labels, options.folds);
  VIGIL_RETURN_IF_ERROR(splits.status());
  for (stats::Split& split : *splits) {
    for (std::vector<uint32_t>* side : {&split.train, &split.test}) {
      for (uint32_t& row : *side) row = order[row];
      std::sort(side->begin(), side->end());
    }
  }
  return Unpurged(*std::move(splits));
}

// Rows without a group are groups of their own.
std::vector<uint64_t> Groups(const LabelledRows& rows) {
  std::vector<uint64_t> groups;
  for (const uint32_t unit : validation::ResamplingUnits(rows.groups, rows.rows())) groups.push_back(unit);
  return groups;
}

StatusOr<std::vector<Fold>> MakeFolds(const LabelledRows& rows, const CrossValidationOptions& options) {
  const std::string& splitter = options.splitter;
  if (splitter == "kfold" || splitter == "stratified") return Shuffled(rows, options);
  if (splitter == "grouped" || splitter == "stratified_grouped") {
    if (rows.groups.size() != rows.rows())
      return absl::InvalidArgumentError(absl::StrCat("the splitter \"", splitter, "\" needs rows with groups"));
    auto splits = splitter == "grouped" ? stats::GroupKFold(Groups(rows), options.folds)
                                        : stats::StratifiedGroupKFold(rows.labels, Groups(rows), options.folds);
    VIGIL_RETURN_IF_ERROR(splits.status());
    return Unpurged(*std::move(splits));
  }
  if (splitter == "time") {
    if (rows.times.size() != rows.rows()) return absl::InvalidArgumentError("the splitter \"time\" needs rows with prediction times");
    const std::vector<int64_t>& label_times = rows.label_times.empty() ? rows.times : rows.label_times;
    VIGIL_ASSIGN_OR_RETURN(auto splits, stats::PurgedTimeSplit(rows.times, label_times, {options.folds, options.embargo_us}));
    std::vector<Fold> folds;
    for (stats::PurgedSplit& s : splits) folds.push_back({std::move(s.split), s.purged});
    return folds;
  }
  return absl::InvalidArgumentError(absl::StrCat("no splitter is called \"", splitter, "\"",
                                                 DidYouMean(splitter, {"stratified", "grouped", "stratified_grouped", "time", "kfold"})));
}

LabelledRows Select(const LabelledRows& rows, const std::vector<uint32_t>& chosen) {
  LabelledRows out;
  out.columns = rows.columns;
  out.shape = rows.shape;
  const auto copy = [](const auto& from, size_t row, size_t width, auto* to) {
    const auto first = from.begin() + static_cast<std::ptrdiff_t>(row * width);
    to->insert(to->end(), first, first + static_cast<std::ptrdiff_t>(width));
  };
  for (const uint32_t row : chosen) {
    out.labels.push_back(rows.labels[row]);
    copy(rows.features, row, rows.columns.size(), &out.features);
    if (rows.shape == nullptr) continue;
    copy(rows.exact, row, rows.shape->exact, &out.exact);
    copy(rows.texts, row, rows.shape->texts, &out.texts);
  }
  return out;
}

StatusOr<FoldResult> RunFold(const LabelledRows& rows, Task task, const Fold& fold, const FitFunction& fit) {
  FoldResult result;
  result.train_rows = static_cast<int64_t>(fold.split.train.size());
  result.test_rows = static_cast<int64_t>(fold.split.test.size());
  result.purged_rows = fold.purged;
  if (fold.split.train.empty())
    return absl::InvalidArgumentError(absl::StrCat("nothing is left to train on: ", fold.purged, " rows were purged"));
  VIGIL_ASSIGN_OR_RETURN(const std::unique_ptr<LoadedModel> model, fit(rows, fold.split.train));
  const LabelledRows test = Select(rows, fold.split.test);
  VIGIL_ASSIGN_OR_RETURN(const std::vector<float> scores, ScoreRows(*model, test));
  VIGIL_ASSIGN_OR_RETURN(result.metrics, validation::AllMetrics({task, test.labels, scores, model->table().score.width}));
  return result;
}

}  // namespace

StatusOr<std::vector<FoldResult>> CrossValidate(const LabelledRows& rows, Task task, const CrossValidationOptions& options,
                                                const FitFunction& fit) {
  VIGIL_RETURN_IF_ERROR(validation::MetricFor(task, "").status());
  if (rows.features.size() != rows.rows() * rows.columns.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(rows.features.size(), " feature values for ", rows.rows(), " rows of ", rows.columns.size(), " columns"));
  }
  VIGIL_ASSIGN_OR_RETURN(const std::vector<Fold> folds, MakeFolds(rows, options));
  std::vector<FoldResult> results;
  for (size_t f = 0; f < folds.size(); ++f) {
    auto result = RunFold(rows, task, folds[f], fit);
    if (!result.ok()) {
      return Status(result.status().code(), absl::StrCat("fold ", f + 1, " of ", folds.size(), ": ", result.status().message()));
    }
    results.push_back(*std::move(result));
  }
  return results;
}

}  // namespace vigil
