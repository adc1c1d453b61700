#include "domain/profile_json.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "base/json.h"
#include "base/text.h"

namespace vigil {
namespace {

constexpr char kFormat[] = "vigil-reference-profile";
constexpr int64_t kFormatVersion = 1;
constexpr size_t kColumnsMax = 100'000;
constexpr int64_t kCountMax = int64_t{1} << 48;  // sums of many stay far from overflow

Json ColumnToJson(const ColumnProfile& column) {
  Json json = Json::object();
  json["name"] = column.name;
  json["kind"] = column.kind == ColumnKind::kNumeric ? "numeric" : "categorical";
  if (column.kind == ColumnKind::kNumeric) {
    json["edges"] = column.edges;
  } else {
    column.texts.empty() ? json["categories"] = column.categories : json["texts"] = column.texts;
  }
  json["counts"] = column.counts;
  json["missing"] = column.missing;
  json["minimum"] = column.minimum;
  json["maximum"] = column.maximum;
  json["mean"] = column.mean;
  json["standard_deviation"] = column.standard_deviation;
  json["variation"] = column.variation;
  json["missing_high"] = column.missing_high;
  return json;
}

// Reads members of one object, collecting the first error with its place.
class Reader {
 public:
  Reader(const Json& json, std::string place) : json_(json), place_(std::move(place)) {
    if (!json.is_object()) Fail("is not an object");
  }

  const Json* Member(const std::string& key, bool required) {
    known_.emplace_back(key);
    if (!json_.is_object()) return nullptr;
    const auto found = json_.find(key);
    if (found != json_.end() && !found->is_null()) return &*found;
    if (required) Fail(absl::StrCat("has no \"", key, "\""));
    return nullptr;
  }
  double Number(const std::string& key, bool required = true) {
    const Json* member = Member(key, required);
    if (member == nullptr) return 0;
    if (!member->is_number() || !std::isfinite(member->get<double>())) {
      Fail(absl::StrCat("\"", key, "\" is not a finite number"));
      return 0;
    }
    return member->get<double>();
  }
  // 0 where there is none.
  double Share(const std::string& key) {
    const double share = Number(key, false);
    if (share < 0 || share > 1) Fail(absl::StrCat("\"", key, "\" is not between 0 and 1"));
    return share;
  }
  int64_t Count(const std::string& key) {
    const Json* member = Member(key, true);
    return member == nullptr ? 0 : CountOf(*member, key);
  }
  std::string Text(const std::string& key, bool required = true) {
    const Json* member = Member(key, required);
    if (member == nullptr) return {};
    if (!member->is_string()) {
      Fail(absl::StrCat("\"", key, "\" is not a string"));
      return {};
    }
    return member->get<std::string>();
  }
  std::vector<int64_t> Counts(const std::string& key) {
    std::vector<int64_t> counts;
    for (const Json& value : Array(key)) counts.push_back(CountOf(value, key));
    return counts;
  }
  // Finite and strictly rising, at most kProfileEdgesMax.
  std::vector<double> Rising(const std::string& key) {
    std::vector<double> values;
    for (const Json& value : Array(key)) {
      const double x = value.is_number() ? value.get<double>() : NAN;
      if (!std::isfinite(x) || (!values.empty() && x <= values.back())) {
        Fail(absl::StrCat("\"", key, "\" is not a strictly rising list of finite numbers"));
        return {};
      }
      values.push_back(x);
    }
    if (values.size() > kProfileEdgesMax) Fail(absl::StrCat("\"", key, "\" has ", values.size(), " values, at most ", kProfileEdgesMax));
    return values;
  }
  // Distinct, at most kProfileEdgesMax.
  std::vector<std::string> Texts(const std::string& key) {
    std::vector<std::string> texts;
    for (const Json& value : Array(key)) {
      if (!value.is_string() || texts.size() >= kProfileEdgesMax ||
          std::find(texts.begin(), texts.end(), value.get<std::string>()) != texts.end()) {
        Fail(absl::StrCat("\"", key, "\" is not a list of at most ", kProfileEdgesMax, " distinct strings"));
        return {};
      }
      texts.push_back(value.get<std::string>());
    }
    return texts;
  }
  const Json& Array(const std::string& key) {
    static const Json& empty = *new Json(Json::array());
    const Json* member = Member(key, true);
    if (member == nullptr) return empty;
    if (member->is_array()) return *member;
    Fail(absl::StrCat("\"", key, "\" is not an array"));
    return empty;
  }
  void Fail(const std::string& message) {
    if (status_.ok()) status_ = absl::InvalidArgumentError(absl::StrCat(place_, ": ", message));
  }
  // Also refuses members that were never asked for.
  Status Finish() {
    if (status_.ok()) {
      for (const auto& [key, value] : json_.items()) {
        if (std::find(known_.begin(), known_.end(), key) == known_.end()) {
          Fail(absl::StrCat("unknown member \"", key, "\"", DidYouMean(key, known_)));
        }
      }
    }
    return status_;
  }

