#include "monitoring/window_findings.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "stats/divergence.h"
#include "stats/significance.h"
#include "stats/special.h"

namespace vigil {
namespace {

using Counts = absl::Span<const int64_t>;

double Share(int64_t part, int64_t whole) { return static_cast<double>(part) / static_cast<double>(whole); }

// Significance level of one window: the day's, in proportion.
double Level(const WindowPlace& place, const MonitorOptions& options) {
  return options.significance * std::min(1.0, static_cast<double>(place.end - place.start) / static_cast<double>(kDayUs));
}

// The chance that at least `current` of `m` are found without drift, when `reference` of `n` were.
double ShareP(int64_t reference, int64_t n, int64_t current, int64_t m) {
  if (n <= 0 || m <= 0 || current == 0) return 1;
  return stats::BinomialSfInclusive(current, reference + current, Share(m, n + m));
}

// Corrects the p values of out[from..] over each other and sets `significant` where `matters` agrees.
template <typename Matters>
void Correct(size_t from, double level, std::vector<Finding>* out, const Matters& matters) {
  std::vector<double> p;
  for (size_t i = from; i < out->size(); ++i) p.push_back((*out)[i].p_value.value_or(std::numeric_limits<double>::quiet_NaN()));
  const std::vector<double> adjusted = stats::BenjaminiHochberg(p);
  for (size_t i = from; i < out->size(); ++i) (*out)[i].significant = adjusted[i - from] <= level && matters((*out)[i], i - from);
}

// Shares of a window against the reference's, and what the reference itself reaches in its worst hour of the week.
class Shares {
 public:
  Shares(const WindowPlace& place, const MonitorOptions& options, const char* metric, double effect_min, std::vector<Finding>* out)
      : place_(place), options_(options), metric_(metric), effect_min_(effect_min), out_(out), from_(out->size()) {}

  void Add(const std::string& column, int64_t current, int64_t m, int64_t reference, int64_t n, double high) {
    Finding finding = place_.Make("quality", metric_, Share(current, m), m);
    finding.column = column;
    const double usual = n > 0 ? Share(reference, n) : 0;
    if (n > 0) finding.baseline = usual;
    finding.p_value = high > usual ? stats::BinomialSfInclusive(current, m, high) : ShareP(reference, n, current, m);
    floors_.push_back(std::max(usual, high) + effect_min_);
    out_->push_back(std::move(finding));
  }
  ~Shares() {
    Correct(from_, Level(place_, options_), out_, [&](const Finding& finding, size_t i) { return finding.value >= floors_[i]; });
  }

