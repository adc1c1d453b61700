#include "storage/export.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/hash.h"
#include "base/text.h"
#include "domain/table_shape.h"
#include "storage/abandoned.h"
#include "storage/tables.h"

namespace vigil {
namespace {

constexpr size_t kChunkRows = 2048;
constexpr char kUnfinished[] = ".export.";
constexpr char kFileName[] = "predictions.parquet";
constexpr char kDigestName[] = "_digest";  // readers of Hive directories pass over names with an underscore
constexpr char kLayout[] = "2";            // of the columns; another one makes every digest differ

// What a date holds. Rows add up in any order, so segments may be merged or moved without a new export.
struct DateDigest {
  uint64_t sum = 0;
  int64_t rows = 0;
  std::set<uint32_t> schemas;
  bool selected = false;  // by the query
  void Add(const LoggedPrediction& row) {
    uint64_t words[4] = {row.prediction_id.value, row.labelled ? 1u : 0u, 0, static_cast<uint64_t>(row.label_time)};
    std::memcpy(&words[2], &row.label, sizeof(row.label));
    sum += StableHash({reinterpret_cast<const char*>(words), sizeof(words)});
    ++rows;
    schemas.insert(row.schema);
  }
  std::string Text() const {
    std::string text = absl::StrCat(kLayout, " ", rows, " ", absl::StrFormat("%016x", sum));
    for (const uint32_t schema : schemas) absl::StrAppend(&text, " ", schema);
    return text + "\n";
  }
};

using DateKey = std::pair<std::string, TimeUs>;  // model, start of the day

TimeUs DayOf(TimeUs time) { return time - ((time % kDayUs) + kDayUs) % kDayUs; }

// As Hive writes a value into a path.
std::string PathValue(const std::string& value) {
  std::string out;
  for (const char c : value) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '.') {
      out.push_back(c);
    } else {
      absl::StrAppendFormat(&out, "%%%02X", static_cast<unsigned char>(c));
    }
  }
  return out;
}

const char* CleaningName(uint8_t cleaning) {
  switch (static_cast<Cleaning>(cleaning & 7)) {
    case Cleaning::kNone: return nullptr;
    case Cleaning::kImputed: return "imputed";
    case Cleaning::kClamped: return "clamped";
    case Cleaning::kFlagged: return "flagged";
  }
  return "unknown";
}

// As a table keeps values of `type`. Whole numbers of the log are exact up to 2^53.
TableColumn ColumnOf(const std::string& name, DType type) {
  switch (type) {
    case DType::kString: return {name, TableType::kString};
    case DType::kBool: return {name, TableType::kBool};
    case DType::kFloat64: return {name, TableType::kFloat64};
    case DType::kFloat32:
    case DType::kFloat16:
    case DType::kBfloat16: return {name, TableType::kFloat64, true};
    default: return {name, TableType::kInt64};
  }
}

// The columns of one date: the union over the schemas that its rows use, and where each schema's values go.
class DateTable {
 public:
  void AddSchema(const LogSchema& schema) {
    Places& places = places_[schema.number];
    places.version = schema.version;
    for (size_t i = 0; i < schema.columns.size(); ++i) {
      const std::string& name = schema.columns[i];
      const DType type = schema.types.empty() ? DType::kFloat32 : schema.types[i];
      const TableColumn column = ColumnOf(name, type);
      // A feature that another version takes as another type has a column of its own.
      places.features.push_back(
          Place(absl::StrCat("feature ", static_cast<int>(column.type), column.single, " ", name), "feature_", column));
      places.stores.push_back(StoreOf(type));
      places.cleaning.push_back(Place("cleaning " + name, "feature_", {name + "__cleaning", TableType::kString}));
    }
    for (const std::string& output : schema.outputs) {
      const std::string name = schema.outputs.size() == 1 ? "score" : output;
      places.outputs.push_back(Place("output " + name, "output_", {name, TableType::kFloat64, true}));
    }
    for (size_t i = 0; i < schema.answers.size(); ++i) {
      const TableColumn column = ColumnOf(schema.answers[i], schema.answer_types[i]);
      places.answers.push_back(
          Place(absl::StrCat("answer ", static_cast<int>(column.type), column.single, " ", column.name), "output_", column));
    }
  }
  void AddLabelColumns() {
    label_ = columns_.size();
    columns_.push_back({"label", TableType::kFloat64});
    label_time_ = columns_.size();
    columns_.push_back({"label_time", TableType::kTime});
    chunk_.columns.resize(columns_.size());
  }
  const std::vector<TableColumn>& columns() const { return columns_; }

