// Whether a server may listen where its configuration says.
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "app/server.h"

namespace vigil {
namespace {

constexpr const char* kPlatformsThatAuthenticate[] = {"AIP_HTTP_PORT", "SAGEMAKER_BIND_TO_PORT", "AZUREML_MODEL_DIR", "K_SERVICE"};

bool IsLoopback(const std::string& host) { return host == "localhost" || host == "::1" || absl::StartsWith(host, "127."); }

}  // namespace

Status CheckExposure(const ServerConfig& config, const std::map<std::string, std::string>& environment) {
  if (IsLoopback(config.net.host) || config.allow_unauthenticated) return absl::OkStatus();
  for (const char* variable : kPlatformsThatAuthenticate) {
    if (environment.count(variable) != 0) return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrCat("refusing to listen on ", config.net.host,
                                                    " without authentication: bind to 127.0.0.1, put a proxy that authenticates in front, "
                                                    "or insist with --allow-unauthenticated (VIGIL_ALLOW_UNAUTHENTICATED=1)"));
}

}  // namespace vigil