 private:
  int64_t CountOf(const Json& value, const std::string& key) {
    if (value.is_number_integer()) {
      const bool fits = !value.is_number_unsigned() || value.get<uint64_t>() <= static_cast<uint64_t>(kCountMax);
      if (fits && value.get<int64_t>() >= 0 && value.get<int64_t>() <= kCountMax) return value.get<int64_t>();
    }
    Fail(absl::StrCat("\"", key, "\" holds something other than a count"));
    return 0;
  }

  const Json& json_;
  const std::string place_;
  std::vector<std::string> known_;
  Status status_;
};

StatusOr<ColumnProfile> ColumnFromJson(const Json& json, const std::string& place) {
  Reader reader(json, place);
  ColumnProfile column;
  column.name = reader.Text("name");
  const std::string kind = reader.Text("kind");
  if (kind == "numeric") {
    column.edges = reader.Rising("edges");
  } else if (kind == "categorical") {
    column.kind = ColumnKind::kCategorical;
    const Json* texts = reader.Member("texts", false);
    if (texts == nullptr) {
      column.categories = reader.Rising("categories");
    } else {
      column.texts = reader.Texts("texts");
      column.categories.resize(column.texts.size());
      std::iota(column.categories.begin(), column.categories.end(), 0.0);
    }
  } else {
    reader.Fail(absl::StrCat("\"kind\" is \"", kind, "\", not \"numeric\" or \"categorical\""));
  }
  column.counts = reader.Counts("counts");
  const size_t bins = column.edges.size() + column.categories.size() + 1;
  if (column.counts.size() != bins)
    reader.Fail(absl::StrCat("\"counts\" has ", column.counts.size(), " entries where the bins are ", bins));
  column.missing = reader.Count("missing");
  column.minimum = reader.Number("minimum");
  column.maximum = reader.Number("maximum");
  if (column.minimum > column.maximum) reader.Fail("\"minimum\" is above \"maximum\"");
  column.mean = reader.Number("mean");
  column.standard_deviation = reader.Number("standard_deviation");
  column.variation = reader.Number("variation", false);
  column.missing_high = reader.Share("missing_high");
  if (column.standard_deviation < 0 || column.variation < 0) reader.Fail("\"standard_deviation\" or \"variation\" is negative");
  VIGIL_RETURN_IF_ERROR(reader.Finish());
  return column;
}

}  // namespace

std::string ProfileToJson(const ReferenceProfile& profile, int indent) {
  Json json = Json::object();
  json["format"] = kFormat;
  json["format_version"] = kFormatVersion;
  json["source"] = profile.source;
  json["rows"] = profile.rows;
  if (profile.positive_rate) json["positive_rate"] = *profile.positive_rate;
  if (profile.outlier_threshold) json["outlier_threshold"] = *profile.outlier_threshold;
  json["outlier_high"] = profile.outlier_high;
  if (profile.score) json["score"] = ColumnToJson(*profile.score);
  json["columns"] = Json::array();
  for (const ColumnProfile& column : profile.columns) json["columns"].push_back(ColumnToJson(column));
  return DumpJson(json, indent) + (indent < 0 ? "" : "\n");
}

StatusOr<ReferenceProfile> ProfileFromJson(std::string_view text, std::string_view what) {
  const std::string place(what);
  VIGIL_ASSIGN_OR_RETURN(const Json json, ParseJson(text, what));
  Reader reader(json, place);
  ReferenceProfile profile;
  const std::string format = reader.Text("format");
  if (format != kFormat) reader.Fail(absl::StrCat("\"format\" is \"", format, "\", not \"", kFormat, "\""));
  const int64_t version = reader.Count("format_version");
  if (version != kFormatVersion)
    reader.Fail(absl::StrCat("format version ", version, " is not one this program reads (", kFormatVersion, ")"));
  profile.source = reader.Text("source", false);
  profile.rows = reader.Count("rows");
  if (reader.Member("positive_rate", false) != nullptr) profile.positive_rate = reader.Number("positive_rate");
  if (reader.Member("outlier_threshold", false) != nullptr) profile.outlier_threshold = reader.Number("outlier_threshold");
  profile.outlier_high = reader.Share("outlier_high");
  const Json* score = reader.Member("score", false);
  const Json& columns = reader.Array("columns");
  if (columns.size() > kColumnsMax) reader.Fail(absl::StrCat(columns.size(), " columns, at most ", kColumnsMax));
  VIGIL_RETURN_IF_ERROR(reader.Finish());
  if (score != nullptr) {
    VIGIL_ASSIGN_OR_RETURN(profile.score, ColumnFromJson(*score, absl::StrCat(place, ": score")));
  }
  for (size_t i = 0; i < columns.size(); ++i) {
    VIGIL_ASSIGN_OR_RETURN(ColumnProfile column, ColumnFromJson(columns[i], absl::StrCat(place, ": columns[", i, "]")));
    profile.columns.push_back(std::move(column));
  }
  return profile;
}

}  // namespace vigil
