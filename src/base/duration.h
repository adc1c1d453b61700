// Spans of time as people write them in configuration: "90s", "15m", "12h", "7d", "2w", or "0".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace vigil {

// Microseconds; nothing when `text` is not digits (at most nine) and one of the units us, ms, s, m, h, d, w ("0" needs none).
inline std::optional<int64_t> ParseDuration(std::string_view text) {
  size_t digits = 0;
  int64_t number = 0;
  while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') {
    if (digits == 9) return std::nullopt;
    number = number * 10 + (text[digits++] - '0');
  }
  if (digits == 0) return std::nullopt;
  const std::string_view unit = text.substr(digits);
  if (unit == "us") return number;
  if (unit == "ms") return number * 1000;
  if (unit == "s") return number * kSecondUs;
  if (unit == "m") return number * kMinuteUs;
  if (unit == "h") return number * kHourUs;
  if (unit == "d") return number * kDayUs;
  if (unit == "w") return number * 7 * kDayUs;
  return unit.empty() && number == 0 ? std::optional<int64_t>(0) : std::nullopt;
}

// The shortest exact form, in the largest unit that divides it: ParseDuration(DurationText(x)) == x for x >= 0 below 10^9 units.
inline std::string DurationText(int64_t us) {
  struct Unit {
    int64_t us;
    const char* name;
  };
  for (const Unit& unit : {Unit{kDayUs, "d"}, Unit{kHourUs, "h"}, Unit{kMinuteUs, "m"}, Unit{kSecondUs, "s"}, Unit{1000, "ms"}}) {
    if (us != 0 && us % unit.us == 0) return std::to_string(us / unit.us) + unit.name;
  }
  return us == 0 ? "0" : std::to_string(us) + "us";
}

}  // namespace vigil
