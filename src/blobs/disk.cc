#include "blobs/disk.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <vector>

#include "absl/strings/str_cat.h"
#include "blobs/digests.h"

namespace vigil::blobs {
namespace {

namespace fs = std::filesystem;

Status SyncFolder(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return absl::ErrnoToStatus(errno, path);
  const bool synced = fsync(fd) == 0;
  const int error = errno;
  close(fd);
  return synced ? absl::OkStatus() : absl::ErrnoToStatus(error, path);
}

}  // namespace

Status MakeFolder(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  return error ? absl::UnavailableError(absl::StrCat(path, ": ", error.message())) : absl::OkStatus();
}

Status SyncFolders(const std::string& path) {
  std::error_code error;
  for (fs::recursive_directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->is_directory()) VIGIL_RETURN_IF_ERROR(SyncFolder(entry->path().string()));
  }
  if (error) return absl::UnavailableError(absl::StrCat(path, ": ", error.message()));
  return SyncFolder(path);
}

StatusOr<std::string> HashFile(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return absl::ErrnoToStatus(errno, path);
  RunningDigests digests;
  std::vector<char> buffer(1 << 20);
  ssize_t got = 0;
  while ((got = read(fd, buffer.data(), buffer.size())) > 0 || (got < 0 && errno == EINTR)) {
    if (got > 0) digests.Add({buffer.data(), static_cast<size_t>(got)});
  }
  const int error = errno;
  close(fd);
  if (got < 0) return absl::ErrnoToStatus(error, path);
  return Hex(digests.Take().sha256);
}

bool Exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

void RemoveAll(const std::string& path) {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

}  // namespace vigil::blobs
