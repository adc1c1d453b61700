#include "report/report.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/text.h"
#include "report/plot.h"

namespace vigil::report {
namespace {

constexpr std::string_view kStyle =
    "body{font:15px/1.5 system-ui,sans-serif;color:#1c2430;max-width:1500px;margin:2rem auto;padding:0 "
    "1.2rem}h1{margin:0}h2{margin-top:2.2rem;border-bottom:1px solid "
    "#dde3ea}.sub{color:#5b6775}.facts{display:flex;flex-wrap:wrap;gap:.8rem;margin:1.2rem 0}.facts "
    "div{background:#f4f6f9;border-radius:8px;padding:.6rem 1rem}.facts "
    "b{display:block;font-size:1.25rem}.plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(460px,1fr));gap:1rem}figure{"
    "margin:0;border:1px solid "
    "#e3e8ee;border-radius:8px;padding:.6rem}figcaption{font-weight:600;font-size:.9rem}svg{width:100%;height:auto}.grid{stroke:#e8ecf1}."
    "tick{font-size:11px;fill:#5b6775}"
    ".baseline{stroke:#8a96a3;stroke-dasharray:5 4}.mark{stroke:#b3261e;stroke-dasharray:2 "
    "3}.legend{font-size:.8rem;display:flex;flex-wrap:wrap;gap:.8rem}.legend "
    "i{display:inline-block;width:12px;height:3px;margin-right:5px;vertical-align:middle}table{border-collapse:collapse;width:100%;font-"
    "variant-numeric:tabular-nums}th,td{"
    "text-align:left;padding:.25rem .7rem;border-bottom:1px solid #e8ecf1}td.n{text-align:right}.yes{color:#b3261e;font-weight:600}";

struct KindTitle {
  const char* kind;
  const char* title;
};
constexpr KindTitle kKinds[] = {{"performance", "Performance on matured labels"},
                                {"drift", "Drift against the reference"},
                                {"concept", "Concept drift"},
                                {"quality", "Data quality"},
                                {"traffic", "Traffic and latency"}};

std::string Number(double value) { return std::isfinite(value) ? absl::StrFormat("%.6g", value) : "–"; }

std::string LineName(const Finding& f) {
  std::string name = f.version.empty() ? "all versions" : absl::StrCat("version ", f.version);
  if (!f.column.empty()) name = absl::StrCat(f.column, f.version.empty() ? "" : absl::StrCat(" (version ", f.version, ")"));
  return f.segment.empty() ? name : absl::StrCat(name, " ", f.segment);
}

// Plots of one kind: a plot a metric, a line a version and column; of many columns the most moved ones.
std::string Plots(const std::vector<const Finding*>& findings, const std::vector<Mark>& marks) {
  std::map<std::string, std::map<std::string, Line>> metrics;
  std::map<std::string, double> baselines;
  std::set<std::string> by_column;
  for (const Finding* f : findings) {
    Line& line = metrics[f->metric][LineName(*f)];
    line.name = LineName(*f);
    if (!f->column.empty()) by_column.insert(f->metric);
    line.points.emplace_back(f->window_end, f->value);
    if (f->baseline) baselines[f->metric] = *f->baseline;
  }
  std::string out = "<div class=\"plots\">";
  for (auto& [metric, lines] : metrics) {
    Plot plot;
    plot.title = metric;
    plot.marks = &marks;
    if (baselines.count(metric) != 0 && lines.size() == 1) plot.baseline = baselines[metric];
    for (auto& [name, line] : lines) {
      std::sort(line.points.begin(), line.points.end());
      plot.lines.push_back(std::move(line));
    }
    const auto peak = [](const Line& line) {
      double most = 0;
      for (const auto& [time, value] : line.points) most = std::max(most, std::isfinite(value) ? std::abs(value) : 0.0);
      return most;
    };
    // Versions keep their order and so their colours; of columns there may be too many, and the most moved ones are drawn.
    if (by_column.count(metric) != 0) {
      std::stable_sort(plot.lines.begin(), plot.lines.end(), [&](const Line& a, const Line& b) { return peak(a) > peak(b); });
    }
    out += RenderSvg(plot);
  }
  return out + "</div>";
}

std::string Table(const std::vector<const Finding*>& findings) {
  std::string out =
      "<table><tr><th>metric</th><th>column</th><th>value</th><th>baseline</th><th>p value</th><th>rows</th><th>significant</th></tr>";
  for (const Finding* f : findings) {
    absl::StrAppend(&out, "<tr><td>", EscapeHtml(f->metric), "</td><td>", EscapeHtml(f->column), "</td><td class=\"n\">", Number(f->value),
                    "</td><td class=\"n\">", f->baseline ? Number(*f->baseline) : "", "</td><td class=\"n\">",
                    f->p_value ? Number(*f->p_value) : "", "</td><td class=\"n\">", f->n,
                    f->significant ? "</td><td class=\"yes\">yes" : "</td><td>", "</td></tr>");
  }
  return out + "</table>";
}

std::string Findings(const Page& page) {
  std::string out;
  for (const auto& [kind, title] : kKinds) {
    std::vector<const Finding*> chosen;
    TimeUs first = INT64_MAX, last = INT64_MIN;
    for (const Finding& f : page.findings) {
      if (f.kind != kind) continue;
      chosen.push_back(&f);
      first = std::min(first, f.window_end);
      last = std::max(last, f.window_end);
    }
    if (chosen.empty()) continue;
    absl::StrAppend(&out, "<h2>", title, "</h2>", first < last ? Plots(chosen, page.marks) : Table(chosen));
  }
  return out;
}

std::string Alerts(const Page& page) {
  if (page.alerts.empty()) return "";
  std::string out = "<h2>Alerts</h2><table><tr><th>fired</th><th>state</th><th>severity</th><th>what</th><th>columns</th></tr>";
  for (const Alert& a : page.alerts) {
    const auto summary = a.annotations.find("summary");
    absl::StrAppend(&out, "<tr><td>", FormatTime(a.fired), "</td><td>", std::string(AlertStateName(a.state)), "</td><td>",
                    std::string(SeverityName(a.severity)), "</td><td>",
                    EscapeHtml(summary == a.annotations.end() ? a.rule : summary->second), "</td><td>",
                    EscapeHtml(absl::StrJoin(a.columns, ", ")), "</td></tr>");
  }
  return out + "</table>";
}

std::string Timeline(const Page& page) {
  if (page.timeline.empty()) return "";
  std::string out = "<h2>What was done, and why</h2><table><tr><th>time</th><th>what</th><th>by</th></tr>";
  for (const TimelineEvent& e : page.timeline) {
    absl::StrAppend(&out, "<tr><td>", FormatTime(e.time), "</td><td>", EscapeHtml(e.summary), "</td><td>", EscapeHtml(e.by), "</td></tr>");
  }
  return out + "</table>";
}

}  // namespace

std::string RenderHtml(const Page& page) {
  std::string out = absl::StrCat(
      "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>",
      EscapeHtml(page.title), "</title><style>", std::string(kStyle), "</style></head><body><h1>", EscapeHtml(page.title),
      "</h1><div class=\"sub\">", EscapeHtml(page.subtitle), "</div>");
  if (!page.summary.empty()) {
    out += "<div class=\"facts\">";
    for (const Fact& fact : page.summary)
      absl::StrAppend(&out, "<div>", EscapeHtml(fact.name), "<b>", EscapeHtml(fact.value), "</b></div>");
    out += "</div>";
  }
  return absl::StrCat(out, Findings(page), Alerts(page), Timeline(page), "</body></html>\n");
}

}  // namespace vigil::report
