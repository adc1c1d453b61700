#include "blobs/oauth.h"

#include <algorithm>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "blobs/uri.h"

namespace vigil::blobs {
namespace {

constexpr double kSecondsMax = 1e11;  // beyond the year 5000

// A number, or a number as text.
std::optional<double> Seconds(const Json& json, const char* name) {
  if (!json.contains(name)) return std::nullopt;
  const Json& value = json.at(name);
  double seconds = 0;
  if (value.is_number()) {
    seconds = value.get<double>();
  } else if (!value.is_string() || !absl::SimpleAtod(value.get<std::string>(), &seconds)) {
    return std::nullopt;
  }
  if (!(seconds >= 0 && seconds <= kSecondsMax)) return std::nullopt;
  return seconds;
}

}  // namespace

std::string TextMember(const Json& json, const char* name) {
  return json.is_object() && json.contains(name) && json.at(name).is_string() ? json.at(name).get<std::string>() : std::string();
}

StatusOr<Found<std::string>> ReadToken(std::string_view text, const std::string& what, TimeUs now) {
  VIGIL_ASSIGN_OR_RETURN(const Json json, ParseJson(text, what));
  Found<std::string> found{TextMember(json, "access_token"), what};
  if (found.value.empty()) return absl::UnauthenticatedError(absl::StrCat(what, ": the answer holds no token"));
  for (const char* name : {"expires_in", "expires_on"}) {
    if (!json.contains(name)) continue;
    const std::optional<double> seconds = Seconds(json, name);
    if (!seconds) return absl::InvalidArgumentError(absl::StrCat(what, ": ", name, " is no number of seconds"));
    found.expires = std::max<TimeUs>(1, static_cast<TimeUs>(*seconds * kSecondUs) + (std::string_view(name) == "expires_in" ? now : 0));
    break;
  }
  return found;
}

Status CheckSecretUrl(const std::string& url, const std::string& name) {
  if (url.starts_with("https://") || (url.starts_with("http://") && IsLoopbackHost(HostOf(url)))) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(name, ", ", Shown(url), ", is not https://"));
}

}  // namespace vigil::blobs
