#include "monitoring/count_layout.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "base/hash.h"
#include "base/text.h"

namespace vigil {
namespace {

constexpr size_t kAfterBins = 4;  // missing, below, above, infinite
constexpr size_t kBlocksTogether = 16;
constexpr size_t kEdgesTogetherMax = 64;  // a column with more is cheaper searched alone

CountLayout::Column MakeColumn(const ColumnProfile& profile, size_t place) {
  CountLayout::Column column{.bins = ColumnBins(profile), .place = place};
  column.numeric = profile.kind == ColumnKind::kNumeric;
  const bool known = profile.present() > 0;
  // Nothing known: everything that is finite is in range.
  column.minimum = known ? profile.minimum : std::numeric_limits<double>::lowest();
  column.maximum = known ? profile.maximum : std::numeric_limits<double>::max();
  column.lowest = CeilToFloat(column.minimum);
  column.highest = FloorToFloat(column.maximum);
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
  for (const std::string& text : column.texts) AppendJsonString(out, text);
  for (const double value : {column.minimum, column.maximum, column.mean, column.standard_deviation}) {
    AppendNumber(out, value);
    out->push_back(' ');
  }
}

// Does the table tell this column's bin?
bool IsTogether(const CountLayout::Column& column) { return column.numeric && column.bins.bins() <= kEdgesTogetherMax + 1; }

void CountOutside(const CountLayout::Column& column, float value, uint32_t* counts) {
  ++counts[value < column.minimum ? column.below_place() : column.above_place()];
  counts[column.infinite_place()] += std::isinf(value);
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
    FillTable();
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
  ++counts[kLatencyPlace + stats::LatencyBin(row.latency_us)];
  counts[kCleanedCells] += row.cleaned;
  counts[kCleanedRows] += row.cleaned > 0;
  if (score_ != nullptr) {
    const float score = OutputScore(task_, row.outputs);
    ++counts[score_->place + score_->bins.BinOrMissing(score)];
  }
  if (columns_.empty() || row.features.size() < columns_.size()) return;
  const float* x = row.features.data();
  float bits = 0;
  auto next_alone = alone_.begin();
  uint32_t places[kBlocksTogether * kBinLanes];
  uint16_t outside[kBlocksTogether];
  for (size_t first = 0; first < table_.blocks.size(); first += kBlocksTogether) {
    const size_t blocks = std::min(kBlocksTogether, table_.blocks.size() - first);
    const size_t begin = first * kBinLanes, end = std::min(columns_.size(), begin + blocks * kBinLanes);
    const bool any_outside = PlaceColumns(table_, first, blocks, x, places, outside, sums);
    for (; next_alone != alone_.end() && *next_alone < end; ++next_alone) {
      const Column& column = columns_[*next_alone];
      places[*next_alone - begin] = static_cast<uint32_t>(column.place + column.bins.BinOrMissing(x[*next_alone]));
    }
    for (size_t b = 0; any_outside && b < blocks; ++b) {
      for (uint32_t lanes = outside[b]; lanes != 0; lanes &= lanes - 1) {
        const size_t c = begin + b * kBinLanes + static_cast<size_t>(std::countr_zero(lanes));
        CountOutside(columns_[c], x[c], counts);
      }
    }
    for (size_t c = begin; c < end; ++c) {
      ++counts[places[c - begin]];
      bits += surprise_[places[c - begin]];
    }
  }
  counts[kOutliers] += bits > outlier_threshold_;
}

void CountLayout::FillTable() {
  table_.columns = columns_.size();
  table_.units_max = kSumClip * kSumUnit;
  for (size_t begin = 0; begin < columns_.size(); begin += kBinLanes) {
    BinBlock block{};
    block.edge_begin = table_.edges.size();
    const size_t lanes = std::min(kBinLanes, columns_.size() - begin);
    for (size_t i = 0; i < lanes; ++i) {
      const Column& column = columns_[begin + i];
      block.lowest[i] = column.lowest;
      block.highest[i] = column.highest;
      block.mean[i] = column.mean;
      block.scale[i] = column.scale;
      block.place[i] = static_cast<int32_t>(column.place);
      block.missing[i] = static_cast<int32_t>(column.missing_place());
      if (IsTogether(column)) {
        block.edges = std::max(block.edges, column.bins.bins() - 1);
      } else {
        alone_.push_back(begin + i);
      }
    }
    table_.edges.resize(block.edge_begin + block.edges * kBinLanes, std::numeric_limits<float>::quiet_NaN());
    for (size_t i = 0; i < lanes; ++i) {
      if (!IsTogether(columns_[begin + i])) continue;
      const ColumnBins& bins = columns_[begin + i].bins;
      for (size_t e = 0; e + 1 < bins.bins(); ++e) table_.edges[block.edge_begin + e * kBinLanes + i] = bins.edge(e);
    }
    table_.blocks.push_back(block);
  }
}

}  // namespace vigil
