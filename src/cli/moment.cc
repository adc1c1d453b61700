#include "cli/moment.h"

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "base/text.h"

namespace vigil::cli {

StatusOr<TimeUs> ParseMoment(const std::string& text, TimeUs now) {
  int hour = 0, minute = 0, second = 0, end = 0;
  const bool whole = std::sscanf(text.c_str(), "%2d:%2d:%2d%n", &hour, &minute, &second, &end) == 3 && end == static_cast<int>(text.size());
  const bool short_form =
      !whole && std::sscanf(text.c_str(), "%2d:%2d%n", &hour, &minute, &end) == 2 && end == static_cast<int>(text.size());
  if (!whole && !short_form) {
    StatusOr<TimeUs> time = ParseTime(text);
    if (time.ok()) return time;
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\" is no time: 2026-01-31T14:03:00Z, or 14:03 for when it was that last (UTC)"));
  }
  if (short_form) second = 0;
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) {
    return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" is no time of a day"));
  }
  constexpr TimeUs kDay = 24 * 3600 * kSecondUs;
  const TimeUs of_day = ((hour * 60 + minute) * 60 + second) * kSecondUs;
  const TimeUs today = now - now % kDay + of_day;
  return today <= now ? today : today - kDay;
}

}  // namespace vigil::cli
