#include "retraining/trainers/xgboost_api.h"

#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"

namespace vigil {
namespace {

namespace fs = std::filesystem;

// XGBoost's builds for Python carry an OpenMP runtime under a name of their own, which the loader finds only in the layout of a Python
// environment; one that is loaded already is found anywhere.
void LoadOpenMpBeside(const fs::path& library) {
  std::error_code error;
  for (const fs::path& directory : {library.parent_path(), fs::canonical(library, error).parent_path()}) {
    for (const auto& entry : fs::directory_iterator(directory, error)) {
      if (entry.path().filename().string().starts_with("libgomp")) dlopen(entry.path().c_str(), RTLD_NOW | RTLD_GLOBAL);
    }
  }
}

std::vector<std::string> Candidates() {
  std::vector<std::string> paths;
  if (const char* named = std::getenv("VIGIL_XGBOOST_LIB"); named != nullptr && *named != '\0') return {named};
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (!error) paths.push_back((program.parent_path().parent_path() / "lib" / "libxgboost.so").string());
  paths.push_back("libxgboost.so");
  return paths;
}

template <typename F>
bool Bind(void* library, const char* name, F* function) {
  *function = reinterpret_cast<F>(dlsym(library, name));
  return *function != nullptr;
}

StatusOr<XgboostApi> BindAll(void* library, const std::string& path) {
  XgboostApi api;
  const char* missing = nullptr;
  const auto bind = [&](const char* name, auto* function) {
    if (!Bind(library, name, function) && missing == nullptr) missing = name;
  };
  bind("XGBGetLastError", &api.GetLastError);
  bind("XGBoostVersion", &api.Version);
  bind("XGDMatrixCreateFromDense", &api.DMatrixCreateFromDense);
  bind("XGDMatrixSetInfoFromInterface", &api.DMatrixSetInfoFromInterface);
  bind("XGDMatrixSetStrFeatureInfo", &api.DMatrixSetStrFeatureInfo);
  bind("XGDMatrixFree", &api.DMatrixFree);
  bind("XGBoosterCreate", &api.BoosterCreate);
  bind("XGBoosterFree", &api.BoosterFree);
  bind("XGBoosterSetParam", &api.BoosterSetParam);
  bind("XGBoosterSetAttr", &api.BoosterSetAttr);
  bind("XGBoosterSetStrFeatureInfo", &api.BoosterSetStrFeatureInfo);
  bind("XGBoosterUpdateOneIter", &api.BoosterUpdateOneIter);
  bind("XGBoosterEvalOneIter", &api.BoosterEvalOneIter);
  bind("XGBoosterSlice", &api.BoosterSlice);
  bind("XGBoosterPredictFromDMatrix", &api.BoosterPredictFromDMatrix);
  bind("XGBoosterSaveModelToBuffer", &api.BoosterSaveModelToBuffer);
  if (missing != nullptr) return absl::NotFoundError(absl::StrCat(path, ": no ", missing, " in it; XGBoost 2.0 or later is needed"));
  return api;
}

StatusOr<XgboostApi> Load() {
  std::string tried;
  for (const std::string& path : Candidates()) {
    if (path.find('/') != std::string::npos && fs::exists(path)) LoadOpenMpBeside(path);
    if (void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL); library != nullptr) return BindAll(library, path);
    const char* reason = dlerror();
    absl::StrAppend(&tried, tried.empty() ? "" : "; ", reason != nullptr ? reason : path);
  }
  return absl::NotFoundError(absl::StrCat("no XGBoost library to train with (VIGIL_XGBOOST_LIB names one): ", tried));
}

}  // namespace

std::string XgboostApi::VersionText() const {
  int major = 0, minor = 0, patch = 0;
  Version(&major, &minor, &patch);
  return absl::StrCat(major, ".", minor, ".", patch);
}

Status XgboostApi::Check(int code, const char* what) const {
  if (code == 0) return absl::OkStatus();
  std::string message = GetLastError();
  if (const size_t stack = message.find("\nStack trace"); stack != std::string::npos) message.resize(stack);
  return absl::InvalidArgumentError(absl::StrCat("XGBoost, ", what, ": ", message));
}

StatusOr<const XgboostApi*> LoadXgboost() {
  static std::mutex& mutex = *new std::mutex;
  static std::optional<XgboostApi>& loaded = *new std::optional<XgboostApi>;
  std::lock_guard lock(mutex);
  if (!loaded.has_value()) {
    VIGIL_ASSIGN_OR_RETURN(loaded, Load());
  }
  return &*loaded;
}

}  // namespace vigil
