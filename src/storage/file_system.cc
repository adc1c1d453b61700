#include "storage/file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "absl/strings/str_cat.h"

namespace vigil {
namespace {

Status SystemError(const char* doing, const std::string& path, int error) {
  const std::string message = absl::StrCat(doing, " ", path, ": ", std::strerror(error));
  switch (error) {
    case ENOENT: return absl::NotFoundError(message);
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE: return absl::ResourceExhaustedError(message);
    case EACCES:
    case EPERM:
    case EROFS: return absl::PermissionDeniedError(message);
    default: return absl::UnavailableError(message);
  }
}

int OpenRetrying(const std::string& path, int flags) {
  int fd;
  do fd = open(path.c_str(), flags | O_CLOEXEC, 0640);
  while (fd < 0 && errno == EINTR);
  return fd;
}

// Closes what it holds.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

Status WriteAll(int fd, int64_t offset, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t n = pwrite(fd, bytes.data(), bytes.size(), offset);
    if (n < 0) {
      if (errno == EINTR) continue;
      return SystemError("writing", path, errno);
    }
    bytes.remove_prefix(static_cast<size_t>(n));
    offset += n;
  }
  return absl::OkStatus();
}

class PosixFile final : public WritableFile {
 public:
  PosixFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  Status WriteAt(int64_t offset, std::string_view bytes) override { return WriteAll(fd_.get(), offset, bytes, path_); }
  Status Sync() override { return fdatasync(fd_.get()) == 0 ? absl::OkStatus() : SystemError("syncing", path_, errno); }
  Status Preallocate(int64_t bytes) override {
    // Not posix_fallocate: where the file system cannot, it would write zeros over what another call has just written.
    return fallocate(fd_.get(), 0, 0, bytes) == 0 ? absl::OkStatus() : SystemError("reserving space for", path_, errno);
  }
  Status Truncate(int64_t bytes) override {
    return ftruncate(fd_.get(), bytes) == 0 ? absl::OkStatus() : SystemError("truncating", path_, errno);
  }

 private:
  const Descriptor fd_;
  const std::string path_;
};

class PosixMapping final : public MappedFile {
 public:
  PosixMapping(char* data, size_t size, std::string path) : path_(std::move(path)) {
    data_ = data;
    size_ = size;
  }
  ~PosixMapping() override {
    if (size_ > 0) munmap(data_, size_);
  }
  Status Sync() override {
    if (size_ == 0 || msync(data_, size_, MS_SYNC) == 0) return absl::OkStatus();
    return SystemError("syncing", path_, errno);
  }

 private:
  const std::string path_;
};

StatusOr<std::unique_ptr<MappedFile>> Map(int fd, int64_t bytes, int protection, const std::string& path) {
  if (bytes == 0) return std::make_unique<PosixMapping>(nullptr, 0, path);
  void* data = mmap(nullptr, static_cast<size_t>(bytes), protection, MAP_SHARED, fd, 0);
  if (data == MAP_FAILED) return SystemError("mapping", path, errno);
  return std::make_unique<PosixMapping>(static_cast<char*>(data), static_cast<size_t>(bytes), path);
}

class PosixFileSystem final : public FileSystem {
 public:
  StatusOr<std::unique_ptr<WritableFile>> Open(const std::string& path) override {
    const int fd = OpenRetrying(path, O_RDWR | O_CREAT);
    if (fd < 0) return SystemError("opening", path, errno);
    return std::make_unique<PosixFile>(fd, path);
  }

  StatusOr<std::unique_ptr<MappedFile>> MapForRead(const std::string& path, int64_t bytes) override {
    const Descriptor fd(OpenRetrying(path, O_RDONLY));
    if (fd.get() < 0) return SystemError("opening", path, errno);
    VIGIL_ASSIGN_OR_RETURN(const int64_t size, SizeOf(fd.get(), path));
    return Map(fd.get(), bytes < 0 ? size : std::min(bytes, size), PROT_READ, path);
  }

  StatusOr<std::unique_ptr<MappedFile>> MapForWrite(const std::string& path, int64_t bytes) override {
    const Descriptor fd(OpenRetrying(path, O_RDWR | O_CREAT));
    if (fd.get() < 0) return SystemError("opening", path, errno);
    VIGIL_ASSIGN_OR_RETURN(const int64_t size, SizeOf(fd.get(), path));
    if (size < bytes) {
      if (const int error = posix_fallocate(fd.get(), size, bytes - size); error != 0) {
        return SystemError("reserving space for", path, error);
      }
    }
    return Map(fd.get(), bytes, PROT_READ | PROT_WRITE, path);
  }

