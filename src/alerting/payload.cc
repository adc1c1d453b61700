// Alertmanager's webhook message, version 4 (prometheus.io/docs/alerting/latest/configuration, "webhook_config").
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "alerting/alerting.h"
#include "base/text.h"

namespace vigil {
namespace {

constexpr char kNoTime[] = "0001-01-01T00:00:00Z";  // Go's zero time: not ended

std::map<std::string, std::string> LabelsOf(const Alert& alert) {
  std::map<std::string, std::string> labels = alert.labels;
  labels.emplace("alertname", alert.rule);
  labels.emplace("model", alert.model);
  labels.emplace("severity", SeverityName(alert.severity));
  return labels;
}

void KeepCommon(const std::map<std::string, std::string>& other, std::map<std::string, std::string>* common) {
  for (auto it = common->begin(); it != common->end();) {
    const auto found = other.find(it->first);
    it = found != other.end() && found->second == it->second ? std::next(it) : common->erase(it);
  }
}

std::string AlertUrl(const std::string& external_url, const Alert& alert) { return absl::StrCat(external_url, "/ui#/alerts/", alert.id); }

}  // namespace

Json AlertmanagerPayload(const std::vector<Alert>& group, const std::string& receiver, const std::string& external_url, bool resolved) {
  Json alerts = Json::array();
  std::map<std::string, std::string> common_labels, common_annotations;
  bool first = true;
  for (const Alert& alert : group) {
    const auto labels = LabelsOf(alert);
    if (first) {
      common_labels = labels;
      common_annotations = alert.annotations;
      first = false;
    }
    KeepCommon(labels, &common_labels);
    KeepCommon(alert.annotations, &common_annotations);
    if (alerts.size() == kPayloadAlertsMax) continue;
    alerts.push_back({{"status", resolved || alert.ended != 0 ? "resolved" : "firing"},
                      {"labels", labels},
                      {"annotations", alert.annotations},
                      {"startsAt", FormatTime(alert.fired)},
                      {"endsAt", alert.ended == 0 ? std::string(kNoTime) : FormatTime(alert.ended)},
                      {"generatorURL", AlertUrl(external_url, alert)},
                      {"fingerprint", alert.id}});
  }
  Json group_labels = Json::object();
  std::string group_key = "{}:{";
  for (const char* label : {"alertname", "model"}) {
    const auto found = common_labels.find(label);
    if (found == common_labels.end()) continue;
    absl::StrAppend(&group_key, group_labels.empty() ? "" : ", ", label, "=\"", found->second, "\"");
    group_labels[label] = found->second;
  }
  group_key += "}";
  const size_t listed = alerts.size();
  return {{"version", "4"},
          {"groupKey", group_key},
          {"truncatedAlerts", group.size() - listed},
          {"status", resolved ? "resolved" : "firing"},
          {"receiver", receiver},
          {"groupLabels", std::move(group_labels)},
          {"commonLabels", common_labels},
          {"commonAnnotations", common_annotations},
          {"externalURL", external_url},
          {"alerts", std::move(alerts)}};
}

}  // namespace vigil
