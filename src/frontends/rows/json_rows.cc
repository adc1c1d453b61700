#include "frontends/rows/json_rows.h"

#include <algorithm>
#include <array>

#include "absl/container/inlined_vector.h"
#include "absl/types/span.h"
#include "frontends/rows/fast_rows.h"
#include "frontends/rows/json_simd.h"
#include "frontends/words.h"

namespace vigil {

using namespace rows;  // NOLINT: the parsers' own vocabulary

namespace {

// What stands under the one key of a body that holds its rows.
enum class Under : uint8_t { kSplit, kRows, kRowsOrColumns, kAny };
struct Envelope {
  std::string_view key;
  Under under;
};

constexpr Envelope kMlflowEnvelopes[] = {{"dataframe_split", Under::kSplit},
                                         {"dataframe_records", Under::kRows},
                                         {"instances", Under::kRowsOrColumns},
                                         {"inputs", Under::kRowsOrColumns}};
constexpr Envelope kVertexEnvelopes[] = {{"instances", Under::kRows}};
constexpr Envelope kAzureEnvelopes[] = {{"input_data", Under::kAny}, {"dataframe_split", Under::kSplit}, {"data", Under::kRows}};

// Reads one document into a filler.
class DocumentReader {
 public:
  DocumentReader(const ColumnIndex& columns, RowFiller& filler) : columns_(columns), filler_(filler) {}

  Status Ours(ondemand::document& document);
  Status Enveloped(ondemand::document& document, absl::Span<const Envelope> envelopes);
  Status ObjectRow(ondemand::object object, std::deque<std::string>* arena);
  Status ListRow(ondemand::array array, std::deque<std::string>* arena) { return ArrayRow(array, ModelOrder(), "", arena); }

