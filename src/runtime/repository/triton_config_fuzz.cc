// Any bytes as a config.pbtxt: refused with its place, or a configuration within its limits that can be held against a signature.
#include <cstdlib>
#include <string>

#include "runtime/repository/triton_config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vigil::repository;
  const auto config = ParseTritonConfig({reinterpret_cast<const char*>(data), size}, "config.pbtxt");
  if (!config.ok()) {
    if (config.status().message().find("config.pbtxt:") == absl::string_view::npos) std::abort();
    return 0;
  }
  vigil::Signature signature;
  signature.inputs = {{"input", vigil::DType::kFloat32, {-1, 15}}};
  signature.outputs = {{"prediction", vigil::DType::kFloat32, {-1}}};
  (void)ApplyTritonConfig(*config, "config.pbtxt", &signature);
  for (const int64_t version : ChooseVersions(config->policy, {1, 2, 3})) {
    if (version < 1 || version > 3) std::abort();
  }
  const auto again = ParseVersionPolicy(VersionPolicyText(config->policy));
  if (!again.ok() && !config->policy.versions.empty()) std::abort();
  return 0;
}
