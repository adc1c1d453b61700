#include "runtime/tensorflow/library.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "runtime/cat.h"

namespace vigil::tensorflow {
namespace {

std::string Variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

std::filesystem::path ProgramFolder() {
  std::error_code ignored;
  return std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
}

}  // namespace

StatusOr<std::string> FindLibrary() {
  const std::string given = Variable("VIGIL_TENSORFLOW_DIR");
  const std::filesystem::path folder = !given.empty() ? std::filesystem::path(given) : ProgramFolder().parent_path() / "lib" / "tensorflow";
  for (const char* inside : {"", "tensorflow", "lib", "lib/tensorflow"}) {
    for (const char* name : {"libtensorflow_cc.so.2", "libtensorflow.so.2"}) {
      std::error_code ignored;
      const std::filesystem::path path = std::filesystem::absolute(folder / inside / name, ignored);
      if (!ignored && std::filesystem::exists(path, ignored)) return path.lexically_normal().string();
    }
  }
  return absl::UnavailableError(
      Cat("TensorFlow was not found in ", folder.string(), given.empty() ? "" : " (VIGIL_TENSORFLOW_DIR)",
          "; install it with `make tensorflow` in Vigil's sources, or anywhere with `pip install tensorflow-cpu==2.21.0` and "
          "VIGIL_TENSORFLOW_DIR=the site-packages folder"));
}

StatusOr<std::string> FindWorkerProgram() {
  std::string path = Variable("VIGIL_TENSORFLOW_WORKER");
  if (path.empty()) path = (ProgramFolder() / "vigil-tensorflow-worker").string();
  if (access(path.c_str(), X_OK) != 0) {
    return absl::UnavailableError(Cat(path, ": the program that runs TensorFlow is not there; it is built beside vigil by `make build`"));
  }
  return path;
}

}  // namespace vigil::tensorflow
