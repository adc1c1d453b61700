#include "app/memory_left.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <sstream>

#include "absl/strings/numbers.h"

namespace vigil {
namespace {

// The whole number that a file holds alone; nothing for "max" or a file that is not there.
std::optional<int64_t> ReadNumber(const std::string& path) {
  std::ifstream file(path);
  std::string word;
  int64_t value = 0;
  if (!(file >> word) || !absl::SimpleAtoi(word, &value)) return std::nullopt;
  return value;
}

// The number behind `name` in a file of "name number" lines.
std::optional<int64_t> ReadNamed(const std::string& path, const std::string& name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string word;
    int64_t value = 0;
    if (words >> word >> value && word == name) return value;
  }
  return std::nullopt;
}

// What a group and every group above it leave. `top` is where the groups are mounted, `path` the process's below it.
int64_t LeftByGroups(const std::string& top, std::string path, const char* limit_file, const char* usage_file) {
  int64_t left = INT64_MAX;
  for (;;) {
    const std::string folder = top + path + "/";
    const std::optional<int64_t> limit = ReadNumber(folder + limit_file), usage = ReadNumber(folder + usage_file);
    if (limit && usage) {
      const int64_t cached = ReadNamed(folder + "memory.stat", "inactive_file").value_or(0);
      left = std::min(left, std::max<int64_t>(0, *limit - *usage + cached));
    }
    if (path.empty()) return left;
    path.resize(path.rfind('/'));
  }
}

}  // namespace

int64_t MemoryLeftBytes(const std::string& root) {
  int64_t left = INT64_MAX;
  if (const auto available = ReadNamed(root + "/proc/meminfo", "MemAvailable:")) left = *available * 1024;
  std::ifstream groups(root + "/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {  // "0::/path" of version 2, "7:memory:/path" of version 1
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    std::string path = line.substr(second + 1);
    while (path.ends_with('/')) path.pop_back();
    if (!path.empty() && path[0] != '/') continue;
    if (controllers.empty()) {
      left = std::min(left, LeftByGroups(root + "/sys/fs/cgroup", path, "memory.max", "memory.current"));
    } else if (controllers == "memory") {
      left = std::min(left, LeftByGroups(root + "/sys/fs/cgroup/memory", path, "memory.limit_in_bytes", "memory.usage_in_bytes"));
    }
  }
  return left;
}

}  // namespace vigil
