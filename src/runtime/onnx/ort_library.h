// ONNX Runtime's C API, loaded when first needed, and its handles as values that clean up after themselves.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/status.h"

// The header is of API 21; any library from 1.21 on serves it.
#define ORT_API_MANUAL_INIT
#include <onnxruntime_c_api.h>

namespace vigil::onnx {

struct OrtLibrary {
  const OrtApi* api = nullptr;
  OrtEnv* env = nullptr;               // one a process, silent: errors come as statuses
  std::string path;                    // where it was found
  std::string version;                 // "1.32.0"
  std::vector<std::string> providers;  // execution providers built in, in ONNX Runtime's order of preference

  // OK, or the status's code and text; takes ownership.
  Status Take(OrtStatus* status) const;
};

// VIGIL_ONNXRUNTIME_LIB names it; without that it is looked for beside the program in ../lib, then where the system looks. Loaded once and
// kept. Any thread. UNAVAILABLE says what was tried and the command that installs it.
StatusOr<const OrtLibrary*> LoadOrt();

template <typename T, void (*OrtApi::*Release)(T*)>
struct OrtReleaser {
  const OrtApi* api = nullptr;
  void operator()(T* handle) const { (api->*Release)(handle); }
};

// clang-format off
using OrtValuePtr = std::unique_ptr<OrtValue, OrtReleaser<OrtValue, &OrtApi::ReleaseValue>>;
using OrtSessionPtr = std::unique_ptr<OrtSession, OrtReleaser<OrtSession, &OrtApi::ReleaseSession>>;
using OrtSessionOptionsPtr = std::unique_ptr<OrtSessionOptions, OrtReleaser<OrtSessionOptions, &OrtApi::ReleaseSessionOptions>>;
using OrtTypeInfoPtr = std::unique_ptr<OrtTypeInfo, OrtReleaser<OrtTypeInfo, &OrtApi::ReleaseTypeInfo>>;
using OrtShapeInfoPtr = std::unique_ptr<OrtTensorTypeAndShapeInfo, OrtReleaser<OrtTensorTypeAndShapeInfo, &OrtApi::ReleaseTensorTypeAndShapeInfo>>;
using OrtMemoryInfoPtr = std::unique_ptr<OrtMemoryInfo, OrtReleaser<OrtMemoryInfo, &OrtApi::ReleaseMemoryInfo>>;
// clang-format on

}  // namespace vigil::onnx
