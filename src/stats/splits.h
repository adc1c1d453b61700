// Ways to cut rows into train and test for cross-validation: scikit-learn's, index by index and without shuffling, and a time split that
// purges by label interval, which scikit-learn lacks. Pure functions.
//
// Errors (INVALID_ARGUMENT): fewer than two folds, or more than rows, groups or (stratified) rows of the most frequent class.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "base/status.h"

namespace vigil::stats {

// Row indices, rising.
struct Split {
  std::vector<uint32_t> train, test;
};
using Splits = std::vector<Split>;

// Contiguous blocks; the first rows % folds get one row more.
StatusOr<Splits> KFold(size_t rows, int folds);

// Keeps the shares of the classes. Labels must be whole numbers: anything else is a regression target and is refused.
StatusOr<Splits> StratifiedKFold(absl::Span<const double> labels, int folds);

// A group is never on both sides. Groups by falling size, each to the lightest fold.
StatusOr<Splits> GroupKFold(absl::Span<const uint64_t> groups, int folds);

// Both: groups by falling spread of their class counts, each to the fold that evens the class shares out best.
StatusOr<Splits> StratifiedGroupKFold(absl::Span<const double> labels, absl::Span<const uint64_t> groups, int folds);

// Groups in rising order, one test each.
StatusOr<Splits> LeaveOneGroupOut(absl::Span<const uint64_t> groups);

struct TimeSeriesOptions {
  int folds = 5;
  size_t gap = 0;                   // rows left out between train and test
  std::optional<size_t> test_size;  // default: rows / (folds + 1)
  std::optional<size_t> train_size_max;
};
// Rows are in time order; train is what came before test.
StatusOr<Splits> TimeSeriesSplit(size_t rows, const TimeSeriesOptions& options);

struct PurgedTimeOptions {
  int folds = 5;
  int64_t embargo_us = 0;
};
struct PurgedSplit {
  Split split;
  int64_t purged = 0;         // earlier rows dropped because their label was not known in time
  int64_t test_start_us = 0;  // the first test row's prediction time
};
// Rows in any order. Sorted by prediction time they are cut into folds + 1 blocks of equal length (equal times are never parted); each
// block but the first is a test, and train is every earlier row whose interval [time, label time] ends before the test's start less the
// embargo. A label time before its own prediction is INVALID_ARGUMENT, as are rows that cannot fill the blocks.
StatusOr<std::vector<PurgedSplit>> PurgedTimeSplit(absl::Span<const int64_t> times, absl::Span<const int64_t> label_times,
                                                   const PurgedTimeOptions& options);

}  // namespace vigil::stats
