// What the parsers on simdjson share. Included by their sources only: simdjson's header is large.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "frontends/errors.h"
#include "frontends/rows/columns.h"
#include "frontends/rows/json_rows.h"
#include "frontends/rows/number.h"
#include "frontends/words.h"
#include "simdjson.h"

namespace vigil::rows {

namespace ondemand = simdjson::ondemand;

inline Status Malformed(simdjson::error_code error, std::string_view path = "") {
  return Failure(ErrorCode::kMalformed, Concat("not valid JSON: ", simdjson::error_message(error)), path);
}

// Returns a malformed-body failure from the enclosing function when a simdjson result is an error; else assigns its value.
#define VIGIL_JSON_OR_RETURN(lhs, result)                                                            \
  do {                                                                                               \
    auto&& result_ = (result);                                                                       \
    if (const ::simdjson::error_code error_ = std::move(result_).get(lhs)) return Malformed(error_); \
  } while (false)

// The parser with its padded copy of the body.
class SimdDocument {
 public:
  Status Open(std::string_view body, ondemand::document* document) {
    if (StripBlanks(body).empty()) return Failure(ErrorCode::kMalformed, "the body is empty");
    Trim();
    padded_.resize(body.size() + simdjson::SIMDJSON_PADDING);
    body.copy(padded_.data(), body.size());
    std::fill(padded_.begin() + static_cast<std::ptrdiff_t>(body.size()), padded_.end(), ' ');
    const simdjson::padded_string_view view(padded_.data(), body.size(), padded_.size());
    if (const auto error = parser_.iterate(view).get(*document)) return Malformed(error);
    return absl::OkStatus();
  }

 private:
  // Gives back what one large body made it take.
  void Trim() {
    if (padded_.capacity() <= kJsonKeepBytesMax) return;
    padded_ = std::vector<char>();
    parser_ = ondemand::parser();
  }
  ondemand::parser parser_;
  std::vector<char> padded_;
};

inline std::string_view Token(ondemand::value& value) { return StripBlanks(value.raw_json_token()); }

// Reads any JSON value as the selected row's in `column`: null is missing, true and false are 1 and 0, a string is a text, and what the
// column does not take a type error. `arena` (may be null) keeps copies of texts that would not outlive the document.
inline Status ReadCell(ondemand::value value, int column, RowFiller& filler, std::deque<std::string>* arena = nullptr) {
  ondemand::json_type type;
  VIGIL_JSON_OR_RETURN(type, value.type());
  switch (type) {
    case ondemand::json_type::number: {
      double number = 0;
      const std::string_view token = Token(value);
      if (!ParseJsonNumber(token, &number))
        return Failure(ErrorCode::kMalformed, Concat("not valid JSON: \"", token.substr(0, 40), "\" is no number"));
      filler.SetValue(column, number, token);
      return absl::OkStatus();
    }
    case ondemand::json_type::null: {
      bool null = false;
      VIGIL_JSON_OR_RETURN(null, value.is_null());
      return absl::OkStatus();  // a row begins with every value missing
    }
    case ondemand::json_type::boolean: {
      bool flag = false;
      VIGIL_JSON_OR_RETURN(flag, value.get_bool());
      filler.SetValue(column, flag ? 1.0 : 0.0, flag ? "true" : "false");
      return absl::OkStatus();
    }
    case ondemand::json_type::string: {
      std::string_view text;
      VIGIL_JSON_OR_RETURN(text, value.get_string());
      if (arena != nullptr) text = arena->emplace_back(text);
      filler.SetText(column, text);
      return absl::OkStatus();
    }
    default: {
      std::string_view raw;
      VIGIL_JSON_OR_RETURN(raw, value.raw_json());
      filler.SetTypeError(column, raw);
      return absl::OkStatus();
    }
  }
}

// Reads a list as the selected row's values in `width` columns from `first` on: the elements of one tensor's row, nested lists in row
// order. Counts them in `*taken`. `depth` bounds the nesting.
inline Status ReadCells(ondemand::array list, int first, size_t width, size_t* taken, RowFiller& filler, std::deque<std::string>* arena,
                        int depth = 0) {
  constexpr int kDepthMax = 8;
  for (auto item : list) {
    ondemand::value value;
    VIGIL_JSON_OR_RETURN(value, item);
    ondemand::json_type type;
    VIGIL_JSON_OR_RETURN(type, value.type());
    if (type == ondemand::json_type::array) {
      if (depth >= kDepthMax) return Failure(ErrorCode::kInvalid, "is nested too deeply");
      ondemand::array inner;
      VIGIL_JSON_OR_RETURN(inner, value.get_array());
      VIGIL_RETURN_IF_ERROR(ReadCells(inner, first, width, taken, filler, arena, depth + 1));
      continue;
    }
    if (*taken >= width) return Failure(ErrorCode::kInvalid, Concat("holds more than ", width, " values a row"));
    VIGIL_RETURN_IF_ERROR(ReadCell(value, first + static_cast<int>((*taken)++), filler, arena));
  }
  return absl::OkStatus();
}

// A string, or a number as it is written, or nothing for null.
inline Status ReadText(ondemand::value value, std::string_view path, std::string_view* out) {
  ondemand::json_type type;
  VIGIL_JSON_OR_RETURN(type, value.type());
  if (type == ondemand::json_type::string) {
    VIGIL_JSON_OR_RETURN(*out, value.get_string());
  } else if (type == ondemand::json_type::number) {
    *out = Token(value);
  } else if (type == ondemand::json_type::null) {
    *out = {};
  } else {
    return Failure(ErrorCode::kInvalid, "must be a string", path);
  }
  return absl::OkStatus();
}

enum class RowText : uint8_t { kIds, kEntities, kTimes };

// A list beside the rows ("ids", "entities", "times"): one text a row. Called after the rows.
inline Status ReadRowTexts(ondemand::value value, RowText what, std::string_view path, RowFiller& filler) {
  ondemand::array list;
  if (value.get_array().get(list) != simdjson::SUCCESS) return Failure(ErrorCode::kInvalid, "must be a list with one item a row", path);
  const size_t rows = filler.batch().rows;
  size_t row = 0;
  for (auto item : list) {
    ondemand::value element;
    VIGIL_JSON_OR_RETURN(element, item);
    if (row >= rows) return Failure(ErrorCode::kInvalid, Concat("has more items than the ", rows, " rows"), path);
    const std::string place = Concat(path, "[", row, "]");
    std::string_view text;
    VIGIL_RETURN_IF_ERROR(ReadText(element, place, &text));
    filler.Select(row++);
    if (what == RowText::kIds) {
      filler.SetId(text);
    } else if (what == RowText::kEntities) {
      filler.SetEntity(text);
    } else if (const Status status = filler.SetTime(text); !status.ok()) {
      return Failure(CodeOf(status), MessageOf(status), place);
    }
  }
  if (row != rows) return Failure(ErrorCode::kInvalid, Concat("has ", row, " items for ", rows, " rows"), path);
  return absl::OkStatus();
}

}  // namespace vigil::rows
