#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/random.h"
#include "monitoring/column_bins.h"
#include "monitoring/monitor.h"
#include "stats/divergence.h"

namespace vigil {
namespace {

// Without row times the sample is cut into this many blocks, in order, in place of days.
constexpr int64_t kBlocksWithoutTimes = 32;
constexpr int64_t kBlocksMax = 4096;    // longer references are cut into this many
constexpr int64_t kBlockRowsMin = 200;  // smaller blocks say nothing
constexpr int64_t kGroupRowsMin = 200;
constexpr double kOutlierQuantile = 0.999;

// Of every row, whether sampled or not (Welford 1962).
struct Moments {
  int64_t finite = 0;
  int64_t missing = 0;
  double minimum = std::numeric_limits<double>::infinity();
  double maximum = -std::numeric_limits<double>::infinity();
  double mean = 0;
  double squares = 0;

  void Add(double x) {
    if (std::isnan(x)) {
      ++missing;
      return;
    }
    if (std::isinf(x)) return;
    ++finite;
    minimum = std::min(minimum, x);
    maximum = std::max(maximum, x);
    const double delta = x - mean;
    mean += delta / static_cast<double>(finite);
    squares += delta * (x - mean);
  }
};

// Distinct values of `sorted` if they are few whole numbers, else nothing.
std::vector<double> FewWholeNumbers(const std::vector<float>& sorted, size_t values_max) {
  std::vector<double> distinct;
  for (const float x : sorted) {
    if (!distinct.empty() && distinct.back() == x) continue;
    if (std::isinf(x) || std::trunc(x) != x || distinct.size() == values_max) return {};
    distinct.push_back(x);
  }
  return distinct;
}

// Edges near the i/bins quantiles such that every bin holds at least one reference value. Edges are values that occurred, so comparing
// floats with them is exact; a value that fills a bin by itself gets a bin of its own, between it and the next float.
std::vector<double> QuantileEdges(const std::vector<float>& sorted, size_t bins) {
  std::vector<double> edges;
  if (sorted.empty()) return edges;
  const size_t n = sorted.size();
  const auto add = [&](float edge) {
    if (edge > sorted.front() && edge <= sorted.back() && (edges.empty() || edge > edges.back()) && edges.size() < kProfileEdgesMax) {
      edges.push_back(edge);
    }
  };
  for (size_t i = 1; i < bins; ++i) {
    const float value = sorted[i * n / bins];
    add(value);
    const auto [first, last] = std::equal_range(sorted.begin(), sorted.end(), value);
    if (static_cast<size_t>(last - first) * bins >= n) add(std::nextafter(value, std::numeric_limits<float>::infinity()));
  }
  return edges;
}

int64_t Sum(const std::vector<int64_t>& counts) { return std::accumulate(counts.begin(), counts.end(), int64_t{0}); }

// PSI of a part of the reference against another beyond three standard deviations of its sampling noise: (1/n + 1/m) chi2(B - 1).
double ExcessPsi(const std::vector<int64_t>& reference, const std::vector<int64_t>& part) {
  const auto n = static_cast<double>(Sum(reference)), m = static_cast<double>(Sum(part));
  if (n < kBlockRowsMin || m < kBlockRowsMin) return 0;
  const auto degrees = static_cast<double>(reference.size() - 1);
  const double noise = (1 / n + 1 / m) * (degrees + 3 * std::sqrt(2 * degrees));
  return std::max(0.0, stats::PsiHalfCount(reference, part) - noise);
}

// See ColumnProfile::variation. `blocks` has a number a sampled row, rising in time.
double Variation(const ColumnProfile& column, const std::vector<float>& values, const std::vector<uint32_t>& blocks) {
  if (column.bins() < 2 || blocks.empty()) return 0;
  const ColumnBins bins(column);
  const size_t block_count = *std::max_element(blocks.begin(), blocks.end()) + 1;
  if (block_count < 2) return 0;
  std::vector<std::vector<int64_t>> counts(block_count, std::vector<int64_t>(column.bins()));
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isnan(values[i])) ++counts[blocks[i]][bins.Bin(values[i])];
  }
  double largest = 0;
  for (const auto& block : counts) largest = std::max(largest, ExcessPsi(column.counts, block));
  if (block_count >= 3) {
    std::vector<int64_t> first(column.bins()), last(column.bins());
    for (size_t b = 0; b < block_count; ++b) {
      for (size_t i = 0; i < column.bins(); ++i) {
        if (b < block_count / 3) first[i] += counts[b][i];
        if (b >= block_count - block_count / 3) last[i] += counts[b][i];
      }
    }
    largest = std::max(largest, ExcessPsi(first, last));
  }
  return largest;
}

