#include "stats/splits.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "absl/strings/str_cat.h"

namespace vigil::stats {
namespace {

Status CheckFolds(int folds, size_t available, const char* of_what) {
  if (folds < 2) return absl::InvalidArgumentError(absl::StrCat(folds, " folds; at least 2 are needed"));
  if (static_cast<size_t>(folds) > available) {
    return absl::InvalidArgumentError(absl::StrCat(folds, " folds are more than the ", available, " ", of_what));
  }
  return absl::OkStatus();
}

// Every row is a test of exactly one fold.
Splits FromFolds(absl::Span<const uint32_t> fold_of_row, size_t folds) {
  Splits splits(folds);
  for (size_t f = 0; f < folds; ++f) {
    for (uint32_t i = 0; i < fold_of_row.size(); ++i) (fold_of_row[i] == f ? splits[f].test : splits[f].train).push_back(i);
  }
  return splits;
}

// Dense codes in rising order of value.
template <typename T>
std::vector<uint32_t> Encode(absl::Span<const T> values, size_t* distinct) {
  std::map<T, uint32_t> codes;
  for (const T& v : values) codes.emplace(v, 0);
  uint32_t next = 0;
  for (auto& [value, code] : codes) code = next++;
  *distinct = codes.size();
  std::vector<uint32_t> out;
  out.reserve(values.size());
  for (const T& v : values) out.push_back(codes.at(v));
  return out;
}

Status CheckClasses(absl::Span<const double> labels) {
  for (size_t i = 0; i < labels.size(); ++i) {
    if (!(std::floor(labels[i]) == labels[i]) || std::isinf(labels[i])) {
      return absl::InvalidArgumentError(
          absl::StrCat("label ", i, " is ", labels[i], "; stratified folds need classes, which are whole numbers"));
    }
  }
  return absl::OkStatus();
}

Status CheckClassSizes(const std::vector<uint32_t>& classes, size_t distinct, int folds) {
  std::vector<size_t> sizes(distinct);
  for (const uint32_t c : classes) ++sizes[c];
  return CheckFolds(folds, sizes.empty() ? 0 : *std::max_element(sizes.begin(), sizes.end()), "rows of the most frequent class");
}

double StandardDeviation(absl::Span<const double> values) {
  const auto n = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0;
  for (const double v : values) squares += (v - mean) * (v - mean);
  return std::sqrt(squares / n);
}

// How unevenly classes would lie over folds if `group` went to `fold`: mean over classes of the deviation of its shares.
double Unevenness(std::vector<std::vector<double>>* fold_counts, size_t fold, const std::vector<double>& group,
                  const std::vector<double>& class_totals) {
  const size_t folds = fold_counts->size();
  for (size_t c = 0; c < group.size(); ++c) (*fold_counts)[fold][c] += group[c];
  double sum = 0;
  std::vector<double> shares(folds);
  for (size_t c = 0; c < group.size(); ++c) {
    for (size_t f = 0; f < folds; ++f) shares[f] = (*fold_counts)[f][c] / class_totals[c];
    sum += StandardDeviation(shares);
  }
  for (size_t c = 0; c < group.size(); ++c) (*fold_counts)[fold][c] -= group[c];
  return sum / static_cast<double>(group.size());
}

size_t BestFold(std::vector<std::vector<double>>* fold_counts, const std::vector<double>& group, const std::vector<double>& class_totals) {
  size_t best = 0;
  double best_value = std::numeric_limits<double>::infinity(), best_rows = best_value;
  for (size_t f = 0; f < fold_counts->size(); ++f) {
    const double value = Unevenness(fold_counts, f, group, class_totals);
    const double rows = std::accumulate((*fold_counts)[f].begin(), (*fold_counts)[f].end(), 0.0);
    // Equal to rounding (NumPy's isclose): the emptier fold.
    const bool close = std::abs(value - best_value) <= 1e-8 + 1e-5 * std::abs(best_value);
    if ((value < best_value && !close) || (close && rows < best_rows)) {
      best = f;
      best_value = value;
      best_rows = rows;
    }
  }
  return best;
}

}  // namespace

StatusOr<Splits> KFold(size_t rows, int folds) {
  VIGIL_RETURN_IF_ERROR(CheckFolds(folds, rows, "rows"));
  const auto k = static_cast<size_t>(folds);
  std::vector<uint32_t> fold_of_row;
  fold_of_row.reserve(rows);
  for (size_t f = 0; f < k; ++f) fold_of_row.insert(fold_of_row.end(), rows / k + (f < rows % k ? 1 : 0), static_cast<uint32_t>(f));
  return FromFolds(fold_of_row, k);
}

StatusOr<Splits> StratifiedKFold(absl::Span<const double> labels, int folds) {
  VIGIL_RETURN_IF_ERROR(CheckFolds(folds, labels.size(), "rows"));
  VIGIL_RETURN_IF_ERROR(CheckClasses(labels));
  // Classes in order of first appearance, as scikit-learn encodes them.
  std::map<double, uint32_t> codes;
  std::vector<uint32_t> classes;
  for (const double y : labels) classes.push_back(codes.emplace(y, static_cast<uint32_t>(codes.size())).first->second);
  VIGIL_RETURN_IF_ERROR(CheckClassSizes(classes, codes.size(), folds));
  // quota[f][c]: a fold takes every k-th row of the sorted classes, which spreads the remainders over folds.
  std::vector<uint32_t> sorted = classes;
  std::sort(sorted.begin(), sorted.end());
  const auto k = static_cast<size_t>(folds);
  std::vector<std::vector<size_t>> quota(k, std::vector<size_t>(codes.size()));
  for (size_t i = 0; i < sorted.size(); ++i) ++quota[i % k][sorted[i]];
  // Each class's rows go in blocks, in order.
  std::vector<size_t> fold_of_class(codes.size(), 0);
  std::vector<uint32_t> fold_of_row;
  for (const uint32_t c : classes) {
    size_t& f = fold_of_class[c];
    while (quota[f][c] == 0) ++f;
    --quota[f][c];
    fold_of_row.push_back(static_cast<uint32_t>(f));
  }
  return FromFolds(fold_of_row, k);
}

StatusOr<Splits> GroupKFold(absl::Span<const uint64_t> groups, int folds) {
  size_t distinct = 0;
  const std::vector<uint32_t> codes = Encode(groups, &distinct);
  VIGIL_RETURN_IF_ERROR(CheckFolds(folds, distinct, "groups"));
  std::vector<size_t> sizes(distinct);
  for (const uint32_t g : codes) ++sizes[g];
  std::vector<uint32_t> order(distinct);
  std::iota(order.begin(), order.end(), 0u);
  // Falling size; of equal ones the later group first, which is scikit-learn's reversed sort.
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return sizes[a] != sizes[b] ? sizes[a] > sizes[b] : a > b; });
  std::vector<size_t> load(static_cast<size_t>(folds));
  std::vector<uint32_t> fold_of_group(distinct), fold_of_row;
  for (const uint32_t g : order) {
    const auto lightest = static_cast<size_t>(std::min_element(load.begin(), load.end()) - load.begin());
    load[lightest] += sizes[g];
    fold_of_group[g] = static_cast<uint32_t>(lightest);
  }
  for (const uint32_t g : codes) fold_of_row.push_back(fold_of_group[g]);
  return FromFolds(fold_of_row, load.size());
}

