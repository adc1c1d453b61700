#include "storage/abandoned.h"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "base/hash.h"

namespace vigil {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTemporaries = "vigil-";

// When a process started, in the kernel's ticks since boot; 0: not known (then see kill).
uint64_t StartOf(int64_t pid) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/stat"));
  std::stringstream text;
  text << file.rdbuf();
  const std::string stat = text.str();
  const size_t name_ends = stat.rfind(')');  // the name may hold anything
  if (name_ends == std::string::npos) return 0;
  std::stringstream fields(stat.substr(name_ends + 1));
  std::string field;
  for (int i = 3; i <= 22; ++i) fields >> field;  // proc(5): starttime is the 22nd
  uint64_t start = 0;
  const auto parsed = std::from_chars(field.data(), field.data() + field.size(), start);
  return parsed.ec == std::errc() ? start : 0;
}

// Boot and namespace of process numbers: only within both do a number and a start name one process. Empty: not known.
const std::string& Place() {
  static const std::string place = [] {
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string boot;
    file >> boot;
    std::error_code error;
    const std::string space = fs::read_symlink("/proc/self/ns/pid", error).string();
    return boot.empty() || error ? std::string() : absl::StrFormat("%016x", StableHash(absl::StrCat(boot, " ", space)));
  }();
  return place;
}

template <typename T>
bool ParseWhole(std::string_view text, T* value) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), *value);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
}

}  // namespace

std::string OwnerTag() {
  const uint64_t start = StartOf(getpid());
  if (start == 0 || Place().empty()) return absl::StrCat("p", getpid(), "-0-0");
  return absl::StrCat("p", getpid(), "-", start, "-", Place());
}

bool OwnerIsGone(std::string_view tag) {
  if (!tag.starts_with('p')) return false;
  const std::vector<std::string> parts = absl::StrSplit(std::string(tag.substr(1)), '-');
  int64_t pid = 0;
  uint64_t start = 0;
  if (parts.size() != 3 || !ParseWhole(parts[0], &pid) || !ParseWhole(parts[1], &start) || pid <= 0 || start == 0) return false;
  if (Place().empty() || parts[2] != Place()) return false;  // of another container or boot: it may live where we do not see it
  const uint64_t now = StartOf(pid);
  if (now != 0) return now != start;  // else the number was given again
  return kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH;
}

int RemoveAbandoned(const std::string& directory, std::string_view prefix) {
  std::error_code error;
  std::vector<fs::path> gone;
  size_t looked_at = 0;
  for (fs::directory_iterator entry(directory.empty() ? "." : directory, error), end; !error && entry != end; entry.increment(error)) {
    if (++looked_at > kAbandonedEntriesMax) break;
    const std::string name = entry->path().filename().string();
    if (!name.starts_with(prefix)) continue;
    const std::vector<std::string> parts = absl::StrSplit(name, '.');
    for (const std::string& part : parts) {
      if (!OwnerIsGone(part)) continue;
      gone.push_back(entry->path());
      break;
    }
  }
  int removed = 0;
  for (const fs::path& path : gone) {  // a link is removed, not what it points to
    fs::remove_all(path, error);
    removed += error ? 0 : 1;
  }
  return removed;
}

std::string UnfinishedPath(const std::string& path) {
  const fs::path place(path);
  RemoveAbandoned(place.parent_path().string(), absl::StrCat(place.filename().string(), "."));
  return absl::StrCat(path, ".", OwnerTag(), ".tmp");
}

StatusOr<std::string> MakeTemporaryFolder(std::string_view what) {
  static std::atomic<int> folders{0};
  std::error_code error;
  const fs::path temporary = fs::temp_directory_path(error);
  constexpr int kTries = 100;
  for (int i = 0; !error && i < kTries; ++i) {
    const std::string folder =
        (temporary / absl::StrCat(std::string(kTemporaries), std::string(what), ".", OwnerTag(), ".", folders.fetch_add(1))).string();
    if (mkdir(folder.c_str(), 0700) == 0) return folder;
    if (errno != EEXIST) break;
  }
  return absl::UnavailableError("no temporary folder can be made (TMPDIR)");
}

int RemoveAbandonedTemporaries() {
  std::error_code error;
  const fs::path temporary = fs::temp_directory_path(error);
  return error ? 0 : RemoveAbandoned(temporary.string(), kTemporaries);
}

}  // namespace vigil
