// A retraining job.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"

namespace vigil {

// waiting → running → done | not_ready (asked again later, no penalty) | failed; refused: a candidate came, the gate said no.
enum class JobState : uint8_t { kWaiting, kRunning, kDone, kNotReady, kFailed, kRefused };
std::string_view JobStateName(JobState state);

struct Job {
  std::string id;
  std::string model;
  std::string trigger;  // "cron", "manual", "alert/17", "labels"
  std::string reason;   // in words
  JobState state = JobState::kWaiting;
  std::string parent;  // champion when it was asked for
  int64_t champion_epoch = 0;
  TimeUs created = 0;
  TimeUs started = 0;
  TimeUs ended = 0;
  TimeUs window_from = 0;  // prediction times of the rows it may use
  TimeUs window_to = 0;
  TimeUs as_of = 0;  // labels known then
  int attempts = 0;
  std::string candidate;    // version it registered
  std::string message;      // why it failed, or what the gate said
  std::string gate_report;  // JSON
};

// One entry of the append-only history that answers "what served when, and why".
struct TimelineEvent {
  int64_t sequence = 0;  // given by the catalog
  TimeUs time = 0;
  std::string model;
  std::string kind;     // "model.registered", "role.changed", "alert.fired", "job.done", "gate.refused", "rollout.step", ...
  std::string subject;  // version, alert id, job id, rollout id
  std::string summary;  // one sentence
  std::string by;
  std::string detail;  // JSON
};

}  // namespace vigil