  void Add(const LoggedPrediction& row) {
    for (size_t c = 0; c < columns_.size(); ++c) PushMissing(c);
    const Places& places = places_.at(row.schema);
    SetText(0, row.prediction_id.Text());
    if (!row.id.empty()) SetText(1, row.id);
    if (!row.entity.empty()) SetText(2, row.entity);
    SetInt(3, row.time);
    SetText(4, places.version);
    SetText(5, row.arm);
    SetInt(6, row.latency_us);
    SetText(7, std::string(PredictionStatusName(row.status)));
    size_t exact = 0, text = 0;
    for (size_t i = 0; i < row.features.size() && i < places.features.size(); ++i) {
      const bool missing = std::isnan(row.features[i]);
      if (places.stores[i] == ColumnStore::kExact) {
        if (exact < row.exact.size() && !missing) SetNumber(places.features[i], row.exact[exact]);
        ++exact;
      } else if (places.stores[i] == ColumnStore::kText) {
        if (text < row.texts.size() && !missing) SetText(places.features[i], row.texts[text]);
        ++text;
      } else if (!missing) {
        SetDouble(places.features[i], row.features[i]);
      }
      const char* cleaning = i < row.cleaning.size() ? CleaningName(row.cleaning[i]) : nullptr;
      if (cleaning != nullptr) SetText(places.cleaning[i], cleaning);
    }
    for (size_t i = 0; i < row.outputs.size() && i < places.outputs.size(); ++i) SetDouble(places.outputs[i], row.outputs[i]);
    size_t number = 0;
    text = 0;
    for (const size_t place : places.answers) {
      if (columns_[place].type != TableType::kString) {
        if (number < row.answer_numbers.size()) SetNumber(place, row.answer_numbers[number++]);
      } else if (text < row.answer_texts.size()) {
        SetText(place, row.answer_texts[text++]);
      }
    }
    if (row.labelled) {
      SetDouble(label_, row.label);
      SetInt(label_time_, row.label_time);
    }
    ++chunk_.rows;
  }
  const TableChunk& chunk() const { return chunk_; }
  void Clear() {
    chunk_.rows = 0;
    for (TableChunk::Values& values : chunk_.columns) {
      values.ints.clear();
      values.doubles.clear();
      values.strings.clear();
      values.valid.clear();
    }
  }

 private:
  struct Places {
    std::string version;
    std::vector<size_t> features, cleaning, outputs, answers;
    std::vector<ColumnStore> stores;  // one a feature
  };

  // The column that `key` has, or a new one. Names are unlike in more than case, as SQL wants them: a feature called "Time" becomes
  // "feature_Time".
  size_t Place(const std::string& key, const std::string& prefix, TableColumn column) {
    if (const auto it = by_key_.find(key); it != by_key_.end()) return it->second;
    while (!taken_.insert(absl::AsciiStrToLower(column.name)).second) column.name = prefix + column.name;
    columns_.push_back(std::move(column));
    return by_key_[key] = columns_.size() - 1;
  }
  void PushMissing(size_t column) {
    TableChunk::Values& values = chunk_.columns[column];
    values.valid.push_back(0);
    switch (columns_[column].type) {
      case TableType::kFloat64: values.doubles.push_back(0); break;
      case TableType::kString: values.strings.emplace_back(); break;
      default: values.ints.push_back(0); break;
    }
  }
  void SetText(size_t column, std::string text) {
    chunk_.columns[column].strings.back() = std::move(text);
    chunk_.columns[column].valid.back() = 1;
  }
  void SetInt(size_t column, int64_t value) {
    chunk_.columns[column].ints.back() = value;
    chunk_.columns[column].valid.back() = 1;
  }
  // A number into a column of any type of numbers.
  void SetNumber(size_t column, double value) {
    if (columns_[column].type == TableType::kFloat64) return SetDouble(column, value);
    if (std::isfinite(value)) SetInt(column, static_cast<int64_t>(value));
  }
  void SetDouble(size_t column, double value) {
    chunk_.columns[column].doubles.back() = value;
    chunk_.columns[column].valid.back() = 1;
  }

  std::vector<TableColumn> columns_ = {{"prediction_id", TableType::kString}, {"id", TableType::kString},
                                       {"entity", TableType::kString},        {"time", TableType::kTime},
                                       {"version", TableType::kString},       {"arm", TableType::kString},
                                       {"latency_us", TableType::kInt64},     {"status", TableType::kString}};
  std::map<std::string, size_t> by_key_;
  // The partitions too, and what AddLabelColumns adds: those keep their names whatever a feature is called.
  std::set<std::string> taken_ = {"prediction_id", "id",     "entity", "time", "version", "arm",
                                  "latency_us",    "status", "model",  "date", "label",   "label_time"};
  std::map<uint32_t, Places> places_;
  size_t label_ = 0, label_time_ = 0;
  TableChunk chunk_;
};

