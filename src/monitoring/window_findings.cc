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

// A share of the window's cells against the reference's.
Finding ShareFinding(const WindowPlace& place, const char* metric, const std::string& column, int64_t current, int64_t m, int64_t reference,
                     int64_t n) {
  Finding finding = place.Make("quality", metric, Share(current, m), m);
  finding.column = column;
  finding.baseline = n > 0 ? std::optional<double>(Share(reference, n)) : std::nullopt;
  finding.p_value = ShareP(reference, n, current, m);
  return finding;
}

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
  const int64_t rows = counts[kRows], refused = counts[kRefused];
  if (rows + refused == 0) return;
  const double seconds = static_cast<double>(place.end - place.start) / static_cast<double>(kSecondUs);
  out->push_back(place.Make("traffic", "rows", static_cast<double>(rows), rows));
  out->push_back(place.Make("traffic", "rows_per_second", static_cast<double>(rows) / seconds, rows));
  out->push_back(place.Make("traffic", "refused_rows", static_cast<double>(refused), rows + refused));
  out->push_back(place.Make("traffic", "refused_share", Share(refused, rows + refused), rows + refused));
  if (rows == 0) return;
  const Counts latency = counts.subspan(kLatencyPlace, kLatencyBins);
  out->push_back(place.Make("traffic", "latency_p50_us", LatencyQuantile(latency, 0.5), rows));
  out->push_back(place.Make("traffic", "latency_p95_us", LatencyQuantile(latency, 0.95), rows));
  out->push_back(place.Make("traffic", "latency_p99_us", LatencyQuantile(latency, 0.99), rows));
}

void AppendQuality(const WindowPlace& place, const CountLayout& layout, Counts counts, const MonitorOptions& options,
                   std::vector<Finding>* out) {
  const int64_t rows = counts[kRows];
  if (rows == 0) return;
  out->push_back(place.Make("quality", "cleaned_share", Share(counts[kCleanedRows], rows), rows));
  if (layout.columns().empty()) return;
  const ReferenceProfile& reference = *layout.reference();
  const double level = Level(place, options);
  const auto matters = [&](const Finding& finding, size_t) {
    return finding.value - finding.baseline.value_or(0) >= options.share_effect_min;
  };
  if (reference.outlier_threshold) {
    // The threshold was set so that one reference row in a thousand is beyond it.
    const size_t from = out->size();
    out->push_back(ShareFinding(place, "outlier_share", "", counts[kOutliers], rows, reference.rows / 1000, reference.rows));
    Correct(from, level, out, matters);
  }
  size_t from = out->size();
  for (size_t c = 0; c < layout.columns().size(); ++c) {
    const ColumnProfile& profile = reference.columns[c];
    out->push_back(ShareFinding(place, "missing_share", profile.name, counts[layout.columns()[c].missing_place()], rows, profile.missing,
                                profile.present() + profile.missing));
  }
  Correct(from, level, out, matters);
  from = out->size();
  for (size_t c = 0; c < layout.columns().size(); ++c) {
    const CountLayout::Column& column = layout.columns()[c];
    const ColumnProfile& profile = reference.columns[c];
    const int64_t outside = column.numeric ? counts[column.below_place()] + counts[column.above_place()] : counts[column.other_place()];
    const int64_t known = column.numeric ? 0 : profile.counts.back();
    out->push_back(ShareFinding(place, "out_of_range_share", profile.name, outside, rows, known, profile.present() + profile.missing));
  }
  Correct(from, level, out, matters);
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
