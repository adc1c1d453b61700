#include "monitoring/count_layout.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/hash.h"
#include "base/text.h"

namespace vigil {
namespace {

constexpr size_t kAfterBins = 4;  // missing, below, above, infinite

CountLayout::Column MakeColumn(const ColumnProfile& profile, size_t place) {
  CountLayout::Column column{.bins = ColumnBins(profile), .place = place};
  column.numeric = profile.kind == ColumnKind::kNumeric;
  const bool known = profile.present() > 0;
  // Nothing known: everything that is finite is in range.
  column.minimum = known ? profile.minimum : std::numeric_limits<double>::lowest();
  column.maximum = known ? profile.maximum : std::numeric_limits<double>::max();
  column.mean = profile.mean;
  // Within range no standardised value may be beyond the clip, whatever a hand-made profile says.
  const double reach = std::max(std::abs(column.minimum - column.mean), std::abs(column.maximum - column.mean));
  const double scale = kSumUnit / profile.standard_deviation;
  column.scale = known && reach * scale <= kSumClip * kSumUnit ? scale : 0;
  return column;
}

void Describe(const ColumnProfile& column, std::string* out) {
  AppendJsonString(out, column.name);
  out->push_back(column.kind == ColumnKind::kNumeric ? 'n' : 'c');
  for (const auto* values : {&column.edges, &column.categories}) {
    for (const double value : *values) {
      AppendNumber(out, value);
      out->push_back(' ');
    }
  }
  for (const double value : {column.minimum, column.maximum, column.mean, column.standard_deviation}) {
    AppendNumber(out, value);
    out->push_back(' ');
  }
}

}  // namespace

static float OutputScore(Task task, absl::Span<const float> outputs) {
  if (outputs.empty()) return std::numeric_limits<float>::quiet_NaN();
  if (task == Task::kBinary) return outputs.back();
  if (task != Task::kMulticlass || outputs.size() == 1) return outputs[0];
  return static_cast<float>(std::max_element(outputs.begin(), outputs.end()) - outputs.begin());
}

double ScoreOf(Task task, absl::Span<const float> outputs) { return OutputScore(task, outputs); }

CountLayout::CountLayout(const MonitoredVersion& version) : reference_(version.reference), task_(version.task) {
  std::string description = absl::StrCat("layout 1 ", kCommonWidth, " ");
  if (reference_ != nullptr) {
    for (const ColumnProfile& profile : reference_->columns) {
      columns_.push_back(MakeColumn(profile, counts_width_));
      counts_width_ += profile.bins() + kAfterBins;
      Describe(profile, &description);
    }
    surprise_.assign(counts_width_, 0);
    for (size_t c = 0; c < columns_.size(); ++c) {
      const std::vector<float> bits = Surprise(reference_->columns[c]);
      std::copy(bits.begin(), bits.end(), surprise_.begin() + static_cast<ptrdiff_t>(columns_[c].place));
    }
    if (reference_->score) {
      score_ = std::make_unique<Column>(MakeColumn(*reference_->score, counts_width_));
      counts_width_ += reference_->score->bins() + kAfterBins;
      description += "score";
      Describe(*reference_->score, &description);
    }
    outlier_threshold_ = std::numeric_limits<float>::infinity();
    if (reference_->outlier_threshold) {
      outlier_threshold_ = OutlierBits(*reference_->outlier_threshold, columns_.size());
    }
  }
  fingerprint_ = StableHash(description);
}

float CountLayout::OutlierScore(absl::Span<const float> features) const {
  if (columns_.empty() || features.size() < columns_.size()) return std::numeric_limits<float>::quiet_NaN();
  float bits = 0;
  for (size_t c = 0; c < columns_.size(); ++c) bits += surprise_[columns_[c].place + columns_[c].bins.BinOrMissing(features[c])];
  return bits / static_cast<float>(columns_.size());
}

void CountLayout::Count(const Observation& row, uint32_t* counts, int64_t* sums) const {
  ++counts[kRows];
  ++counts[kLatencyPlace + LatencyBin(row.latency_us)];
  counts[kCleanedCells] += row.cleaned;
  counts[kCleanedRows] += row.cleaned > 0;
  if (score_ != nullptr) {
    const float score = OutputScore(task_, row.outputs);
    ++counts[score_->place + score_->bins.BinOrMissing(score)];
  }
  if (columns_.empty() || row.features.size() < columns_.size()) return;
  float bits = 0;
  const float* x = row.features.data();
  for (size_t c = 0; c < columns_.size(); ++c, ++x) {
    const Column& column = columns_[c];
    const float value = *x;
    if (std::isnan(value)) {
      const size_t place = column.missing_place();
      ++counts[place];
      bits += surprise_[place];
      continue;
    }
    const size_t place = column.place + column.bins.Bin(value);
    ++counts[place];
    bits += surprise_[place];
    double units = (static_cast<double>(value) - column.mean) * column.scale;
    if (value < column.minimum || value > column.maximum) [[unlikely]] {
      ++counts[value < column.minimum ? column.below_place() : column.above_place()];
      counts[column.infinite_place()] += std::isinf(value);
      units = std::clamp(std::isnan(units) ? 0 : units, -kSumClip * kSumUnit, kSumClip * kSumUnit);
    }
    sums[c] += static_cast<int64_t>(units + std::copysign(0.5, units));
  }
  counts[kOutliers] += bits > outlier_threshold_;
}

}  // namespace vigil
