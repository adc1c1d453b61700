#include <cstdint>
#include <string>

#include "absl/strings/str_format.h"
#include "base/hash.h"
#include "runtime/trees/engine_records.h"

// The text as it comes, and with the checksum that it ought to have.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using vigil::trees::EngineRecords;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const std::string right = text + absl::StrFormat("checksum %016x\n", vigil::StableHash(text));
  for (const std::string& tried : {text, right}) {
    EngineRecords records(tried, "1 AVX2 fuzz", [](const std::string&) { return absl::OkStatus(); });
    if (!records.Keep("0a", {"byte-rank", "fast"}).ok() || !records.Find("0a").has_value()) __builtin_trap();
  }
  return 0;
}
