// The few things that snapshots do on the disk beside writing files.
#pragma once

#include <string>

#include "base/status.h"

namespace vigil::blobs {

// Creates the folder and what is missing above it.
Status MakeFolder(const std::string& path);
// Makes the names in `path`, and in every folder below it, durable.
Status SyncFolders(const std::string& path);
// A regular file's SHA-256, hexadecimal.
StatusOr<std::string> HashFile(const std::string& path);
bool Exists(const std::string& path);
// Whatever is there, without an error when nothing is.
void RemoveAll(const std::string& path);

}  // namespace vigil::blobs
