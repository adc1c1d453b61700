#include <array>
#include <bitset>
#include <cctype>
#include <charconv>
#include <optional>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "retraining/retraining.h"

namespace vigil {
namespace {

struct Field {
  const char* name;
  int low, high;
  std::array<std::string_view, 12> words;  // names of low, low + 1, ...
};

constexpr Field kFields[5] = {{"minute", 0, 59, {}},
                              {"hour", 0, 23, {}},
                              {"day of month", 1, 31, {}},
                              {"month", 1, 12, {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
                              {"day of week", 0, 7, {"sun", "mon", "tue", "wed", "thu", "fri", "sat"}}};

struct Schedule {
  std::array<std::bitset<64>, 5> allowed;
  bool day_restricted = false, weekday_restricted = false;
};

struct Date {
  int64_t year;
  int month, day;
};

// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": days since 1970-01-01 to a civil date.
Date CivilFromDays(int64_t days) {
  days += 719468;
  const int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const int64_t doe = days - era * 146097;
  const int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  const int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const int64_t mp = (5 * doy + 2) / 153;
  const int month = static_cast<int>(mp < 10 ? mp + 3 : mp - 9);
  return {yoe + era * 400 + (month <= 2 ? 1 : 0), month, static_cast<int>(doy - (153 * mp + 2) / 5 + 1)};
}

std::optional<int> ParseValue(std::string_view text, const Field& field) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size()) {
    return value >= field.low && value <= field.high ? std::optional<int>(value) : std::nullopt;
  }
  if (text.size() != 3) return std::nullopt;
  std::string lower;
  for (char c : text) lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (size_t i = 0; i < field.words.size(); ++i) {
    if (!field.words[i].empty() && field.words[i] == lower) return field.low + static_cast<int>(i);
  }
  return std::nullopt;
}

// One item of a list: *, a, a-b, each with an optional /n.
bool ParseItem(std::string_view item, const Field& field, std::bitset<64>* allowed) {
  int step = 1;
  bool stepped = false;
  if (const size_t slash = item.find('/'); slash != std::string_view::npos) {
    const std::string_view text = item.substr(slash + 1);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), step);
    if (error != std::errc() || end != text.data() + text.size() || step < 1 || step > 59) return false;
    item = item.substr(0, slash);
    stepped = true;
  }
  int low = field.low, high = field.high;
  if (item != "*") {
    const size_t dash = item.find('-');
    const std::optional<int> first = ParseValue(item.substr(0, dash), field);
    if (!first.has_value()) return false;
    low = *first;
    if (dash != std::string_view::npos) {
      const std::optional<int> last = ParseValue(item.substr(dash + 1), field);
      if (!last.has_value() || *last < low) return false;
      high = *last;
    } else if (!stepped) {
      high = low;
    }
  }
  for (int value = low; value <= high; value += step) allowed->set(static_cast<size_t>(value));
  return true;
}

std::string_view Macro(std::string_view text) {
  if (text == "@hourly") return "0 * * * *";
  if (text == "@daily" || text == "@midnight") return "0 0 * * *";
  if (text == "@weekly") return "0 0 * * 0";
  if (text == "@monthly") return "0 0 1 * *";
  if (text == "@yearly" || text == "@annually") return "0 0 1 1 *";
  return text;
}

// As much of a text as a message shows.
std::string Shown(const std::string& text) { return text.substr(0, 80); }

StatusOr<Schedule> ParseSchedule(const std::string& expression) {
  std::vector<std::string> words;
  for (char c : std::string(Macro(expression))) {
    if (c == ' ' || c == '\t') {
      if (!words.empty() && !words.back().empty()) words.emplace_back();
    } else {
      if (words.empty()) words.emplace_back();
      words.back() += c;
    }
  }
  if (!words.empty() && words.back().empty()) words.pop_back();
  if (words.size() != 5) {
    return absl::InvalidArgumentError(absl::StrCat("cron \"", Shown(expression), "\": ", words.size(),
                                                   " fields instead of 5 (minute hour day-of-month month day-of-week)"));
  }
  Schedule schedule;
  for (size_t i = 0; i < 5; ++i) {
    const Field& field = kFields[i];
    std::string_view rest = words[i];
    while (true) {
      const size_t comma = rest.find(',');
      if (!ParseItem(rest.substr(0, comma), field, &schedule.allowed[i])) {
        return absl::InvalidArgumentError(absl::StrCat("cron \"", Shown(expression), "\": ", field.name, " \"", Shown(words[i]),
                                                       "\": expected *, numbers from ", field.low, " to ", field.high,
                                                       ", ranges, steps or lists of them"));
      }
      if (comma == std::string_view::npos) break;
      rest = rest.substr(comma + 1);
    }
  }
  if (schedule.allowed[4].test(7)) schedule.allowed[4].set(0);
  schedule.day_restricted = words[2][0] != '*';
  schedule.weekday_restricted = words[4][0] != '*';
  return schedule;
}

bool DayMatches(const Schedule& schedule, int64_t days) {
  const Date date = CivilFromDays(days);
  if (!schedule.allowed[3].test(static_cast<size_t>(date.month))) return false;
  const int64_t weekday = ((days + 4) % 7 + 7) % 7;  // 1970-01-01 was a Thursday
  const bool by_day = schedule.allowed[2].test(static_cast<size_t>(date.day));
  const bool by_weekday = schedule.allowed[4].test(static_cast<size_t>(weekday));
  if (schedule.day_restricted && schedule.weekday_restricted) return by_day || by_weekday;
  return by_day && by_weekday;
}

int64_t FloorDiv(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

}  // namespace

StatusOr<TimeUs> NextCronTime(const std::string& expression, TimeUs after) {
  VIGIL_ASSIGN_OR_RETURN(const Schedule schedule, ParseSchedule(expression));
  const int64_t first_minute = FloorDiv(after, kMinuteUs) + 1;
  const int64_t first_day = FloorDiv(first_minute, 1440);
  constexpr int64_t kDaysMax = 8 * 366 + 1;  // 29 February is at most eight years away
  for (int64_t day = first_day; day < first_day + kDaysMax; ++day) {
    if (!DayMatches(schedule, day)) continue;
    for (int64_t minute = day == first_day ? first_minute - day * 1440 : 0; minute < 1440; ++minute) {
      if (schedule.allowed[1].test(static_cast<size_t>(minute / 60)) && schedule.allowed[0].test(static_cast<size_t>(minute % 60))) {
        return (day * 1440 + minute) * kMinuteUs;
      }
    }
  }
  return absl::InvalidArgumentError(absl::StrCat("cron \"", expression, "\": day of month and month never meet"));
}

}  // namespace vigil
