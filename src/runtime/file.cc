#include "runtime/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <system_error>

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

bool IsDirectory(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

StatusOr<std::string> PathWithin(const std::string& directory, const std::string& relative, const std::string& what) {
  const auto refuse = [&] {
    return absl::InvalidArgumentError(Cat(what, " '", relative.substr(0, 256), "' is not inside the model's directory ", directory));
  };
  const std::filesystem::path given(relative);
  if (relative.empty() || given.is_absolute() || relative.find('\0') != std::string::npos) return refuse();
  // By name first: what is outside is not even looked for.
  int depth = 0;
  for (const std::filesystem::path& part : given) {
    if (part == "..") --depth;
    if (part != ".." && part != "." && !part.empty()) ++depth;
    if (depth < 0) return refuse();
  }
  std::error_code error;
  const std::filesystem::path root = std::filesystem::canonical(directory, error);
  if (error) return absl::NotFoundError(Cat(directory, ": ", error.message()));
  const std::filesystem::path found = std::filesystem::canonical(root / given, error);
  if (error) return absl::NotFoundError(Cat(what, " '", relative.substr(0, 256), "' in ", directory, ": ", error.message()));
  const auto [root_end, rest] = std::mismatch(root.begin(), root.end(), found.begin(), found.end());
  if (root_end != root.end() || rest == found.end()) return refuse();
  return found.string();
}

StatusOr<std::string> ReadModelFile(const std::string& path) { return Read(path, SIZE_MAX, kModelFileBytesMax); }

}  // namespace vigil
