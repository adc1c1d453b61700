// The registry's own view of a model, behind registry.h. Only registry*.cc include it.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "registry/registry.h"
#include "registry/registry_catalog.h"

namespace vigil {

struct Registry::VersionEntry {
  VersionFacts facts;
  VersionState state = VersionState::kRegistered;
  int64_t epoch = 0;
  std::shared_ptr<const Schema> schema;
  std::shared_ptr<const ReferenceProfile> reference;
  std::shared_ptr<const ServedVersion> served;  // null: not loaded
  std::optional<uint32_t> slot;                 // of this process, once loaded
  uint64_t loaded_at = 0;                       // counts loads: the smallest was loaded longest ago
  bool kept = false;                            // loaded because it was registered or asked for, needed or not
  bool unloaded = false;                        // by name: no request loads it again
  int64_t bytes = 0;                            // that it took when it was last loaded, or its file's; 0: unknown
  Status failure;                               // of the last load on demand, until one succeeds
  int64_t retry_ns = 0;                         // no other before that
  int64_t retry_after_us = 0;
};

struct Registry::ModelEntry {
  std::string name;
  std::vector<std::unique_ptr<VersionEntry>> versions;  // in the order of their registration
  std::array<StoredRole, 3> roles;                      // by Role
  TrafficPlan plan;
  std::map<std::string, RoleAssignment> labels;  // a cleared one points to "", so that its epoch never starts again
  bool removed = false;                          // its source is gone: a tombstone stands in the catalog
  std::vector<std::string> retired_with_it;      // versions that its removal retired

  StoredRole& role(Role which) { return roles[static_cast<size_t>(which)]; }
  const StoredRole& role(Role which) const { return roles[static_cast<size_t>(which)]; }
  const std::string& champion() const { return role(Role::kChampion).assignment.version; }
  VersionEntry* Find(const std::string& version) const {
    for (const auto& entry : versions) {
      if (entry->facts.version == version) return entry.get();
    }
    return nullptr;
  }
};

// What one transaction writes, and the roles as they are once it has been written. A role's write stands at the same index as the role.
struct Registry::Change {
  std::vector<std::pair<Role, StoredRole>> roles;
  std::vector<CatalogWrite> writes;
  std::vector<TimelineEvent> events;
  std::vector<std::pair<VersionEntry*, VersionState>> states;  // each with its write
  std::vector<std::pair<std::string, RoleAssignment>> labels;
};

// "model/part": model names hold no slash.
inline std::string CatalogKey(const std::string& model, std::string_view part) { return model + "/" + std::string(part); }

inline CatalogWrite VersionWrite(const VersionFacts& facts, VersionState state, int64_t expected_epoch) {
  return {kVersionKind, CatalogKey(facts.model, facts.version), VersionToText({facts, state}), expected_epoch};
}

inline TimelineEvent MakeEvent(const Clock& clock, const std::string& model, const char* kind, const std::string& subject,
                               std::string summary, const std::string& by) {
  TimelineEvent event;
  event.time = clock.NowUs();
  event.model = model;
  event.kind = kind;
  event.subject = subject;
  event.summary = std::move(summary);
  event.by = by;
  return event;
}

Status CheckName(const std::string& name, const char* what);
Status CheckNames(const VersionFacts& facts);
std::string AbsoluteUri(const std::string& uri);
void WriteAttachments(const VersionFacts& facts, const Schema* schema, const ReferenceProfile* reference,
                      std::vector<CatalogWrite>* writes);

inline constexpr Role kRoles[] = {Role::kChampion, Role::kChallenger, Role::kShadow};
inline constexpr size_t kPreviousChampionsMax = 16;  // remembered, loaded or not

}  // namespace vigil
