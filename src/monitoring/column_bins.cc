#include "monitoring/column_bins.h"

#include <limits>

namespace vigil {

float CeilToFloat(double value) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  if (value > std::numeric_limits<float>::max()) return kInfinity;
  if (value < std::numeric_limits<float>::lowest()) return std::isinf(value) ? -kInfinity : std::numeric_limits<float>::lowest();
  const auto near = static_cast<float>(value);
  return near < value ? std::nextafter(near, kInfinity) : near;
}

ColumnBins::ColumnBins(const ColumnProfile& column) : bins_(column.bins()), categorical_(column.kind == ColumnKind::kCategorical) {
  const std::vector<double>& values = categorical_ ? column.categories : column.edges;
  if (categorical_) exact_ = values;
  // At least one NaN follows the edges, so that a search past the last full block finds nothing more.
  const size_t blocks = values.size() / kBlock + 1;
  single_block_ = blocks == 1;
  edges_.assign(blocks * kBlock, std::numeric_limits<float>::quiet_NaN());
  for (size_t i = 0; i < values.size(); ++i) edges_[i] = CeilToFloat(values[i]);
  block_last_.fill(std::numeric_limits<float>::quiet_NaN());
  for (size_t b = 0; b + 1 < blocks; ++b) block_last_[b] = edges_[b * kBlock + kBlock - 1];
}

std::vector<float> Surprise(const ColumnProfile& column) {
  const auto bins = static_cast<double>(column.bins() + 1);
  const double rows = static_cast<double>(column.present() + column.missing) + 0.5 * bins;
  std::vector<float> bits;
  for (const int64_t count : column.counts) bits.push_back(static_cast<float>(-std::log2((static_cast<double>(count) + 0.5) / rows)));
  bits.push_back(static_cast<float>(-std::log2((static_cast<double>(column.missing) + 0.5) / rows)));
  return bits;
}

}  // namespace vigil
