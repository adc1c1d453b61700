// Reading model files from the local disk.
#pragma once

#include <cstddef>
#include <string>

#include "base/status.h"

namespace vigil {

// The first `bytes_max` bytes. NOT_FOUND, PERMISSION_DENIED and the like from the file system; INVALID_ARGUMENT for a directory or
// anything else that is no regular file. Messages name `path`.
StatusOr<std::string> ReadFileHead(const std::string& path, size_t bytes_max);

// The whole file; INVALID_ARGUMENT above kModelFileBytesMax.
StatusOr<std::string> ReadModelFile(const std::string& path);

// Whether `path` is a directory, links followed.
bool IsDirectory(const std::string& path);

// `relative` below `directory`, links followed. INVALID_ARGUMENT, naming `what` and the path, for one that is absolute, is the directory
// itself or leaves it; NOT_FOUND when nothing is there.
StatusOr<std::string> PathWithin(const std::string& directory, const std::string& relative, const std::string& what);

}  // namespace vigil
