// Files and folders that a killed process leaves behind: their names say whose they are, so that the next start can tell them from those of
// a process that lives.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace vigil {

// This process, as a part of a name between dots: "p1234-567890-0123456789abcdef" is its number, when it started, and of which boot and
// which namespace of process numbers. Where the kernel does not tell, "p1234-0-0", which nobody ever takes for gone.
std::string OwnerTag();

// Whether the process that had this tag is known to have ended: this process would see it, and does not. False for any other text.
bool OwnerIsGone(std::string_view tag);

inline constexpr size_t kAbandonedEntriesMax = 100'000;  // of a folder that are looked at

// Removes what lies in `directory`, begins with `prefix` and has among the parts of its name between dots a tag whose owner is gone.
// Best effort; returns how many were removed.
int RemoveAbandoned(const std::string& directory, std::string_view prefix);

// `path` while it is being written: beside it, with this process's tag. What killed writers of the same path left there is removed.
std::string UnfinishedPath(const std::string& path);

// A new folder for this process alone where the system keeps temporary things, its name beginning with "vigil-" and `what`. UNAVAILABLE
// names TMPDIR.
StatusOr<std::string> MakeTemporaryFolder(std::string_view what);

// Whatever of MakeTemporaryFolder, and of spilled tables, killed processes left. Verbs that make such call it as they start.
int RemoveAbandonedTemporaries();

}  // namespace vigil
