#include "alerting/notifiers/log.h"

#include "absl/strings/str_cat.h"

namespace vigil {

Status LogNotifier::Notify(const std::vector<Alert>& group, bool resolved) {
  for (const Alert& alert : group) {
    const auto summary = alert.annotations.find("summary");
    const std::string line =
        absl::StrCat("alert ", alert.id, resolved ? " resolved" : " firing", " model=", alert.model, " rule=", alert.rule,
                     summary == alert.annotations.end() ? "" : ": ", summary == alert.annotations.end() ? "" : summary->second);
    sink_(resolved ? Severity::kInfo : alert.severity, line);
  }
  return absl::OkStatus();
}

}  // namespace vigil
