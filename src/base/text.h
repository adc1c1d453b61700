// Text in and out: numbers in their shortest exact form, RFC 3339 times, and the nearest known name for an error message.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"

namespace vigil {

// Appends the shortest decimal form that reads back to exactly `value`; `nan`, `inf` and `-inf` as words.
void AppendNumber(std::string* out, float value);
void AppendNumber(std::string* out, double value);
void AppendNumber(std::string* out, int64_t value);
std::string NumberText(double value);

// The same for JSON, where a number that is not finite has no form: appends null.
void AppendJsonNumber(std::string* out, float value);
void AppendJsonNumber(std::string* out, double value);

// Appends `text` as a JSON string with quotes. Bytes that are not UTF-8 become U+FFFD.
void AppendJsonString(std::string* out, std::string_view text);

// "2018-07-15T00:00:00Z", with six decimals of seconds only where they are not zero.
std::string FormatTime(TimeUs time);
// Accepts RFC 3339 with `Z` or an offset, `T` or a space, and up to nine decimals (microseconds are kept). Also "2018-07-15".
StatusOr<TimeUs> ParseTime(std::string_view text);

// "10ms", "30s", "5m", "1h30m", "7d" as microseconds; also "250us" and "0". At most a hundred years.
StatusOr<int64_t> ParseDuration(std::string_view text);
std::string FormatDuration(int64_t duration_us);

// The known name with the least edit distance to `name`, if it is near enough to be meant: at most a third of its length, and at least 1.
std::optional<std::string> NearestName(std::string_view name, const std::vector<std::string>& known);
// ` (did you mean "amount"?)`, or an empty string when nothing is near.
std::string DidYouMean(std::string_view name, const std::vector<std::string>& known);

}  // namespace vigil
