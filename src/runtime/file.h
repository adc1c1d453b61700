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

}  // namespace vigil