  StatusOr<std::string> Read(const std::string& path) override { return ReadRange(path, 0, INT64_MAX); }

  StatusOr<std::string> ReadRange(const std::string& path, int64_t offset, int64_t bytes) override {
    const Descriptor fd(OpenRetrying(path, O_RDONLY));
    if (fd.get() < 0) return SystemError("opening", path, errno);
    VIGIL_ASSIGN_OR_RETURN(const int64_t size, SizeOf(fd.get(), path));
    std::string contents(static_cast<size_t>(std::clamp<int64_t>(size - offset, 0, bytes)), '\0');
    size_t done = 0;
    while (done < contents.size()) {
      const ssize_t n = pread(fd.get(), contents.data() + done, contents.size() - done, offset + static_cast<int64_t>(done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return SystemError("reading", path, errno);
      if (n == 0) break;
      done += static_cast<size_t>(n);
    }
    contents.resize(done);
    return contents;
  }

  Status Replace(const std::string& path, std::string_view contents) override {
    const std::string temporary = path + ".tmp";
    {
      const Descriptor fd(OpenRetrying(temporary, O_WRONLY | O_CREAT | O_TRUNC));
      if (fd.get() < 0) return SystemError("creating", temporary, errno);
      VIGIL_RETURN_IF_ERROR(WriteAll(fd.get(), 0, contents, temporary));
      if (fsync(fd.get()) != 0) return SystemError("syncing", temporary, errno);
    }
    VIGIL_RETURN_IF_ERROR(Rename(temporary, path));
    return SyncDirectory(std::filesystem::path(path).parent_path().string());
  }

  Status Rename(const std::string& from, const std::string& to) override {
    return rename(from.c_str(), to.c_str()) == 0 ? absl::OkStatus() : SystemError("renaming to", to, errno);
  }
  Status Remove(const std::string& path) override {
    return unlink(path.c_str()) == 0 ? absl::OkStatus() : SystemError("removing", path, errno);
  }
  Status CreateDirectories(const std::string& path) override {
    std::error_code error;
    std::filesystem::create_directories(path, error);
    return error ? SystemError("creating the directory", path, error.value()) : absl::OkStatus();
  }

  StatusOr<std::vector<Entry>> List(const std::string& directory) override {
    std::vector<Entry> entries;
    std::error_code error;
    std::filesystem::directory_iterator it(directory, error);
    if (error == std::errc::no_such_file_or_directory) return entries;
    for (; !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
      std::error_code ignored;  // a file that goes away meanwhile is simply not there
      const uintmax_t bytes = it->file_size(ignored);
      if (!ignored) entries.push_back({it->path().filename().string(), static_cast<int64_t>(bytes)});
    }
    if (error) return SystemError("listing", directory, error.value());
    std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.name < b.name; });
    return entries;
  }

  Status SyncDirectory(const std::string& directory) override {
    const Descriptor fd(OpenRetrying(directory.empty() ? "." : directory, O_RDONLY | O_DIRECTORY));
    if (fd.get() < 0) return SystemError("opening the directory", directory, errno);
    return fsync(fd.get()) == 0 ? absl::OkStatus() : SystemError("syncing the directory", directory, errno);
  }

  StatusOr<std::unique_ptr<WritableFile>> Lock(const std::string& path) override {
    const int fd = OpenRetrying(path, O_RDWR | O_CREAT);
    if (fd < 0) return SystemError("opening", path, errno);
    auto file = std::make_unique<PosixFile>(fd, path);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return SystemError("locking", path, errno);
      return absl::FailedPreconditionError(absl::StrCat(path, " is held by another running process; stop it, or open the log read-only"));
    }
    return file;
  }

  std::string BootId() override {
    // /proc files say they are empty, so this cannot go through ReadRange.
    const Descriptor fd(OpenRetrying("/proc/sys/kernel/random/boot_id", O_RDONLY));
    char text[64];
    const ssize_t n = fd.get() < 0 ? 0 : read(fd.get(), text, sizeof(text));
    return n < 36 ? "" : std::string(text, 36);
  }

 private:
  static StatusOr<int64_t> SizeOf(int fd, const std::string& path) {
    struct stat info;
    if (fstat(fd, &info) != 0) return SystemError("looking at", path, errno);
    return static_cast<int64_t>(info.st_size);
  }
};

}  // namespace

std::unique_ptr<FileSystem> MakePosixFileSystem() { return std::make_unique<PosixFileSystem>(); }

}  // namespace vigil
