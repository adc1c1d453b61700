#include "base/text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <iterator>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"

namespace vigil {
namespace {

template <typename T>
void AppendShortest(std::string* out, T value) {
  if (std::isnan(value)) {
    out->append("nan");
  } else if (std::isinf(value)) {
    out->append(value > 0 ? "inf" : "-inf");
  } else {
    char buffer[40];
    const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value);
    out->append(buffer, end.ptr);
  }
}

// Length of the valid UTF-8 sequence at the front of `text`, 0 if there is none.
size_t Utf8Length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  const size_t length = lead < 0x80                   ? 1
                        : lead >= 0xC2 && lead < 0xE0 ? 2
                        : lead >= 0xE0 && lead < 0xF0 ? 3
                        : lead >= 0xF0 && lead < 0xF5 ? 4
                                                      : 0;
  if (length == 0 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  if (lead == 0xE0 && byte(1) < 0xA0) return 0;  // overlong
  if (lead == 0xED && byte(1) > 0x9F) return 0;  // surrogates
  if (lead == 0xF0 && byte(1) < 0x90) return 0;  // overlong
  if (lead == 0xF4 && byte(1) > 0x8F) return 0;  // beyond U+10FFFF
  return length;
}

size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);  // of i - 2, i - 1 and i
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    before.swap(above);
    above.swap(row);
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row[b.size()];
}

}  // namespace

void AppendNumber(std::string* out, float value) { AppendShortest(out, value); }
void AppendNumber(std::string* out, double value) { AppendShortest(out, value); }
void AppendNumber(std::string* out, int64_t value) {
  char buffer[24];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value);
  out->append(buffer, end.ptr);
}

std::string NumberText(double value) {
  std::string out;
  AppendNumber(&out, value);
  return out;
}

void AppendJsonNumber(std::string* out, float value) { std::isfinite(value) ? AppendShortest(out, value) : void(out->append("null")); }
void AppendJsonNumber(std::string* out, double value) { std::isfinite(value) ? AppendShortest(out, value) : void(out->append("null")); }

void AppendJsonString(std::string* out, std::string_view text) {
  out->push_back('"');
  for (size_t i = 0; i < text.size();) {
    const unsigned char c = static_cast<unsigned char>(text[i]);
    if (c == '"' || c == '\\') {
      out->push_back('\\');
      out->push_back(text[i++]);
    } else if (c < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof(escape), "\\u%04x", c);
      out->append(escape);
      ++i;
    } else if (const size_t length = Utf8Length(text.substr(i)); length > 0) {
      out->append(text, i, length);
      i += length;
    } else {
      out->append("\xEF\xBF\xBD");
      ++i;
    }
  }
  out->push_back('"');
}

std::string FormatTime(TimeUs time) {
  const absl::Time at = absl::FromUnixMicros(time);
  return absl::FormatTime(time % kSecondUs == 0 ? "%E4Y-%m-%dT%H:%M:%SZ" : "%E4Y-%m-%dT%H:%M:%E6SZ", at, absl::UTCTimeZone());
}

namespace {

// RFC 3339 begins with a year of four digits. What parses it also takes other years, blanks around it and "infinite-future", which no
// sum of times survives.
bool BeginsWithDate(std::string_view text) {
  constexpr std::string_view kForm = "0000-00-00";
  if (text.size() < kForm.size() || (text.size() > kForm.size() && text.back() <= ' ')) return false;
  for (size_t i = 0; i < kForm.size(); ++i) {
    if (kForm[i] == '-' ? text[i] != '-' : text[i] < '0' || text[i] > '9') return false;
  }
  return true;
}

}  // namespace

StatusOr<TimeUs> ParseTime(std::string_view text) {
  std::string normal(BeginsWithDate(text) ? text : "");
  if (normal.size() > 10 && normal[10] == ' ') normal[10] = 'T';
  absl::Time time;
  std::string ignored;
  if (normal.size() == 10 ? absl::ParseTime("%Y-%m-%d", normal, absl::UTCTimeZone(), &time, &ignored)
                          : absl::ParseTime(absl::RFC3339_full, normal, &time, &ignored)) {
    const absl::TimeZone utc = absl::UTCTimeZone();
    if (time >= absl::FromCivil(absl::CivilYear(0), utc) && time < absl::FromCivil(absl::CivilYear(10000), utc)) {
      return absl::ToUnixMicros(time);
    }
  }
  return absl::InvalidArgumentError(
      absl::StrCat("\"", std::string(text.substr(0, 64)), "\" is not an RFC 3339 time such as 2018-07-15T12:00:00Z"));
}

namespace {

struct DurationUnit {
  std::string_view name;
  int64_t us;
};
// "ms" and "us" stand before "m" so that the longest name is tried first.
constexpr DurationUnit kUnits[] = {{"ms", 1000},   {"us", 1},     {"s", kSecondUs}, {"m", kMinuteUs},
                                   {"h", kHourUs}, {"d", kDayUs}, {"w", 7 * kDayUs}};
constexpr int64_t kDurationUsMax = int64_t{36525} * kDayUs;

}  // namespace

StatusOr<int64_t> ParseDuration(std::string_view text) {
  const auto refuse = [&] {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", std::string(text.substr(0, 64)), "\" is not a duration such as 10ms, 30s, 5m, 1h30m or 7d"));
  };
  double total = 0;
  std::string_view rest = text;
  if (rest == "0") return 0;
  if (rest.empty()) return refuse();
  while (!rest.empty()) {
    double number = 0;
    const auto parsed = std::from_chars(rest.data(), rest.data() + rest.size(), number, std::chars_format::fixed);
    if (parsed.ec != std::errc() || !(number >= 0)) return refuse();
    rest.remove_prefix(static_cast<size_t>(parsed.ptr - rest.data()));
    const auto unit =
        std::find_if(std::begin(kUnits), std::end(kUnits), [&](const DurationUnit& u) { return rest.substr(0, u.name.size()) == u.name; });
    if (unit == std::end(kUnits)) return refuse();
    rest.remove_prefix(unit->name.size());
    total += number * static_cast<double>(unit->us);
    if (total > static_cast<double>(kDurationUsMax)) return refuse();
  }
  return std::llround(total);
}

std::string FormatDuration(int64_t duration_us) {
  if (duration_us == 0) return "0s";
  std::string out;
  for (const DurationUnit& unit : {kUnits[5], kUnits[4], kUnits[3], kUnits[2], kUnits[0], kUnits[1]}) {
    if (const int64_t n = duration_us / unit.us; n > 0) {
      absl::StrAppend(&out, n, std::string(unit.name));
      duration_us %= unit.us;
    }
  }
  return out;
}

std::optional<std::string> NearestName(std::string_view name, const std::vector<std::string>& known) {
  constexpr size_t kNameBytesMax = 256;  // bounds the quadratic distance on hostile names
  if (name.size() > kNameBytesMax) return std::nullopt;
  const std::string* best = nullptr;
  size_t best_distance = std::max<size_t>(1, name.size() / 3) + 1;
  for (const std::string& candidate : known) {
    if (candidate.size() > kNameBytesMax) continue;
    const size_t distance = EditDistance(name, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = &candidate;
    }
  }
  return best == nullptr ? std::nullopt : std::optional<std::string>(*best);
}

std::string DidYouMean(std::string_view name, const std::vector<std::string>& known) {
  const std::optional<std::string> nearest = NearestName(name, known);
  return nearest ? absl::StrCat(" (did you mean \"", *nearest, "\"?)") : "";
}

}  // namespace vigil