StatusOr<Splits> StratifiedGroupKFold(absl::Span<const double> labels, absl::Span<const uint64_t> groups, int folds) {
  if (labels.size() != groups.size())
    return absl::InvalidArgumentError(absl::StrCat(labels.size(), " labels but ", groups.size(), " groups"));
  VIGIL_RETURN_IF_ERROR(CheckClasses(labels));
  size_t group_count = 0, class_count = 0;
  const std::vector<uint32_t> group_of_row = Encode(groups, &group_count), class_of_row = Encode(labels, &class_count);
  VIGIL_RETURN_IF_ERROR(CheckFolds(folds, labels.size(), "rows"));
  VIGIL_RETURN_IF_ERROR(CheckFolds(folds, group_count, "groups"));
  VIGIL_RETURN_IF_ERROR(CheckClassSizes(class_of_row, class_count, folds));
  std::vector<std::vector<double>> counts(group_count, std::vector<double>(class_count));
  std::vector<double> class_totals(class_count);
  for (size_t i = 0; i < labels.size(); ++i) {
    ++counts[group_of_row[i]][class_of_row[i]];
    ++class_totals[class_of_row[i]];
  }
  std::vector<double> spread;
  for (const auto& c : counts) spread.push_back(StandardDeviation(c));
  std::vector<uint32_t> order(group_count);
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return spread[a] > spread[b]; });
  const auto k = static_cast<size_t>(folds);
  std::vector<std::vector<double>> fold_counts(k, std::vector<double>(class_count));
  std::vector<uint32_t> fold_of_group(group_count), fold_of_row;
  for (const uint32_t g : order) {
    const size_t f = BestFold(&fold_counts, counts[g], class_totals);
    for (size_t c = 0; c < class_count; ++c) fold_counts[f][c] += counts[g][c];
    fold_of_group[g] = static_cast<uint32_t>(f);
  }
  for (const uint32_t g : group_of_row) fold_of_row.push_back(fold_of_group[g]);
  return FromFolds(fold_of_row, k);
}

