#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "validation/validation.h"

namespace vigil {
namespace {

Json NumberOrNull(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

}  // namespace

std::string GateReport::Summary() const {
  std::string text = passed ? "passed" : "refused";
  const char* separator = " by ";
  for (const GateCheck& check : checks) {
    if (check.passed) continue;
    absl::StrAppend(&text, separator, check.name);
    separator = ", ";
  }
  absl::StrAppendFormat(&text, ": %s %.4g", metric, candidate);
  if (compared) absl::StrAppendFormat(&text, " against %.4g, better by %.4g [%.4g, %.4g]", champion, difference, low, high);
  absl::StrAppend(&text, " on ", rows, " rows");
  if (positives > 0) absl::StrAppend(&text, " with ", positives, " positives");
  return text;
}

Json GateReport::ToJson() const {
  Json json;
  json["passed"] = passed;
  json["metric"] = metric;
  json["compared"] = compared;
  json["champion"] = NumberOrNull(champion);
  json["candidate"] = NumberOrNull(candidate);
  json["difference"] = NumberOrNull(difference);
  json["interval"] = {NumberOrNull(low), NumberOrNull(high)};
  json["rows"] = rows;
  json["positives"] = positives;
  json["champion_epoch"] = champion_epoch;
  json["checks"] = Json::array();
  for (const GateCheck& check : checks)
    json["checks"].push_back({{"name", check.name}, {"passed", check.passed}, {"detail", check.detail}});
  return json;
}

}  // namespace vigil
