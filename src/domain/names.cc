#include "domain/alert.h"
#include "domain/job.h"
#include "domain/prediction.h"

namespace vigil {

std::string_view AlertStateName(AlertState state) {
  static constexpr std::string_view kNames[] = {"pending", "firing", "resolved"};
  return kNames[static_cast<size_t>(state)];
}

std::string_view SeverityName(Severity severity) {
  static constexpr std::string_view kNames[] = {"info", "warning", "critical"};
  return kNames[static_cast<size_t>(severity)];
}

std::string_view JobStateName(JobState state) {
  static constexpr std::string_view kNames[] = {"waiting", "running", "done", "not_ready", "failed", "refused"};
  return kNames[static_cast<size_t>(state)];
}

std::string_view PredictionStatusName(PredictionStatus status) {
  static constexpr std::string_view kNames[] = {"ok", "refused", "failed", "shadow"};
  return kNames[static_cast<size_t>(status)];
}

}  // namespace vigil