StatusOr<Splits> LeaveOneGroupOut(absl::Span<const uint64_t> groups) {
  size_t distinct = 0;
  const std::vector<uint32_t> codes = Encode(groups, &distinct);
  if (distinct < 2) return absl::InvalidArgumentError(absl::StrCat("leaving one group out of ", distinct));
  return FromFolds(codes, distinct);
}

StatusOr<Splits> TimeSeriesSplit(size_t rows, const TimeSeriesOptions& options) {
  if (options.folds < 2) return absl::InvalidArgumentError(absl::StrCat(options.folds, " folds; at least 2 are needed"));
  const auto k = static_cast<size_t>(options.folds);
  if (k + 1 > rows) return absl::InvalidArgumentError(absl::StrCat(k, " folds need at least ", k + 1, " rows; there are ", rows));
  const size_t test_size = options.test_size.value_or(rows / (k + 1));
  if (test_size == 0 || test_size > rows / k || rows - options.gap > rows || rows < options.gap + k * test_size + 1) {
    return absl::InvalidArgumentError(
        absl::StrCat(k, " tests of ", test_size, " rows and a gap of ", options.gap, " leave nothing to train on of ", rows, " rows"));
  }
  Splits splits;
  for (size_t f = 0; f < k; ++f) {
    const size_t test_start = rows - (k - f) * test_size;
    const size_t train_end = test_start - options.gap;
    const size_t train_start = options.train_size_max && *options.train_size_max < train_end ? train_end - *options.train_size_max : 0;
    Split split;
    split.train.resize(train_end - train_start);
    std::iota(split.train.begin(), split.train.end(), static_cast<uint32_t>(train_start));
    split.test.resize(test_size);
    std::iota(split.test.begin(), split.test.end(), static_cast<uint32_t>(test_start));
    splits.push_back(std::move(split));
  }
  return splits;
}

StatusOr<std::vector<PurgedSplit>> PurgedTimeSplit(absl::Span<const int64_t> times, absl::Span<const int64_t> label_times,
                                                   const PurgedTimeOptions& options) {
  if (times.size() != label_times.size()) {
    return absl::InvalidArgumentError(absl::StrCat(times.size(), " prediction times but ", label_times.size(), " label times"));
  }
  if (options.embargo_us < 0)
    return absl::InvalidArgumentError(absl::StrCat("the embargo is ", options.embargo_us, " us; it is not negative"));
  if (options.folds < 2) return absl::InvalidArgumentError(absl::StrCat(options.folds, " folds; at least 2 are needed"));
  for (size_t i = 0; i < times.size(); ++i) {
    if (label_times[i] < times[i]) return absl::InvalidArgumentError(absl::StrCat("row ", i, " was labelled before it was predicted"));
  }
  std::vector<uint32_t> order(times.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return times[a] < times[b]; });
  const auto blocks = static_cast<size_t>(options.folds) + 1;
  // A block begins at its share of the rows, moved on to where a new time begins.
  std::vector<size_t> starts{0};
  for (size_t b = 1; b < blocks; ++b) {
    size_t at = std::max(order.size() * b / blocks, starts.back() + 1);
    while (at < order.size() && at > 0 && times[order[at]] == times[order[at - 1]]) ++at;
    if (at >= order.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat(order.size(), " rows have too few distinct times for ", options.folds, " tests and a first train"));
    }
    starts.push_back(at);
  }
  starts.push_back(order.size());
  std::vector<PurgedSplit> splits;
  for (size_t b = 1; b < blocks; ++b) {
    PurgedSplit out;
    out.test_start_us = times[order[starts[b]]];
    const int64_t known_by = out.test_start_us < std::numeric_limits<int64_t>::min() + options.embargo_us
                                 ? std::numeric_limits<int64_t>::min()
                                 : out.test_start_us - options.embargo_us;
    for (size_t i = 0; i < starts[b]; ++i) {
      if (label_times[order[i]] < known_by) {
        out.split.train.push_back(order[i]);
      } else {
        ++out.purged;
      }
    }
    out.split.test.assign(order.begin() + static_cast<std::ptrdiff_t>(starts[b]),
                          order.begin() + static_cast<std::ptrdiff_t>(starts[b + 1]));
    std::sort(out.split.train.begin(), out.split.train.end());
    std::sort(out.split.test.begin(), out.split.test.end());
    splits.push_back(std::move(out));
  }
  return splits;
}

}  // namespace vigil::stats
