#include "runtime/trees/value_classes.h"

#include <algorithm>
#include <limits>

#include "runtime/cat.h"

namespace vigil::trees {

StatusOr<ClassTable> ClassTable::Make(const Forest& forest) {
  ClassTable table;
  if (forest.set.empty()) return table;
  table.is_class_feature_.assign(forest.features, 0);
  for (size_t n = 0; n < forest.left.size(); ++n) {
    if (forest.left[n] >= 0 && forest.set[n] >= 0) table.is_class_feature_[forest.feature[n]] = 1;
  }
  std::vector<std::vector<double>> bounds(forest.features);
  std::vector<std::vector<int32_t>> sets(forest.features);
  std::vector<int64_t> splits(forest.features, 0);
  for (size_t n = 0; n < forest.left.size(); ++n) {
    const int32_t f = forest.feature[n];
    if (forest.left[n] < 0 || table.is_class_feature_[f] == 0) continue;
    ++splits[f];
    if (forest.set[n] >= 0) {
      sets[f].push_back(forest.set[n]);
    } else if (forest.MissingOf(static_cast<int64_t>(n)) == Missing::kZeroOrNan) {
      return absl::FailedPreconditionError(Cat("feature ", f, " is split on sets and where zero is missing"));
    } else {
      bounds[f].push_back(forest.value[n]);
    }
  }
  table.place_.assign(forest.features, 0);
  table.begin_.push_back(0);
  int64_t decisions = 0;
  for (int32_t f = 0; f < forest.features; ++f) {
    if (table.is_class_feature_[f] == 0) continue;
    std::sort(sets[f].begin(), sets[f].end());
    sets[f].erase(std::unique(sets[f].begin(), sets[f].end()), sets[f].end());
    for (const int32_t s : sets[f]) bounds[f].insert(bounds[f].end(), forest.Bounds(s).begin(), forest.Bounds(s).end());
    std::sort(bounds[f].begin(), bounds[f].end());
    bounds[f].erase(std::unique(bounds[f].begin(), bounds[f].end()), bounds[f].end());
    table.place_[f] = static_cast<uint32_t>(table.feature_.size());
    table.feature_.push_back(f);
    table.bounds_.insert(table.bounds_.end(), bounds[f].begin(), bounds[f].end());
    table.begin_.push_back(static_cast<uint32_t>(table.bounds_.size()));
    decisions += splits[f] * static_cast<int64_t>(bounds[f].size() + 2);
  }
  if (table.feature_.size() > kClassFeaturesMax) {
    return absl::FailedPreconditionError(Cat(table.feature_.size(), " features are split on sets; it takes up to ", kClassFeaturesMax));
  }
  if (decisions > kClassDecisionsMax) {
    return absl::FailedPreconditionError(Cat("splits on sets make ", decisions, " decisions; it keeps up to ", kClassDecisionsMax));
  }
  return table;
}

Status ClassTable::Reserve(size_t lanes) {
  if (feature_.empty()) return absl::OkStatus();
  row_bytes_ = (lanes / 8 + 127) / 64 * 64;  // kernels read whole registers
  const size_t rows = bounds_.size() + 2 * feature_.size();
  if (static_cast<int64_t>(rows * row_bytes_) > kClassBytesMax) {
    return absl::FailedPreconditionError(Cat("decisions of ", rows, " classes of values need more than ", kClassBytesMax >> 20, " MiB"));
  }
  bits_ = AlignedArray<uint8_t>(rows * row_bytes_);
  return absl::OkStatus();
}

void ClassTable::Place(const Forest& forest, int64_t node, size_t lane) {
  const uint32_t f = place_[forest.feature[node]];
  const uint32_t begin = begin_[f], classes = begin_[f + 1] - begin + 1;
  uint8_t* byte = bits_.data() + (begin + size_t{2} * f) * row_bytes_ + lane / 8;
  const auto bit = static_cast<uint8_t>(1u << lane % 8);
  // The classes' bounds hold the set's, in the same order: each of the set's changes whether it holds the classes from there on.
  const absl::Span<const double> set = forest.IsSet(node) ? forest.Bounds(forest.set[node]) : absl::Span<const double>();
  size_t next = 0;
  for (uint32_t c = 0; c < classes; ++c, byte += row_bytes_) {
    const double from = c == 0 ? -std::numeric_limits<double>::infinity() : bounds_[begin + c - 1];  // its least value
    if (c > 0 && next < set.size() && set[next] == from) ++next;
    const bool left = forest.IsSet(node) ? next % 2 == 1 : forest.GoesLeft(node, from);
    if (!left) *byte |= bit;
  }
  if (!forest.GoesLeft(node, std::numeric_limits<double>::quiet_NaN())) *byte |= bit;
}

}  // namespace vigil::trees