// The largest share of hits among groups of enough rows: their whole share where no group has.
template <typename Hit>
double HighShare(const std::vector<uint32_t>& groups, const Hit& hit) {
  if (groups.empty()) return 0;
  const size_t group_count = *std::max_element(groups.begin(), groups.end()) + 1;
  std::vector<int64_t> hits(group_count), rows(group_count);
  for (size_t i = 0; i < groups.size(); ++i) {
    ++rows[groups[i]];
    hits[groups[i]] += hit(i);
  }
  double high = static_cast<double>(Sum(hits)) / static_cast<double>(groups.size());
  for (size_t g = 0; g < group_count; ++g) {
    if (rows[g] >= kGroupRowsMin) high = std::max(high, static_cast<double>(hits[g]) / static_cast<double>(rows[g]));
  }
  return high;
}

}  // namespace

struct ProfileBuilder::State {
  std::vector<std::string> names;
  ProfileBuilderOptions options;
  Random random;
  std::vector<Moments> moments;                 // a column, then the score
  std::vector<std::vector<float>> samples;      // by column, then the score; NaN: missing
  std::vector<std::vector<std::string>> texts;  // by column; empty: a column of numbers
  std::vector<TimeUs> times;                    // of the sampled rows
  std::vector<int64_t> orders;
  int64_t rows = 0;
  int64_t labels = 0;
  int64_t positives = 0;

  State(std::vector<std::string> columns, const ProfileBuilderOptions& builder_options)
      : names(std::move(columns)),
        options(builder_options),
        random(builder_options.seed),
        moments(names.size() + 1),
        samples(names.size() + 1),
        texts(names.size() + 1) {}

  bool timed() const {
    return std::none_of(times.begin(), times.end(), [](TimeUs t) { return t == 0; });
  }
  void RankTexts(size_t column);
  std::vector<uint32_t> Blocks() const;
  std::vector<uint32_t> HoursOfWeek(const std::vector<uint32_t>& blocks) const;
  ColumnProfile FinishColumn(size_t index, const std::string& name, const std::vector<uint32_t>& blocks,
                             const std::vector<uint32_t>& hours) const;
  void FinishOutliers(const std::vector<uint32_t>& hours, ReferenceProfile* profile) const;
};

ProfileBuilder::ProfileBuilder(std::vector<std::string> columns, const ProfileBuilderOptions& options)
    : state_(std::make_unique<State>(std::move(columns), options)) {}
ProfileBuilder::~ProfileBuilder() = default;

void ProfileBuilder::Add(absl::Span<const float> features, double score, double label, TimeUs time) {
  State& s = *state_;
  const size_t columns = s.names.size();
  // Reservoir sampling (Vitter's algorithm R): every row is equally likely to be kept.
  int64_t place = s.rows++;
  if (place >= s.options.sample_rows_max) place = static_cast<int64_t>(s.random.Below(static_cast<uint64_t>(s.rows)));
  const bool keep = place < s.options.sample_rows_max;
  const bool replace = keep && place < static_cast<int64_t>(s.times.size());
  for (size_t c = 0; c <= columns; ++c) {
    const float x = c == columns ? static_cast<float>(score) : c < features.size() ? features[c] : std::nanf("");
    s.moments[c].Add(x);
    if (replace) {
      s.samples[c][place] = x;
    } else if (keep) {
      s.samples[c].push_back(x);
    }
  }
  if (replace) {
    s.times[place] = time;
    s.orders[place] = s.rows;
  } else if (keep) {
    s.times.push_back(time);
    s.orders.push_back(s.rows);
  }
  if (!std::isnan(label)) {
    ++s.labels;
    s.positives += label > 0.5;
  }
}

