// Any bytes as the result.json that a trainer left: DATA_LOSS, or an artefact inside the job's directory with the digest it has.
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/hash.h"
#include "retraining/retraining.h"

using namespace vigil;

namespace {

std::string MakeJobDirectory() {
  const auto directory = std::filesystem::temp_directory_path() / ("vigil_result_fuzz." + std::to_string(getpid()));
  std::filesystem::create_directories(directory);
  std::ofstream(directory / "model.json") << "{}";
  return directory.string();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::string directory = MakeJobDirectory();
  std::ofstream(directory + "/result.json", std::ios::binary)
      .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  const auto result = ReadTrainerResult(directory, "job-1", 2);
  if (!result.ok()) {
    if (!absl::IsDataLoss(result.status()) || result.status().message().find("result.json") == std::string::npos) std::abort();
    return 0;
  }
  if (result->artefact.find("vigil_result_fuzz") == std::string::npos || result->artefact.find("..") != std::string::npos) std::abort();
  if (result->artefact.ends_with("/model.json") && result->digest != Sha256Hex("{}")) std::abort();
  if (!result->metrics.is_null() && !result->metrics.is_object()) std::abort();
  return 0;
}
