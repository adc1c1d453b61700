// Any bytes as a time, a span of time, an id and a text: refused with the text in the message, or read as what is written back the same.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/ids.h"
#include "base/json.h"
#include "base/text.h"

using namespace vigil;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto time = ParseTime(text); time.ok()) {
    const std::string written = FormatTime(*time);
    if (written.size() > 27 || *ParseTime(written) != *time) std::abort();
  } else if (time.status().message().find("RFC 3339") == std::string::npos) {
    std::abort();
  }
  if (const auto span = ParseDuration(text); span.ok()) {
    if (*span < 0 || *span > int64_t{36525} * kDayUs || *ParseDuration(FormatDuration(*span)) != *span) std::abort();
  } else if (span.status().message().find("duration") == std::string::npos) {
    std::abort();
  }
  if (const auto id = PredictionId::Parse(text); id && *PredictionId::Parse(id->Text()) != *id) std::abort();
  std::string json;
  AppendJsonString(&json, text);
  const auto back = ParseJson(json, "text");
  if (!back.ok() || !back->is_string()) std::abort();
  if (DumpJson(Json(std::string(text))) != DumpJson(*back) && back->get<std::string>().find("\xEF\xBF\xBD") == std::string::npos)
    std::abort();
  const std::string near = DidYouMean(text, {"amount", "http_port", "drift"});
  if (size > 256 && !near.empty()) std::abort();
  return 0;
}
