#include "frontends/rows/label_rows.h"

#include <cmath>
#include <deque>

#include "base/text.h"
#include "frontends/rows/csv.h"
#include "frontends/rows/json_simd.h"

namespace vigil {

using namespace rows;  // NOLINT: the parsers' own vocabulary

namespace {

Status BadLabel(std::string_view message, std::string_view path) { return Failure(ErrorCode::kSchemaViolation, message, path); }

// What every form ends with.
Status Check(const Label& label, bool has_value, std::string_view path) {
  if (label.prediction_id.empty() && label.id.empty()) return BadLabel("needs a \"prediction_id\" or an \"id\"", path);
  if (!has_value || !std::isfinite(label.value)) return BadLabel("needs a \"label\": a finite number", path);
  return absl::OkStatus();
}

Status SetTime(std::string_view text, std::string_view path, Label* label) {
  if (text.empty()) return absl::OkStatus();
  const StatusOr<TimeUs> time = ParseTime(text);
  if (!time.ok()) return BadLabel(MessageOf(time.status()), Concat(path, ".observed_at"));
  label->observed_at = *time;
  return absl::OkStatus();
}

Status ReadLabel(ondemand::object object, std::string_view path, Label* label) {
  bool has_value = false;
  for (auto item : object) {
    ondemand::field field;
    VIGIL_JSON_OR_RETURN(field, item);
    std::string_view key, text;
    VIGIL_JSON_OR_RETURN(key, field.unescaped_key());
    if (key == "prediction_id" || key == "id") {
      VIGIL_RETURN_IF_ERROR(ReadText(field.value(), Concat(path, ".", key), &text));
      (key == "id" ? label->id : label->prediction_id) = text;
    } else if (key == "observed_at") {
      VIGIL_RETURN_IF_ERROR(ReadText(field.value(), Concat(path, ".", key), &text));
      VIGIL_RETURN_IF_ERROR(SetTime(text, path, label));
    } else if (key == "label") {
      ondemand::json_type type;
      VIGIL_JSON_OR_RETURN(type, field.value().type());
      bool flag = false;
      if (type == ondemand::json_type::number) {
        has_value = ParseJsonNumber(Token(field.value()), &label->value);
      } else if (type == ondemand::json_type::boolean && field.value().get_bool().get(flag) == simdjson::SUCCESS) {
        has_value = true;
        label->value = flag ? 1 : 0;
      }
    } else {
      return BadLabel(Concat("unknown member \"", key, "\"", DidYouMean(key, {"prediction_id", "id", "label", "observed_at"})), path);
    }
  }
  return Check(*label, has_value, path);
}

Status TooMany() { return Failure(ErrorCode::kTooLarge, Concat("more than ", kLabelsMax, " labels in one request")); }

}  // namespace

StatusOr<std::vector<Label>> ParseJsonLabels(std::string_view body) {
  SimdDocument parser;
  ondemand::document document;
  VIGIL_RETURN_IF_ERROR(parser.Open(body, &document));
  ondemand::object root;
  if (document.get_object().get(root) != simdjson::SUCCESS)
    return Failure(ErrorCode::kMalformed, "the body must be an object with \"labels\"");
  std::vector<Label> labels;
  bool found = false;
  for (auto item : root) {
    ondemand::field field;
    VIGIL_JSON_OR_RETURN(field, item);
    const std::string_view key = field.escaped_key();
    if (key != "labels" || found) return Failure(ErrorCode::kInvalid, "is not known here: only \"labels\" is", key);
    found = true;
    ondemand::array list;
    if (field.value().get_array().get(list) != simdjson::SUCCESS) return Failure(ErrorCode::kInvalid, "must be a list", "labels");
    for (auto element : list) {
      if (labels.size() >= kLabelsMax) return TooMany();
      const std::string path = Concat("labels[", labels.size(), "]");
      ondemand::object object;
      if (element.get_object().get(object) != simdjson::SUCCESS) return BadLabel("must be an object", path);
      VIGIL_RETURN_IF_ERROR(ReadLabel(object, path, &labels.emplace_back()));
    }
  }
  if (!found) return Failure(ErrorCode::kInvalid, "the body needs \"labels\"", "labels");
  if (!document.at_end()) return Failure(ErrorCode::kMalformed, "not valid JSON: something follows the object");
  return labels;
}

StatusOr<std::vector<Label>> ParseNdjsonLabels(std::string_view body) {
  SimdDocument parser;
  std::vector<Label> labels;
  for (int64_t number = 1; !body.empty(); ++number) {
    const std::string_view line = StripBlanks(TakeUntil(body, '\n'));
    if (line.empty()) continue;
    if (labels.size() >= kLabelsMax) return TooMany();
    const std::string path = Concat("line ", number);
    ondemand::document document;
    ondemand::object object;
    VIGIL_RETURN_IF_ERROR(parser.Open(line, &document));
    if (document.get_object().get(object) != simdjson::SUCCESS) return Failure(ErrorCode::kMalformed, "must be a JSON object", path);
    VIGIL_RETURN_IF_ERROR(ReadLabel(object, path, &labels.emplace_back()));
    if (!document.at_end()) return Failure(ErrorCode::kMalformed, "not valid JSON: something follows the object", path);
  }
  return labels;
}

StatusOr<std::vector<Label>> ParseCsvLabels(std::string_view body) {
  std::deque<std::string> arena;
  CsvReader reader(body, &arena);
  std::vector<std::string_view> cells;
  VIGIL_ASSIGN_OR_RETURN(const bool any, reader.Next(&cells));
  if (!any) return Failure(ErrorCode::kMalformed, "the body is empty: a header line is expected");
  constexpr std::string_view kNames[] = {"prediction_id", "id", "label", "observed_at"};
  int at[4] = {-1, -1, -1, -1};
  for (size_t i = 0; i < cells.size(); ++i) {
    const std::string_view name = StripBlanks(cells[i]);
    size_t known = 0;
    while (known < 4 && kNames[known] != name) ++known;
    if (known == 4) {
      return BadLabel(Concat("unknown column \"", name, "\"", DidYouMean(name, {"prediction_id", "id", "label", "observed_at"})), "line 1");
    }
    at[known] = static_cast<int>(i);
  }
  const size_t width = cells.size();
  const auto cell = [&](int name) { return at[name] < 0 ? std::string_view{} : cells[static_cast<size_t>(at[name])]; };
  std::vector<Label> labels;
  for (;;) {
    VIGIL_ASSIGN_OR_RETURN(const bool more, reader.Next(&cells));
    if (!more) return labels;
    const std::string path = Concat("line ", reader.line());
    if (cells.size() != width) return Failure(ErrorCode::kMalformed, Concat("has ", cells.size(), " cells, the header has ", width), path);
    if (labels.size() >= kLabelsMax) return TooMany();
    Label& label = labels.emplace_back();
    label.prediction_id = cell(0);
    label.id = cell(1);
    const bool has_value = ParseCell(cell(2), &label.value);
    VIGIL_RETURN_IF_ERROR(SetTime(cell(3), path, &label));
    VIGIL_RETURN_IF_ERROR(Check(label, has_value, path));
  }
}

}  // namespace vigil
