// What the registry keeps in the catalog, as JSON texts: kind "version" (facts and state), "version.schema", "version.reference", each
// under "model/version", and kind "role" under "model/role". docs/formats/registry-catalog.md describes them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "domain/model_version.h"
#include "domain/profile.h"
#include "domain/schema.h"

namespace vigil {

inline constexpr char kVersionKind[] = "version";
inline constexpr char kVersionSchemaKind[] = "version.schema";
inline constexpr char kVersionReferenceKind[] = "version.reference";
inline constexpr char kRoleKind[] = "role";
inline constexpr char kLabelKind[] = "label";              // under "model/label", as a role without former versions
inline constexpr char kTombstoneKind[] = "model.removed";  // under the model's name: {"at", "by", "reason"}

struct StoredVersion {
  VersionFacts facts;
  VersionState state = VersionState::kRegistered;
};

// assignment.version empty: nobody has the role now. Clearing keeps the entry, so that its epoch never starts again.
struct StoredRole {
  RoleAssignment assignment;
  std::vector<std::string> previous;  // champion: those before it, newest first
};

// Every reader answers DATA_LOSS, naming `what` and the field, for a text that is not what the writer writes.
std::string VersionToText(const StoredVersion& version);
StatusOr<StoredVersion> VersionFromText(std::string_view text, std::string_view what);
std::string RoleToText(const StoredRole& role);
StatusOr<StoredRole> RoleFromText(std::string_view text, std::string_view what);  // the epoch is the entry's own
// The versions that went with the model.
std::string TombstoneToText(const std::vector<std::string>& versions, TimeUs at, const std::string& by, const std::string& reason);
StatusOr<std::vector<std::string>> TombstoneFromText(std::string_view text, std::string_view what);
std::string SchemaToText(const Schema& schema);
StatusOr<Schema> SchemaFromText(std::string_view text, std::string_view what);
std::string ReferenceToText(const ReferenceProfile& reference);
StatusOr<ReferenceProfile> ReferenceFromText(std::string_view text, std::string_view what);

}  // namespace vigil