void ProfileBuilder::SetTexts(size_t column, std::vector<std::string> texts) { state_->texts[column] = std::move(texts); }

// Numbers the texts of a column anew: the most frequent are 0, 1, ..., the rest one number after them.
void ProfileBuilder::State::RankTexts(size_t column) {
  std::vector<std::string>& names_by_code = texts[column];
  if (names_by_code.empty()) return;
  std::vector<int64_t> counts(names_by_code.size());
  const auto code_of = [&](float x) { return x >= 0 && x < static_cast<float>(counts.size()) ? static_cast<size_t>(x) : counts.size(); };
  for (const float x : samples[column]) {
    if (const size_t code = code_of(x); code < counts.size()) ++counts[code];
  }
  std::vector<size_t> order(counts.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return counts[a] != counts[b] ? counts[a] > counts[b] : names_by_code[a] < names_by_code[b]; });
  order.resize(std::min({order.size(), options.text_values_max, kProfileEdgesMax - 1}));
  std::vector<float> rank(counts.size() + 1, static_cast<float>(order.size()));
  std::vector<std::string> ranked;
  for (size_t i = 0; i < order.size(); ++i) {
    rank[order[i]] = static_cast<float>(i);
    ranked.push_back(names_by_code[order[i]]);
  }
  for (float& x : samples[column]) x = std::isnan(x) ? x : rank[code_of(x)];
  names_by_code = std::move(ranked);
}

// Which block each sampled row is in: its day where every row has a time, else its place in the order of rows.
std::vector<uint32_t> ProfileBuilder::State::Blocks() const {
  std::vector<uint32_t> blocks(times.size());
  if (times.empty()) return blocks;
  const bool timed = this->timed();
  const auto [first, last] = std::minmax_element(times.begin(), times.end());
  const int64_t origin = timed ? *first / kDayUs : 0;
  const int64_t span = timed ? *last / kDayUs - origin + 1 : rows + 1;
  const int64_t count = timed ? std::min(span, kBlocksMax) : kBlocksWithoutTimes;
  for (size_t i = 0; i < blocks.size(); ++i) {
    const int64_t at = timed ? times[i] / kDayUs - origin : orders[i];
    blocks[i] = static_cast<uint32_t>(static_cast<__int128>(at) * count / span);
  }
  return blocks;
}

// The seasons that shares are told apart by; without times the blocks stand in.
std::vector<uint32_t> ProfileBuilder::State::HoursOfWeek(const std::vector<uint32_t>& blocks) const {
  if (times.empty() || !timed()) return blocks;
  constexpr int64_t kHours = 7 * kDayUs / kHourUs;
  std::vector<uint32_t> hours;
  for (const TimeUs t : times) hours.push_back(static_cast<uint32_t>(((t / kHourUs) % kHours + kHours) % kHours));
  return hours;
}

