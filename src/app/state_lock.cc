#include "app/state_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/str_cat.h"

namespace vigil {

StateLock::~StateLock() {
  if (fd_ >= 0) close(fd_);
}

Status StateLock::Take(const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  const std::string path = directory + "/lock";
  fd_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd_ < 0) return absl::UnavailableError(absl::StrCat("state directory ", directory, " cannot be written (server.state_dir)"));
  if (flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    return absl::UnavailableError(
        absl::StrCat("state directory ", directory, " is in use by another server; give this one its own --state-dir"));
  }
  return absl::OkStatus();
}

}  // namespace vigil
