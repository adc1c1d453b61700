// A model version: immutable facts, a state, and the roles that versions play in a model.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"

namespace vigil {

// uploading → registered → validating → validated | rejected → retired → deleted (a tombstone: the facts stay, the artefact goes).
enum class VersionState : uint8_t { kUploading, kRegistered, kValidating, kValidated, kRejected, kRetired, kDeleted };
std::string_view VersionStateName(VersionState state);
std::optional<VersionState> ParseVersionState(std::string_view name);

// The single versions that a model's roles point to. A/B arms and canaries are weights in the TrafficPlan, not roles.
enum class Role : uint8_t { kChampion, kChallenger, kShadow };
std::string_view RoleName(Role role);
std::optional<Role> ParseRole(std::string_view name);

// Never changed once registered.
struct VersionFacts {
  std::string model;
  std::string version;  // "1", "2", ... or what the repository called it
  std::string uri;      // where the artefact is
  std::string digest;   // sha256 of the artefact
  std::string format;   // "xgboost-json", ...
  TimeUs created = 0;
  std::string created_by;    // a person, "demo", or "job/17"
  std::string parent;        // the version it was retrained from
  TimeUs training_from = 0;  // the window of rows it was fitted on; 0: unknown
  TimeUs training_to = 0;
  TimeUs as_of = 0;  // labels known then
  int64_t training_rows = 0;
  std::string dataset_digest;
  std::string trigger;                    // what asked for it: an alert id, "cron", "manual"
  std::map<std::string, double> metrics;  // offline, named as in the gate's report
  std::string gate_report;                // JSON; empty: never gated
};

// (model, role) → version, changed only by compare-and-set on the epoch.
struct RoleAssignment {
  std::string version;
  int64_t epoch = 0;
  TimeUs since = 0;
  std::string by;
  std::string reason;
};

}  // namespace vigil
