// Where tests find their material. shared/ stands beside the project on developers' machines and CI; a test that needs it says so and
// skips when it is absent.
#pragma once

#include <unistd.h>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

namespace vigil::testing {

// The project's root: VIGIL_SOURCE_DIR (set by ctest), else the working directory.
inline std::filesystem::path SourceDir() {
  const char* dir = std::getenv("VIGIL_SOURCE_DIR");
  return dir != nullptr ? std::filesystem::path(dir) : std::filesystem::current_path();
}

// `relative` under VIGIL_SHARED or beside the project; nothing when it is not there.
inline std::optional<std::string> SharedPath(const std::string& relative) {
  const char* shared = std::getenv("VIGIL_SHARED");
  const std::filesystem::path base = shared != nullptr ? std::filesystem::path(shared) : SourceDir() / ".." / "shared";
  const std::filesystem::path path = base / relative;
  return std::filesystem::exists(path) ? std::optional<std::string>(path.string()) : std::nullopt;
}

// A directory of this test's own, removed at its end.
class TempDir {
 public:
  TempDir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "vigil-test-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace vigil::testing
