#include "runtime/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

#include "runtime/cat.h"
#include "runtime/model.h"

namespace vigil {
namespace {

// Reads `limit` bytes or to the end; a file longer than `refuse_above` is refused.
StatusOr<std::string> Read(const std::string& path, size_t limit, int64_t refuse_above) {
  // Not blocking: opening a pipe must not wait for its writer.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return absl::ErrnoToStatus(errno, path);
  struct Closer {
    int fd;
    ~Closer() { close(fd); }
  } closer{fd};
  struct stat info {};
  if (fstat(fd, &info) != 0) return absl::ErrnoToStatus(errno, path);
  if (S_ISDIR(info.st_mode)) return absl::InvalidArgumentError(Cat(path, ": is a directory; a model file was expected"));
  if (!S_ISREG(info.st_mode)) return absl::InvalidArgumentError(Cat(path, ": is not a regular file"));
  if (info.st_size > refuse_above) {
    return absl::InvalidArgumentError(Cat(path, ": has ", info.st_size, " bytes; at most ", refuse_above, " are read"));
  }
  std::string bytes(std::min(limit, static_cast<size_t>(info.st_size)), '\0');
  size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t got = read(fd, bytes.data() + have, bytes.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return absl::ErrnoToStatus(errno, path);
    if (got == 0) break;
    have += static_cast<size_t>(got);
  }
  bytes.resize(have);
  return bytes;
}

}  // namespace

StatusOr<std::string> ReadFileHead(const std::string& path, size_t bytes_max) { return Read(path, bytes_max, INT64_MAX); }

StatusOr<std::string> ReadModelFile(const std::string& path) { return Read(path, SIZE_MAX, kModelFileBytesMax); }

}  // namespace vigil
