#include "app/server_page.h"

#include "absl/strings/str_cat.h"
#include "base/json.h"
#include "base/text.h"

namespace vigil {
namespace {

StatusOr<Json> Ask(net::HttpClient& client, const std::string& target) {
  VIGIL_ASSIGN_OR_RETURN(const net::ClientResponse answer, client.Get(target));
  if (answer.status == 404) return absl::NotFoundError(absl::StrCat(target, ": ", answer.body));
  if (answer.status != 200) return absl::UnavailableError(absl::StrCat(target, ": HTTP ", answer.status));
  return ParseJson(answer.body, target);
}

TimeUs TimeOf(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return 0;
  return ParseTime(found->get_ref<const std::string&>()).value_or(0);
}

std::string TextOf(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || !found->is_string() ? "" : found->get<std::string>();
}

void ReadSeries(const Json& answer, const std::string& kind, std::vector<Finding>* findings) {
  for (const Json& series : answer.at("series")) {
    for (const Json& point : series.at("points")) {
      Finding finding;
      finding.kind = kind;
      finding.version = TextOf(series, "version");
      finding.metric = TextOf(series, "metric");
      finding.column = TextOf(series, "column");
      finding.segment = TextOf(series, "segment");
      finding.window_start = TimeOf(point, "start");
      finding.window_end = TimeOf(point, "end");
      finding.value = point.at("value").is_number() ? point.at("value").get<double>() : 0;
      finding.n = point.value("n", int64_t{0});
      finding.significant = point.value("significant", false);
      if (point.contains("baseline") && point["baseline"].is_number()) finding.baseline = point["baseline"].get<double>();
      if (point.contains("p_value") && point["p_value"].is_number()) finding.p_value = point["p_value"].get<double>();
      findings->push_back(std::move(finding));
    }
  }
}

void ReadAlerts(const Json& answer, std::vector<Alert>* alerts) {
  for (const Json& item : answer.at("alerts")) {
    Alert alert;
    alert.id = TextOf(item, "id");
    alert.rule = TextOf(item, "rule");
    alert.state = TextOf(item, "state") == "resolved" ? AlertState::kResolved : AlertState::kFiring;
    const std::string severity = TextOf(item, "severity");
    alert.severity = severity == "critical" ? Severity::kCritical : severity == "info" ? Severity::kInfo : Severity::kWarning;
    alert.fired = TimeOf(item, "fired");
    if (item.contains("annotations")) {
      for (const auto& [name, value] : item["annotations"].items())
        alert.annotations[name] = value.is_string() ? value.get<std::string>() : value.dump();
    }
    if (item.contains("columns")) item["columns"].get_to(alert.columns);
    alerts->push_back(std::move(alert));
  }
}

}  // namespace

StatusOr<report::Page> ReadServerPage(net::HttpClient& client, const std::string& model) {
  report::Page page;
  page.title = absl::StrCat("Model ", model);
  try {
    for (const char* kind : {"performance", "drift", "concept", "quality", "traffic"}) {
      VIGIL_ASSIGN_OR_RETURN(const Json series, Ask(client, absl::StrCat("/api/v1/models/", model, "/monitoring/", kind, "?window=day")));
      ReadSeries(series, kind, &page.findings);
    }
    VIGIL_ASSIGN_OR_RETURN(const Json alerts, Ask(client, absl::StrCat("/api/v1/alerts?model=", model)));
    ReadAlerts(alerts, &page.alerts);
    VIGIL_ASSIGN_OR_RETURN(const Json timeline, Ask(client, absl::StrCat("/api/v1/timeline?limit=1000&model=", model)));
    for (const Json& item : timeline.at("events")) {
      TimelineEvent event;
      event.time = TimeOf(item, "time");
      event.kind = TextOf(item, "kind");
      event.summary = TextOf(item, "summary");
      event.by = TextOf(item, "by");
      if (event.kind == "alert.fired" || event.kind == "rollout.promoted") page.marks.push_back({event.time, event.summary});
      page.timeline.push_back(std::move(event));
    }
  } catch (const nlohmann::json::exception& error) {
    return absl::DataLossError(absl::StrCat("an answer of the server is not what this program expects: ", error.what()));
  }
  return page;
}

}  // namespace vigil