 private:
  const WindowPlace& place_;
  const MonitorOptions& options_;
  const char* const metric_;
  const double effect_min_;
  std::vector<Finding>* const out_;
  const size_t from_;
  std::vector<double> floors_;
};

// One column against its reference.
struct ColumnDrift {
  std::string name;
  const ColumnProfile* reference = nullptr;
  Counts current;
  int64_t n = 0;  // present values
  double mean_shift = std::numeric_limits<double>::quiet_NaN();
  double psi = 0, js = 0, ks = 0, chi2 = 0;
  stats::DriftSignificance p;
  bool matters = false;
};

void Measure(const MonitorOptions& options, bool claim, ColumnDrift* drift) {
  const Counts reference(drift->reference->counts);
  const Counts current = drift->current;
  drift->psi = stats::Psi(reference, current);
  drift->js = stats::JensenShannonDistance(reference, current);
  drift->ks = stats::BinnedKs(reference, current);
  drift->chi2 = stats::ChiSquareTwoSample(reference, current).statistic;
  drift->p = stats::TestDrift(reference, current, {.ks = claim});
  const double noise = static_cast<double>(reference.size() - 1) *
                       (1 / static_cast<double>(drift->n) + 1 / static_cast<double>(drift->reference->present()));
  const double floor = std::max(options.drift_effect_min, options.drift_variation_factor * drift->reference->variation);
  drift->matters = claim && stats::PsiHalfCount(reference, current) - noise >= floor;
}

std::vector<ColumnDrift> Columns(const CountLayout& layout, Counts counts, const MonitorOptions& options, bool claim) {
  std::vector<ColumnDrift> columns;
  const auto add = [&](const CountLayout::Column& column, const ColumnProfile& reference, std::string name) {
    ColumnDrift drift{.name = std::move(name), .reference = &reference, .current = counts.subspan(column.place, column.bins.bins())};
    drift.n = std::accumulate(drift.current.begin(), drift.current.end(), int64_t{0});
    if (drift.n < options.rows_min || reference.present() == 0) return false;
    Measure(options, claim, &drift);
    columns.push_back(std::move(drift));
    return true;
  };
  for (size_t c = 0; c < layout.columns().size(); ++c) {
    const CountLayout::Column& column = layout.columns()[c];
    const ColumnProfile& reference = layout.reference()->columns[c];
    if (add(column, reference, reference.name) && column.scale > 0) {
      columns.back().mean_shift = static_cast<double>(counts[layout.sum_place(c)]) / kSumUnit / static_cast<double>(columns.back().n);
    }
  }
  if (layout.score() != nullptr) add(*layout.score(), *layout.reference()->score, "score");
  return columns;
}

}  // namespace

Finding WindowPlace::Make(const char* kind, const char* metric, double value, int64_t n) const {
  Finding finding;
  finding.model = model;
  finding.version = version;
  finding.metric = metric;
  finding.kind = kind;
  finding.segment = segment;
  finding.window_start = start;
  finding.window_end = end;
  finding.value = value;
  finding.n = n;
  return finding;
}

void AppendTraffic(const WindowPlace& place, Counts counts, std::vector<Finding>* out) {
  const int64_t rows = counts[kRows], refused = counts[kRefused], failed = counts[kFailed], asked = rows + refused + failed;
  if (asked == 0) return;
  const double seconds = static_cast<double>(place.end - place.start) / static_cast<double>(kSecondUs);
  out->push_back(place.Make("traffic", "rows", static_cast<double>(rows), rows));
  out->push_back(place.Make("traffic", "rows_per_second", static_cast<double>(rows) / seconds, rows));
  out->push_back(place.Make("traffic", "refused_rows", static_cast<double>(refused), asked));
  out->push_back(place.Make("traffic", "refused_share", Share(refused, asked), asked));
  out->push_back(place.Make("traffic", "failure_share", Share(failed, asked), asked));
  if (rows == 0) return;
  const Counts latency = counts.subspan(kLatencyPlace, stats::kLatencyBins);
  out->push_back(place.Make("traffic", "latency_p50_us", stats::LatencyQuantile(latency, 0.5), rows));
  out->push_back(place.Make("traffic", "latency_p95_us", stats::LatencyQuantile(latency, 0.95), rows));
  out->push_back(place.Make("traffic", "latency_p99_us", stats::LatencyQuantile(latency, 0.99), rows));
}

void AppendQuality(const WindowPlace& place, const CountLayout& layout, Counts counts, const MonitorOptions& options,
                   std::vector<Finding>* out) {
  const int64_t rows = counts[kRows];
  if (rows == 0) return;
  out->push_back(place.Make("quality", "cleaned_share", Share(counts[kCleanedRows], rows), rows));
  if (layout.columns().empty()) return;
  const ReferenceProfile& reference = *layout.reference();
  if (reference.outlier_threshold && rows >= options.rows_min) {
    // The threshold was set so that one reference row in a thousand is beyond it.
    Shares(place, options, "outlier_share", options.outlier_effect_min, out)
        .Add("", counts[kOutliers], rows, reference.rows / 1000, reference.rows, reference.outlier_high);
  }
  {
    Shares shares(place, options, "missing_share", options.share_effect_min, out);
    for (size_t c = 0; c < layout.columns().size(); ++c) {
      const ColumnProfile& profile = reference.columns[c];
      shares.Add(profile.name, counts[layout.columns()[c].missing_place()], rows, profile.missing, profile.present() + profile.missing,
                 profile.missing_high);
    }
  }
  {
    Shares shares(place, options, "out_of_range_share", options.share_effect_min, out);
    for (size_t c = 0; c < layout.columns().size(); ++c) {
      const CountLayout::Column& column = layout.columns()[c];
      const ColumnProfile& profile = reference.columns[c];
      const int64_t outside = column.numeric ? counts[column.below_place()] + counts[column.above_place()] : counts[column.other_place()];
      const int64_t known = column.numeric ? 0 : profile.counts.back();
      shares.Add(profile.name, outside, rows, known, profile.present() + profile.missing, 0);
    }
  }
  for (size_t c = 0; c < layout.columns().size(); ++c) {
    const int64_t infinite = counts[layout.columns()[c].infinite_place()];
    if (infinite == 0) continue;
    out->push_back(place.Make("quality", "infinite_share", Share(infinite, rows), rows));
    out->back().column = reference.columns[c].name;
  }
}

void AppendDrift(const WindowPlace& place, const CountLayout& layout, Counts counts, const MonitorOptions& options, bool claim,
                 std::vector<Finding>* out) {
  if (counts[kRows] < options.rows_min || layout.reference() == nullptr) return;
  const std::vector<ColumnDrift> columns = Columns(layout, counts, options, claim);
  const double level = Level(place, options);
  size_t drifted = 0, features = 0;
  const auto metric = [&](const char* name, double ColumnDrift::*value, double stats::DriftSignificance::*p, bool ordered) {
    const size_t from = out->size();
    std::vector<const ColumnDrift*> of;
    for (const ColumnDrift& column : columns) {
      if (ordered && column.reference->kind == ColumnKind::kCategorical) continue;
      Finding finding = place.Make("drift", name, column.*value, column.n);
      finding.column = column.name;
      if (!ordered || claim) finding.p_value = column.p.*p;
      out->push_back(std::move(finding));
      of.push_back(&column);
    }
    Correct(from, level, out, [&](const Finding&, size_t i) { return of[i]->matters; });
    return from;
  };
  const size_t psi = metric("psi", &ColumnDrift::psi, &stats::DriftSignificance::psi, false);
  for (size_t i = psi; i < out->size(); ++i) {
    const bool is_score =
        layout.score() != nullptr && i - psi + 1 == columns.size() && columns.back().reference == &*layout.reference()->score;
    features += !is_score;
    drifted += !is_score && (*out)[i].significant;
  }
  metric("js", &ColumnDrift::js, &stats::DriftSignificance::js, false);
  metric("ks", &ColumnDrift::ks, &stats::DriftSignificance::ks, true);
  metric("chi2", &ColumnDrift::chi2, &stats::DriftSignificance::chi_square, false);
  for (const ColumnDrift& column : columns) {
    if (std::isnan(column.mean_shift)) continue;
    out->push_back(place.Make("drift", "mean_shift", column.mean_shift, column.n));
    out->back().column = column.name;
  }
  if (features > 0) {
    out->push_back(
        place.Make("drift", "drifted_share", Share(static_cast<int64_t>(drifted), static_cast<int64_t>(features)), counts[kRows]));
    out->back().significant = drifted > 0;
  }
}

}  // namespace vigil