 private:
  // What a key means: a column (or a RowFiller number), or the columns of a tensor.
  struct Target {
    int column = RowFiller::kUnknown;
    size_t width = 1;
  };
  Target Find(std::string_view key);
  // A value, or the list of a tensor's elements. `one_in_a_list`: a single column's value may stand in a list of one.
  Status Cells(ondemand::value value, const Target& target, std::string_view key, bool one_in_a_list, std::deque<std::string>* arena);
  Status ArrayRow(ondemand::array array, const std::vector<int>& header, std::string_view path, std::deque<std::string>* arena);
  Status Header(ondemand::value value, std::string_view path, std::vector<int>* header);
  // A list whose rows are objects, lists, or (for a model of one column) single numbers.
  Status Rows(ondemand::value value, const std::vector<int>& header, bool objects_allowed, std::string_view path);
  // {"name": [values, ...], ...}
  Status ColumnLists(ondemand::object object, std::string_view path);
  // {"columns": [...], "data": [rows]}; other members, such as "index", say nothing.
  Status Split(ondemand::object split, std::string_view path);
  bool IsSplit(ondemand::object& object) const;
  std::vector<int> ModelOrder() const {
    std::vector<int> order(columns_.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int>(i);
    return order;
  }

  const ColumnIndex& columns_;
  RowFiller& filler_;
};

// What one member of a row means to it. `arena` (may be null) keeps copies of texts that would not outlive the document.
Status Special(ondemand::value value, int meaning, RowFiller& filler, std::deque<std::string>* arena) {
  std::string_view text;
  const std::string_view name = meaning == RowFiller::kId ? kIdColumn : meaning == RowFiller::kEntity ? kEntityColumn : kTimeColumn;
  VIGIL_RETURN_IF_ERROR(ReadText(value, Concat("row ", filler.row(), ", ", name), &text));
  if (meaning == RowFiller::kTime) return filler.SetTime(text);
  if (arena != nullptr && !text.empty()) text = arena->emplace_back(text);
  meaning == RowFiller::kId ? filler.SetId(text) : filler.SetEntity(text);
  return absl::OkStatus();
}

Status DocumentReader::ObjectRow(ondemand::object object, std::deque<std::string>* arena) {
  VIGIL_RETURN_IF_ERROR(filler_.NextRow());
  size_t expected = 0;  // keys mostly come in the model's order
  for (auto item : object) {
    ondemand::field field;
    VIGIL_JSON_OR_RETURN(field, item);
    std::string_view key = field.escaped_key();
    Target target;
    if (const bool plain = key.find('\\') == std::string_view::npos;
        plain && expected < columns_.size() && key == columns_.names()[expected]) {
      target.column = static_cast<int>(expected);
    } else {
      if (!plain) VIGIL_JSON_OR_RETURN(key, field.unescaped_key());
      target = Find(key);
    }
    if (target.column >= 0) {
      expected = static_cast<size_t>(target.column) + target.width;
      const ModelColumn& column = columns_.shape().columns[static_cast<size_t>(target.column)];
      VIGIL_RETURN_IF_ERROR(Cells(field.value(), target, key, columns_.shape().inputs[column.input].width == 1, arena));
    } else if (target.column != RowFiller::kUnknown) {
      VIGIL_RETURN_IF_ERROR(Special(field.value(), target.column, filler_, arena));
    }
  }
  return absl::OkStatus();
}

Status DocumentReader::Cells(ondemand::value value, const Target& target, std::string_view key, bool one_in_a_list,
                             std::deque<std::string>* arena) {
  ondemand::json_type type;
  VIGIL_JSON_OR_RETURN(type, value.type());
  for (size_t k = 0; k < target.width; ++k) filler_.Seen(target.column + static_cast<int>(k));
  const auto wrong = [&](std::string_view what) {
    return Failure(ErrorCode::kInvalid, Concat("\"", key, "\" ", what), Concat("row ", filler_.row()));
  };
  if (type != ondemand::json_type::array || (target.width == 1 && !one_in_a_list)) {
    if (target.width > 1) return wrong(Concat("takes a list of ", target.width, " values a row"));
    return ReadCell(value, target.column, filler_, arena);
  }
  ondemand::array list;
  VIGIL_JSON_OR_RETURN(list, value.get_array());
  size_t taken = 0;
  const Status status = ReadCells(list, target.column, target.width, &taken, filler_, arena);
  if (!status.ok()) return CodeOf(status) == ErrorCode::kInvalid ? wrong(MessageOf(status)) : status;
  return taken == target.width ? absl::OkStatus() : wrong(Concat("takes ", target.width, " values a row, not ", taken));
}

DocumentReader::Target DocumentReader::Find(std::string_view key) {
  // A tensor of several columns goes by its own name, with a list.
  const InputColumns* input = columns_.Find(key) < 0 ? columns_.FindInput(key) : nullptr;
  if (input != nullptr) return {static_cast<int>(input->first), input->width};
  return {filler_.Meaning(key), 1};
}

Status DocumentReader::ArrayRow(ondemand::array array, const std::vector<int>& header, std::string_view path,
                                std::deque<std::string>* arena) {
  VIGIL_RETURN_IF_ERROR(filler_.NextRow());
  size_t i = 0;
  for (auto item : array) {
    ondemand::value value;
    VIGIL_JSON_OR_RETURN(value, item);
    const int meaning = i < header.size() ? header[i] : RowFiller::kUnknown;
    ++i;
    if (meaning >= 0) {
      VIGIL_RETURN_IF_ERROR(ReadCell(value, meaning, filler_, arena));
    } else if (meaning != RowFiller::kUnknown) {
      VIGIL_RETURN_IF_ERROR(Special(value, meaning, filler_, arena));
    }
  }
  if (i == header.size()) return absl::OkStatus();
  return Failure(ErrorCode::kSchemaViolation, Concat("the row has ", i, " values, ", header.size(), " are expected"),
                 path.empty() ? std::string() : Concat(path, "[", filler_.row(), "]"));
}

Status DocumentReader::Header(ondemand::value value, std::string_view path, std::vector<int>* header) {
  ondemand::array list;
  if (value.get_array().get(list) != simdjson::SUCCESS) return Failure(ErrorCode::kInvalid, "must be a list of column names", path);
  for (auto item : list) {
    std::string_view name;
    if (item.get_string().get(name) != simdjson::SUCCESS) return Failure(ErrorCode::kInvalid, "must be a list of column names", path);
    header->push_back(filler_.Meaning(name));
    if (header->back() >= 0) filler_.Seen(header->back());
  }
  return absl::OkStatus();
}

Status DocumentReader::Rows(ondemand::value value, const std::vector<int>& header, bool objects_allowed, std::string_view path) {
  ondemand::array list;
  if (value.get_array().get(list) != simdjson::SUCCESS) return Failure(ErrorCode::kInvalid, "must be a list of rows", path);
  for (auto item : list) {
    ondemand::value row;
    VIGIL_JSON_OR_RETURN(row, item);
    ondemand::json_type type;
    VIGIL_JSON_OR_RETURN(type, row.type());
    if (type == ondemand::json_type::object && objects_allowed) {
      ondemand::object object;
      VIGIL_JSON_OR_RETURN(object, row.get_object());
      VIGIL_RETURN_IF_ERROR(ObjectRow(object, nullptr));
    } else if (type == ondemand::json_type::array) {
      for (const int meaning : header) {
        if (meaning >= 0) filler_.Seen(meaning);
      }
      ondemand::array array;
      VIGIL_JSON_OR_RETURN(array, row.get_array());
      VIGIL_RETURN_IF_ERROR(ArrayRow(array, header, path, nullptr));
    } else if (header.size() == 1 && header[0] >= 0 && type != ondemand::json_type::object) {
      filler_.Seen(header[0]);
      VIGIL_RETURN_IF_ERROR(filler_.NextRow());
      VIGIL_RETURN_IF_ERROR(ReadCell(row, header[0], filler_));
    } else {
      return Failure(ErrorCode::kInvalid, objects_allowed ? "a row must be an object or a list" : "a row must be a list",
                     Concat(path, "[", filler_.batch().rows, "]"));
    }
  }
  return absl::OkStatus();
}

Status DocumentReader::ColumnLists(ondemand::object object, std::string_view path) {
  bool first = true;
  for (auto item : object) {
    ondemand::field field;
    VIGIL_JSON_OR_RETURN(field, item);
    std::string_view key;
    VIGIL_JSON_OR_RETURN(key, field.unescaped_key());
    const Target target = Find(key);
    ondemand::array list;
    if (field.value().get_array().get(list) != simdjson::SUCCESS) {
      return Failure(ErrorCode::kInvalid, "a column must be a list of values", Concat(path, ".", key));
    }
    size_t row = 0;
    for (auto element : list) {
      ondemand::value value;
      VIGIL_JSON_OR_RETURN(value, element);
      if (first) {
        VIGIL_RETURN_IF_ERROR(filler_.NextRow());
      } else if (row >= filler_.batch().rows) {
        return Failure(ErrorCode::kInvalid, "columns differ in length", Concat(path, ".", key));
      }
      filler_.Select(row++);
      if (target.column >= 0) {
        VIGIL_RETURN_IF_ERROR(Cells(value, target, key, true, nullptr));
      } else if (target.column != RowFiller::kUnknown) {
        VIGIL_RETURN_IF_ERROR(Special(value, target.column, filler_, nullptr));
      }
    }
    if (row != filler_.batch().rows) return Failure(ErrorCode::kInvalid, "columns differ in length", Concat(path, ".", key));
    if (target.column >= 0) filler_.Seen(target.column);
    first = false;
  }
  return absl::OkStatus();
}

constexpr size_t kNamedMembersMax = 8;
struct Members {
  std::array<bool, kNamedMembersMax> there{};
  std::array<ondemand::json_type, kNamedMembersMax> types{};
  std::vector<std::string> others;  // of other names
};

// Notes which of `names` the document's object has, with the type of each, and checks the whole document's structure. The document is
// rewound afterwards.
Status Survey(ondemand::document& document, absl::Span<const std::string_view> names, Members* members) {
  ondemand::json_type type;
  VIGIL_JSON_OR_RETURN(type, document.type());
  if (type != ondemand::json_type::object) return Failure(ErrorCode::kMalformed, "the body must be a JSON object");
  ondemand::object object;
  VIGIL_JSON_OR_RETURN(object, document.get_object());
  for (auto item : object) {
    ondemand::field field;
    VIGIL_JSON_OR_RETURN(field, item);
    const std::string_view key = field.escaped_key();
    const size_t index = static_cast<size_t>(std::find(names.begin(), names.end(), key) - names.begin());
    if (index == names.size()) {
      if (members->others.size() < kUnknownColumnWarningsMax) members->others.emplace_back(key);
      continue;
    }
    if (members->there[index]) return Failure(ErrorCode::kMalformed, "appears twice", key);
    members->there[index] = true;
    VIGIL_JSON_OR_RETURN(members->types[index], field.value().type());
  }
  if (!document.at_end()) return Failure(ErrorCode::kMalformed, "not valid JSON: something follows the object");
  document.rewind();
  return absl::OkStatus();
}

Status DocumentReader::Ours(ondemand::document& document) {
  enum { kRows, kColumns, kData, kIds, kEntities, kTimes, kPartial, kMembers };
  constexpr std::array<std::string_view, kMembers> kNames{"rows", "columns", "data", "ids", "entities", "times", "partial"};
  static_assert(kMembers <= kNamedMembersMax);
  Members members;
  VIGIL_RETURN_IF_ERROR(Survey(document, kNames, &members));
  const auto& [there, types, others] = members;
  const auto is_list = [&members](int i) {
    return members.there[static_cast<size_t>(i)] && members.types[static_cast<size_t>(i)] == ondemand::json_type::array;
  };
  ondemand::object object;
  VIGIL_JSON_OR_RETURN(object, document.get_object());
  if (!is_list(kRows) && !is_list(kData)) {
    for (const int i : {kRows, kData}) {
      const std::string_view name = kNames[static_cast<size_t>(i)];
      if (there[static_cast<size_t>(i)] && columns_.Find(name) < 0) return Failure(ErrorCode::kInvalid, "must be a list of rows", name);
    }
    return ObjectRow(object, nullptr);  // one row
  }
  if (there[kRows] && there[kData]) return Failure(ErrorCode::kInvalid, "either \"rows\" or \"columns\" and \"data\"", "rows");
  for (const std::string& other : others) {
    filler_.batch().warnings.push_back(Concat("unknown member \"", other, "\" is ignored"));
  }
  std::vector<int> header;
  if (there[kColumns]) {
    if (there[kRows]) return Failure(ErrorCode::kInvalid, "goes with \"data\", not with \"rows\"", "columns");
    VIGIL_RETURN_IF_ERROR(Header(object.find_field_unordered("columns").value_unsafe(), "columns", &header));
  } else {
    header = ModelOrder();
  }
  const std::string_view rows = there[kRows] ? "rows" : "data";
  ondemand::value value;
  VIGIL_JSON_OR_RETURN(value, object.find_field_unordered(rows));
  VIGIL_RETURN_IF_ERROR(Rows(value, header, there[kRows], rows));
  constexpr std::array<std::pair<int, RowText>, 3> kBeside{
      {{kIds, RowText::kIds}, {kEntities, RowText::kEntities}, {kTimes, RowText::kTimes}}};
  for (const auto& [member, what] : kBeside) {
    const auto index = static_cast<size_t>(member);
    if (!there[index] || types[index] == ondemand::json_type::null) continue;
    VIGIL_JSON_OR_RETURN(value, object.find_field_unordered(kNames[index]));
    VIGIL_RETURN_IF_ERROR(ReadRowTexts(value, what, kNames[index], filler_));
  }
  if (there[kPartial]) {
    bool partial = false;
    if (object.find_field_unordered("partial").get_bool().get(partial) != simdjson::SUCCESS) {
      return Failure(ErrorCode::kInvalid, "must be true or false", "partial");
    }
    filler_.batch().partial = partial;
  }
  return absl::OkStatus();
}

Status DocumentReader::Enveloped(ondemand::document& document, absl::Span<const Envelope> envelopes) {
  absl::InlinedVector<std::string_view, kNamedMembersMax> names;
  for (const Envelope& envelope : envelopes) names.push_back(envelope.key);
  Members members;
  VIGIL_RETURN_IF_ERROR(Survey(document, names, &members));
  if (std::count(members.there.begin(), members.there.end(), true) != 1) {
    std::string choices;
    for (const std::string_view name : names) Append(&choices, choices.empty() ? "\"" : ", \"", name, "\"");
    return Failure(ErrorCode::kMalformed,
                   Concat("the JSON input must have ", names.size() == 1 ? "the key " : "exactly one of the keys ", choices));
  }
  const size_t index = static_cast<size_t>(std::find(members.there.begin(), members.there.end(), true) - members.there.begin());
  const Envelope& envelope = envelopes[index];
  ondemand::object body;
  VIGIL_JSON_OR_RETURN(body, document.get_object());
  ondemand::value value;
  VIGIL_JSON_OR_RETURN(value, body.find_field_unordered(envelope.key));
  const bool is_object = members.types[index] == ondemand::json_type::object;
  if (envelope.under == Under::kSplit && !is_object) {
    return Failure(ErrorCode::kInvalid, "must be an object with columns and data", envelope.key);
  }
  if (!is_object || envelope.under == Under::kRows) return Rows(value, ModelOrder(), true, envelope.key);
  ondemand::object object;
  VIGIL_JSON_OR_RETURN(object, value.get_object());
  const bool split = envelope.under == Under::kSplit || (envelope.under == Under::kAny && IsSplit(object));
  return split ? Split(object, envelope.key) : ColumnLists(object, envelope.key);
}

// Rather than lists by column. The object is reset.
bool DocumentReader::IsSplit(ondemand::object& object) const {
  for (const std::string_view key : {"columns", "data"}) {
    ondemand::value ignored;
    if (columns_.Find(key) < 0 && columns_.FindInput(key) == nullptr &&
        object.find_field_unordered(key).get(ignored) == simdjson::SUCCESS) {
      return object.reset().error() == simdjson::SUCCESS;
    }
  }
  // A failure shows again when the members are read.
  (void)object.reset().error();
  return false;
}

Status DocumentReader::Split(ondemand::object split, std::string_view path) {
  std::vector<int> header;
  ondemand::value member;
  if (split.find_field_unordered("columns").get(member) == simdjson::SUCCESS) {
    VIGIL_RETURN_IF_ERROR(Header(member, Concat(path, ".columns"), &header));
  } else {
    header = ModelOrder();
  }
  if (split.find_field_unordered("data").get(member) != simdjson::SUCCESS) return Failure(ErrorCode::kInvalid, "has no \"data\"", path);
  return Rows(member, header, false, Concat(path, ".data"));
}

}  // namespace

struct JsonRows::State {
  SimdDocument document;
  std::deque<std::string> texts;  // of NDJSON lines that the fixed-schema parser did not read
};

JsonRows::JsonRows() : state_(std::make_unique<State>()) {}
JsonRows::~JsonRows() = default;

Status JsonRows::Parse(std::string_view body, const ColumnIndex& columns, const JsonRowsOptions& options, RowBatch* batch,
                       std::vector<uint32_t>* absent) {
  RowFiller filler(columns, options.unknown, batch);
  ondemand::document document;
  VIGIL_RETURN_IF_ERROR(state_->document.Open(body, &document));
  DocumentReader reader(columns, filler);
  switch (options.form) {
    case JsonForm::kOurs: VIGIL_RETURN_IF_ERROR(reader.Ours(document)); break;
    case JsonForm::kMlflow: VIGIL_RETURN_IF_ERROR(reader.Enveloped(document, kMlflowEnvelopes)); break;
    case JsonForm::kVertex: VIGIL_RETURN_IF_ERROR(reader.Enveloped(document, kVertexEnvelopes)); break;
    case JsonForm::kAzure: VIGIL_RETURN_IF_ERROR(reader.Enveloped(document, kAzureEnvelopes)); break;
  }
  return filler.Finish(absent);
}

// One line of JSON that the fixed-schema parser did not take.
Status JsonRows::ReadLine(std::string_view line, const ColumnIndex& columns, RowFiller& filler) {
  ondemand::document document;
  VIGIL_RETURN_IF_ERROR(state_->document.Open(line, &document));
  DocumentReader reader(columns, filler);
  ondemand::json_type type;
  VIGIL_JSON_OR_RETURN(type, document.type());
  if (type == ondemand::json_type::array) {
    ondemand::array list;
    VIGIL_JSON_OR_RETURN(list, document.get_array());
    filler.SeenAll();
    VIGIL_RETURN_IF_ERROR(reader.ListRow(list, &state_->texts));
  } else {
    ondemand::object object;
    VIGIL_JSON_OR_RETURN(object, document.get_object());
    VIGIL_RETURN_IF_ERROR(reader.ObjectRow(object, &state_->texts));
  }
  if (!document.at_end()) return Failure(ErrorCode::kMalformed, "not valid JSON: something follows the row");
  return absl::OkStatus();
}

Status JsonRows::ParseLines(std::string_view body, const ColumnIndex& columns, const JsonLinesOptions& options, RowBatch* batch,
                            std::vector<uint32_t>* absent) {
  RowFiller filler(columns, options.lenient && options.unknown == nullptr ? UnknownColumns::kIgnore : UnknownColumns::kWarn, batch);
  state_->texts.clear();
  if (options.lenient) filler.ReadOddValues(&state_->texts);
  int64_t number = options.first_line - 1;
  while (!body.empty()) {
    const size_t newline = body.find('\n');
    const std::string_view line = StripBlanks(body.substr(0, newline));
    body.remove_prefix(newline == std::string_view::npos ? body.size() : newline + 1);
    ++number;
    if (line.empty()) continue;
    if (ParseFastLine(line, columns, batch, filler.seen())) continue;
    const Status status = ReadLine(line, columns, filler);
    if (!status.ok()) {
      const std::string path = PathOf(status);
      return Failure(CodeOf(status), MessageOf(status), path.empty() ? Concat("line ", number) : Concat("line ", number, ", ", path));
    }
  }
  if (options.unknown != nullptr) *options.unknown = filler.unknown_names();
  return filler.Finish(absent);
}

}  // namespace vigil
