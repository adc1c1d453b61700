// Monitored series, for the page and for anyone who draws.
#include <algorithm>
#include <array>
#include <tuple>

#include "base/text.h"
#include "frontends/errors.h"
#include "frontends/rest/api_json.h"
#include "frontends/rest/handlers.h"
#include "frontends/rest/series.h"
#include "frontends/words.h"

namespace vigil {
namespace {

constexpr std::array<std::string_view, 5> kKinds{"traffic", "quality", "drift", "performance", "concept"};
constexpr std::array<std::string_view, 3> kWindows{"minute", "hour", "day"};

template <size_t N>
std::vector<std::string> Names(const std::array<std::string_view, N>& names) {
  return {names.begin(), names.end()};
}

StatusOr<SeriesQuery> ReadQuery(const ApiRequest& request) {
  SeriesQuery query;
  query.model = request.params[0];
  query.kind = request.params[1];
  if (std::find(kKinds.begin(), kKinds.end(), query.kind) == kKinds.end()) {
    return absl::NotFoundError(Concat("no monitoring of the kind \"", query.kind, "\"", DidYouMean(query.kind, Names(kKinds)),
                                      "; traffic, quality, drift, performance and concept are"));
  }
  query.version = QueryText(request, "version");
  query.column = QueryText(request, "column");
  query.segment = QueryText(request, "segment");
  if (const std::string window = QueryText(request, "window"); !window.empty()) {
    const auto found = std::find(kWindows.begin(), kWindows.end(), window);
    if (found == kWindows.end()) {
      return Failure(ErrorCode::kInvalid, Concat("must be minute, hour or day, not \"", window, "\""), "window");
    }
    query.window = static_cast<Window>(found - kWindows.begin());
  }
  VIGIL_ASSIGN_OR_RETURN(query.from, QueryTime(request, "from", INT64_MIN));
  VIGIL_ASSIGN_OR_RETURN(query.to, QueryTime(request, "to", INT64_MAX));
  if (query.from > query.to) return Failure(ErrorCode::kInvalid, "is after \"to\"", "from");
  VIGIL_ASSIGN_OR_RETURN(query.points_max, QueryLimit(request, query.points_max, query.points_max));
  return query;
}

void AppendOptional(std::string_view name, const std::optional<double>& value, std::string* out) {
  Append(out, ",\"", name, "\":");
  value.has_value() ? AppendJsonNumber(out, *value) : void(out->append("null"));
}

void AppendPoint(const Finding& finding, std::string* out) {
  Append(out, "{\"start\":\"", FormatTime(finding.window_start), "\",\"end\":\"", FormatTime(finding.window_end), "\",\"value\":");
  AppendJsonNumber(out, finding.value);
  Append(out, ",\"n\":", finding.n);
  AppendOptional("p_value", finding.p_value, out);
  AppendOptional("baseline", finding.baseline, out);
  out->append(",\"maturity\":");
  AppendJsonNumber(out, finding.maturity);
  Append(out, ",\"significant\":", finding.significant ? "true" : "false", "}");
}

}  // namespace

bool SameSeries(const Finding& a, const Finding& b) {
  return a.version == b.version && a.metric == b.metric && a.column == b.column && a.segment == b.segment;
}

StatusOr<std::vector<Finding>> FindSeries(Operations& operations, const SeriesQuery& query, std::string_view metric) {
  VIGIL_ASSIGN_OR_RETURN(std::vector<Finding> findings, operations.Series(query));
  if (!metric.empty()) std::erase_if(findings, [&](const Finding& finding) { return finding.metric != metric; });
  std::stable_sort(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) {
    return std::tie(a.version, a.metric, a.column, a.segment, a.window_start) <
           std::tie(b.version, b.metric, b.column, b.segment, b.window_start);
  });
  return findings;
}

// {"model","kind","window","series":[{"version","metric","column","segment","points":[{"start","end","value","n",...}]}]}. Written straight
// to text: there may be a hundred thousand points.
StatusOr<Reply> GetSeries(Operations& operations, const ApiRequest& request) {
  VIGIL_ASSIGN_OR_RETURN(const SeriesQuery query, ReadQuery(request));
  VIGIL_ASSIGN_OR_RETURN(const std::vector<Finding> findings, FindSeries(operations, query, QueryText(request, "metric")));
  Reply reply;
  std::string& out = reply.body;
  out = "{\"model\":";
  AppendJsonString(&out, query.model);
  Append(&out, ",\"kind\":\"", query.kind, "\",\"window\":\"", kWindows[static_cast<size_t>(query.window)], "\",\"series\":[");
  const Finding* previous = nullptr;
  for (const Finding& finding : findings) {
    if (previous != nullptr && SameSeries(*previous, finding)) {
      out.push_back(',');
    } else {
      out.append(previous == nullptr ? "{\"version\":" : "]},{\"version\":");
      AppendJsonString(&out, finding.version);
      out.append(",\"metric\":");
      AppendJsonString(&out, finding.metric);
      out.append(",\"column\":");
      AppendJsonString(&out, finding.column);
      out.append(",\"segment\":");
      AppendJsonString(&out, finding.segment);
      out.append(",\"points\":[");
    }
    AppendPoint(finding, &out);
    previous = &finding;
  }
  out.append(previous == nullptr ? "]}" : "]}]}");
  return reply;
}

}  // namespace vigil
