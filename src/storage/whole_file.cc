#include "storage/whole_file.h"

#include "absl/strings/str_cat.h"
#include "storage/file_system.h"

namespace vigil {

Status WriteFileAtomically(const std::string& path, std::string_view bytes) { return MakePosixFileSystem()->Replace(path, bytes); }

StatusOr<std::string> ReadWholeFile(const std::string& path, int64_t bytes_max) {
  StatusOr<std::string> bytes = MakePosixFileSystem()->ReadRange(path, 0, bytes_max + 1);
  if (bytes.ok() && static_cast<int64_t>(bytes->size()) > bytes_max) {
    return absl::ResourceExhaustedError(absl::StrCat(path, ": larger than ", bytes_max, " bytes"));
  }
  return bytes;
}

}  // namespace vigil
