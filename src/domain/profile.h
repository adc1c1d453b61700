// The reference profile: what each column and the score looked like when the model was fitted. Drift and quality are judged
// against it, and outlier scores are read from it. Made by `vigil profile`, kept as JSON (docs/formats/reference-profile.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "domain/schema.h"

namespace vigil {

enum class ColumnKind : uint8_t { kNumeric, kCategorical };

// Bin i of a numeric column holds edges[i-1] <= x < edges[i]: bin = number of edges <= x; the outer bins are open. A categorical
// column has one bin a category and a last one for every other value. Missing values are counted apart.
struct ColumnProfile {
  std::string name;
  ColumnKind kind = ColumnKind::kNumeric;
  std::vector<double> edges;       // numeric: strictly rising, at most kProfileEdgesMax
  std::vector<double> categories;  // categorical: rising
  std::vector<std::string> texts;  // of a column of texts: category i, which is the number i, is texts[i]
  std::vector<int64_t> counts;     // of the reference: edges.size()+1, or categories.size()+1
  int64_t missing = 0;
  double minimum = 0;  // over the values that are neither missing nor infinite
  double maximum = 0;
  double mean = 0;
  double standard_deviation = 0;  // population
  // How far the reference strays from itself: the largest PSI, beyond sampling noise, of one of its days against the whole, or of its
  // first third against its last. Seasons and slow trends move live windows by this much without anything being wrong.
  double variation = 0;
  // Share of missing values in the hour of the week with the most of them. 0: unknown.
  double missing_high = 0;

  size_t bins() const { return counts.size(); }
  int64_t present() const {
    int64_t n = 0;
    for (int64_t c : counts) n += c;
    return n;
  }
};
inline constexpr size_t kProfileEdgesMax = 254;  // a bin fits one byte, 255 is "missing"

struct ReferenceProfile {
  int64_t rows = 0;
  std::vector<ColumnProfile> columns;   // features, in the model's order
  std::optional<ColumnProfile> score;   // of the model's own predictions, when they were known
  std::optional<double> positive_rate;  // of the label, when it was known
  // 99.9% quantile of the reference rows' outlier scores (MonitorWriter::OutlierScore), in bits.
  std::optional<double> outlier_threshold;
  // Share of rows beyond it in the hour of the week with the most of them. 0: unknown.
  double outlier_high = 0;
  std::string source;  // what it was made from: a file name and digest
};

}  // namespace vigil
