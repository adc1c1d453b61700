// Any bytes as the record of former measurements, as they come and with the checksum that they ought to have: rejected with a reason, or
// kept; what is saved from them counts again and finds the same.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/str_format.h"
#include "base/hash.h"
#include "runtime/trees/engine_records.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using vigil::trees::EngineRecords;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const std::string right = text + absl::StrFormat("checksum %016x\n", vigil::StableHash(text));
  for (const std::string& tried : {text, right}) {
    std::string saved;
    EngineRecords records(tried, "1 AVX2 fuzz", [&](const EngineRecords& whole) {
      saved = whole.Text();
      return absl::OkStatus();
    });
    if (!records.rejected().empty() && records.Find("ab").has_value()) std::abort();
    if (!records.Keep("0a", {"byte-rank", "fast"}).ok() || !records.Find("0a").has_value()) std::abort();
    EngineRecords again(saved, "1 AVX2 fuzz", [](const EngineRecords&) { return absl::OkStatus(); });
    if (!again.rejected().empty() || again.Find("0a")->measured != "fast") std::abort();
    if (records.Find("ab").has_value() != again.Find("ab").has_value()) std::abort();
    if (records.Find("ab").has_value() && records.Find("ab")->engine != again.Find("ab")->engine) std::abort();
    if (static_cast<int64_t>(saved.size()) > vigil::trees::kEngineRecordsBytesMax) std::abort();
  }
  return 0;
}
