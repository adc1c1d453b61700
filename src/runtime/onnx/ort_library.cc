#include "runtime/onnx/ort_library.h"

#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>

#include "runtime/cat.h"

namespace vigil::onnx {
namespace {

constexpr char kInstall[] =
    "install it with `tools/setup/setup.sh` in Vigil's sources, or anywhere with `pip install --target DIR onnxruntime==1.32.0` and "
    "VIGIL_ONNXRUNTIME_LIB=DIR/onnxruntime/capi/libonnxruntime.so.1.32.0";

Status Failed(const std::string& path, const std::string& why) { return absl::UnavailableError(Cat(path, ": ", why, "; ", kInstall)); }

StatusOr<const OrtLibrary*> LoadOnce() {
  std::vector<std::string> places;
  if (const char* place = std::getenv("VIGIL_ONNXRUNTIME_LIB"); place != nullptr && *place != '\0') {
    places.push_back(place);  // the one that was asked for, or none
  } else {
    std::error_code ignored;
    const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", ignored);
    if (!ignored) places.push_back((program.parent_path().parent_path() / "lib" / "libonnxruntime.so").string());
    places.push_back("libonnxruntime.so.1");
  }
  void* handle = nullptr;
  std::string tried, found;
  for (const std::string& place : places) {
    handle = dlopen(place.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle != nullptr) {
      found = place;
      break;
    }
    tried += Cat(tried.empty() ? "" : "; ", dlerror());
  }
  if (handle == nullptr) return absl::UnavailableError(Cat("ONNX Runtime was not found; ", kInstall, ". Tried: ", tried));
  const auto base = reinterpret_cast<const OrtApiBase*(ORT_API_CALL*)()>(dlsym(handle, "OrtGetApiBase"));
  if (base == nullptr) return Failed(found, "is not ONNX Runtime (it has no OrtGetApiBase)");
  auto library = std::make_unique<OrtLibrary>();
  library->path = found;
  library->version = base()->GetVersionString();
  library->api = base()->GetApi(ORT_API_VERSION);
  if (library->api == nullptr) {
    return Failed(found, Cat("is ONNX Runtime ", library->version, "; 1.", ORT_API_VERSION, " or newer is needed"));
  }
  VIGIL_RETURN_IF_ERROR(library->Take(library->api->CreateEnv(ORT_LOGGING_LEVEL_FATAL, "vigil", &library->env)));
  VIGIL_RETURN_IF_ERROR(library->Take(library->api->DisableTelemetryEvents(library->env)));
  char** names = nullptr;
  int count = 0;
  VIGIL_RETURN_IF_ERROR(library->Take(library->api->GetAvailableProviders(&names, &count)));
  library->providers.assign(names, names + count);
  VIGIL_RETURN_IF_ERROR(library->Take(library->api->ReleaseAvailableProviders(names, count)));
  return library.release();  // kept for the life of the process, as the library is
}

absl::StatusCode CodeOf(OrtErrorCode code) {
  switch (code) {
    case ORT_NO_SUCHFILE: return absl::StatusCode::kNotFound;
    case ORT_INVALID_ARGUMENT:
    case ORT_NO_MODEL:
    case ORT_INVALID_PROTOBUF:
    case ORT_INVALID_GRAPH: return absl::StatusCode::kInvalidArgument;
    case ORT_NOT_IMPLEMENTED: return absl::StatusCode::kUnimplemented;
    default: return absl::StatusCode::kInternal;
  }
}

}  // namespace

Status OrtLibrary::Take(OrtStatus* status) const {
  if (status == nullptr) return absl::OkStatus();
  Status taken(CodeOf(api->GetErrorCode(status)), api->GetErrorMessage(status));
  api->ReleaseStatus(status);
  return taken;
}

StatusOr<const OrtLibrary*> LoadOrt() {
  static const StatusOr<const OrtLibrary*> library = LoadOnce();
  return library;
}

}  // namespace vigil::onnx