ColumnProfile ProfileBuilder::State::FinishColumn(size_t index, const std::string& name, const std::vector<uint32_t>& blocks,
                                                  const std::vector<uint32_t>& hours) const {
  ColumnProfile column;
  column.name = name;
  const Moments& m = moments[index];
  const std::vector<std::string>& categories = texts[index];
  if (m.finite > 0 && categories.empty()) {
    column.minimum = m.minimum;
    column.maximum = m.maximum;
    column.mean = m.mean;
    column.standard_deviation = std::sqrt(m.squares / static_cast<double>(m.finite));
  }
  if (!categories.empty()) column.maximum = static_cast<double>(categories.size());  // the codes, "any other" too, are in range
  column.missing = m.missing;
  std::vector<float> sorted;
  for (const float x : samples[index]) {
    if (!std::isnan(x)) sorted.push_back(x);
  }
  std::sort(sorted.begin(), sorted.end());
  if (categories.empty()) {
    column.categories = FewWholeNumbers(sorted, options.category_values_max);
  } else {
    column.texts = categories;
    column.categories.resize(categories.size());
    std::iota(column.categories.begin(), column.categories.end(), 0.0);
  }
  if (!column.categories.empty()) {
    column.kind = ColumnKind::kCategorical;
    column.counts.assign(column.categories.size() + 1, 0);
  } else {
    column.edges = QuantileEdges(sorted, std::clamp<size_t>(options.bins, 1, kProfileEdgesMax / 2));
    column.counts.assign(column.edges.size() + 1, 0);
  }
  const ColumnBins bins(column);
  for (const float x : sorted) ++column.counts[bins.Bin(x)];
  // Missing values beside sampled counts must be of the same sample.
  if (rows > options.sample_rows_max) {
    column.missing = std::llround(static_cast<double>(m.missing) / static_cast<double>(rows) * static_cast<double>(samples[index].size()));
  }
  column.variation = Variation(column, samples[index], blocks);
  column.missing_high = HighShare(hours, [&](size_t i) { return std::isnan(samples[index][i]); });
  return column;
}

void ProfileBuilder::State::FinishOutliers(const std::vector<uint32_t>& hours, ReferenceProfile* profile) const {
  if (times.empty() || names.empty()) return;
  std::vector<float> scores(times.size());
  for (size_t c = 0; c < names.size(); ++c) {
    const ColumnBins bins(profile->columns[c]);
    const std::vector<float> surprise = Surprise(profile->columns[c]);
    for (size_t i = 0; i < scores.size(); ++i) scores[i] += surprise[bins.BinOrMissing(samples[c][i])];
  }
  std::vector<float> sorted = scores;
  const auto at = sorted.begin() + static_cast<ptrdiff_t>(kOutlierQuantile * static_cast<double>(sorted.size() - 1));
  std::nth_element(sorted.begin(), at, sorted.end());
  profile->outlier_threshold = *at / static_cast<double>(names.size());
  const float threshold = OutlierBits(*profile->outlier_threshold, names.size());
  profile->outlier_high = HighShare(hours, [&](size_t i) { return scores[i] > threshold; });
}

ReferenceProfile ProfileBuilder::Finish(std::string source) {
  State& s = *state_;
  for (size_t c = 0; c < s.names.size(); ++c) s.RankTexts(c);
  ReferenceProfile profile;
  profile.rows = static_cast<int64_t>(s.times.size());
  profile.source = std::move(source);
  const std::vector<uint32_t> blocks = s.Blocks();
  const std::vector<uint32_t> hours = s.HoursOfWeek(blocks);
  for (size_t c = 0; c < s.names.size(); ++c) profile.columns.push_back(s.FinishColumn(c, s.names[c], blocks, hours));
  if (s.moments.back().missing < s.rows) profile.score = s.FinishColumn(s.names.size(), "score", blocks, hours);
  if (s.labels > 0) profile.positive_rate = static_cast<double>(s.positives) / static_cast<double>(s.labels);
  s.FinishOutliers(hours, &profile);
  return profile;
}

Schema SchemaFromProfile(const ReferenceProfile& profile, double range_slack) {
  Schema schema;
  for (const ColumnProfile& column : profile.columns) {
    ColumnRule rule;
    rule.name = column.name;
    rule.nullable = true;
    rule.infinity_allowed = false;
    rule.on_missing = rule.on_range = rule.on_category = rule.on_infinity = CleanPolicy::kFlag;
    if (column.kind == ColumnKind::kCategorical) {
      // Texts that were too many to list are left open.
      if (column.texts.empty()) rule.categories = column.categories;
      if (!column.texts.empty() && column.counts.back() == 0) rule.texts = column.texts;
    } else if (column.present() > 0) {
      const double slack = range_slack * (column.maximum - column.minimum);
      rule.minimum = column.minimum - slack;
      rule.maximum = column.maximum + slack;
    }
    schema.columns.push_back(std::move(rule));
  }
  return schema;
}

}  // namespace vigil