std::string ReadText(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

class Exporter {
 public:
  Exporter(const PredictionLog& log, const LogQuery& query, const std::string& directory)
      : log_(log), query_(query), directory_(directory) {}

  StatusOr<ExportCounts> Run() {
    VIGIL_RETURN_IF_ERROR(Survey());
    for (const auto& [key, digest] : dates_) {
      if (!digest.selected) continue;
      const std::filesystem::path directory = DirectoryOf(key);
      std::error_code ignored;
      ++counts_.files;
      if (std::filesystem::exists(directory / kFileName, ignored) && ReadText(directory / kDigestName) == digest.Text()) {
        ++counts_.files_unchanged;
        counts_.rows += digest.rows;
        continue;
      }
      VIGIL_RETURN_IF_ERROR(WriteDate(key, digest));
    }
    return counts_;
  }

 private:
  std::filesystem::path DirectoryOf(const DateKey& key) const {
    return std::filesystem::path(directory_) / absl::StrCat("model=", PathValue(key.first)) /
           absl::StrCat("date=", FormatTime(key.second).substr(0, 10));
  }
  LogQuery WholeDates(const std::string& model, TimeUs from, TimeUs to) const {
    return {.model = model, .from = from, .to = to, .with_labels = true, .labels_as_of = query_.labels_as_of, .shadows = query_.shadows};
  }

  // Which dates there are, and what is in them.
  Status Survey() {
    const TimeUs from = query_.from < INT64_MIN + kDayUs ? INT64_MIN : DayOf(query_.from);
    const TimeUs to = query_.to > INT64_MAX - kDayUs ? INT64_MAX : DayOf(query_.to + kDayUs - 1);
    std::map<uint32_t, LogSchema> schemas;
    Status status;
    VIGIL_RETURN_IF_ERROR(log_.Scan(WholeDates(query_.model, from, to), [&](const LoggedPrediction& row) {
      auto schema = schemas.find(row.schema);
      if (schema == schemas.end()) {
        StatusOr<LogSchema> found = log_.FindSchema(row.schema);
        if (!found.ok()) {
          status = found.status();
          return false;
        }
        schema = schemas.emplace(row.schema, *std::move(found)).first;
      }
      DateDigest& digest = dates_[{schema->second.model, DayOf(row.time)}];
      digest.Add(row);
      if (row.time >= query_.from && row.time < query_.to && (query_.version.empty() || schema->second.version == query_.version)) {
        digest.selected = true;
      }
      return true;
    }));
    return status;
  }

  Status WriteDate(const DateKey& key, const DateDigest& digest) {
    DateTable table;
    for (const uint32_t number : digest.schemas) {
      VIGIL_ASSIGN_OR_RETURN(const LogSchema schema, log_.FindSchema(number));
      table.AddSchema(schema);
    }
    table.AddLabelColumns();
    const std::filesystem::path directory = DirectoryOf(key);
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    if (error) return absl::UnavailableError(absl::StrCat("creating ", directory.string(), ": ", error.message()));
    // Beside the partitions, where no reader looks, until it is whole.
    RemoveAbandoned(directory_, kUnfinished);
    const std::string temporary = absl::StrCat(directory_, "/", kUnfinished, OwnerTag(), ".parquet");
    VIGIL_ASSIGN_OR_RETURN(const std::unique_ptr<TableWriter> writer, CreateTable(temporary, table.columns()));
    DateDigest written;
    Status status;
    VIGIL_RETURN_IF_ERROR(log_.Scan(WholeDates(key.first, key.second, key.second + kDayUs), [&](const LoggedPrediction& row) {
      if (!digest.schemas.contains(row.schema)) return true;  // a version that came since: the next export takes it
      table.Add(row);
      written.Add(row);
      if (table.chunk().rows == kChunkRows) {
        status = writer->Write(table.chunk());
        table.Clear();
      }
      return status.ok();
    }));
    VIGIL_RETURN_IF_ERROR(status);
    if (table.chunk().rows > 0) VIGIL_RETURN_IF_ERROR(writer->Write(table.chunk()));
    VIGIL_RETURN_IF_ERROR(writer->Finish());
    std::filesystem::rename(temporary, directory / kFileName, error);
    if (error) return absl::UnavailableError(absl::StrCat("renaming to ", (directory / kFileName).string(), ": ", error.message()));
    // Last: a crash before it only means that the date is written again.
    std::ofstream(directory / kDigestName, std::ios::binary) << written.Text();
    counts_.rows += written.rows;
    return absl::OkStatus();
  }

  const PredictionLog& log_;
  const LogQuery& query_;
  const std::string& directory_;
  std::map<DateKey, DateDigest> dates_;
  ExportCounts counts_;
};

}  // namespace

StatusOr<ExportCounts> ExportLog(const PredictionLog& log, const LogQuery& query, const std::string& directory) {
  if (directory.empty()) return absl::InvalidArgumentError("an export needs a directory");
  return Exporter(log, query, directory).Run();
}

}  // namespace vigil
