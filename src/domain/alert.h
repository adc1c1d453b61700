// An alert: a rule that holds over a series, with its whole history.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"

namespace vigil {

enum class AlertState : uint8_t { kPending, kFiring, kResolved };
std::string_view AlertStateName(AlertState state);
enum class Severity : uint8_t { kInfo, kWarning, kCritical };
std::string_view SeverityName(Severity severity);

struct Alert {
  std::string id;  // stable for one firing
  std::string rule;
  std::string model;
  std::string version;
  AlertState state = AlertState::kPending;
  Severity severity = Severity::kWarning;
  std::map<std::string, std::string> labels;       // what it is grouped and silenced by
  std::map<std::string, std::string> annotations;  // summary, description
  std::vector<std::string> columns;                // one cause, many columns: grouped, most drifted first
  double value = 0;
  double threshold = 0;
  TimeUs started = 0;
  TimeUs fired = 0;
  TimeUs ended = 0;  // 0: still on
  TimeUs acknowledged = 0;
  std::string acknowledged_by;
  TimeUs silenced_until = 0;
};

}  // namespace vigil
