// The face storage/tables.h over DuckDB: files become SQL sources, rows stream out of them chunk by chunk, and Parquet is written by COPY
// from a table that spills.
#include <algorithm>
#include <cstring>
#include <filesystem>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "storage/abandoned.h"
#include "storage/duckdb/duckdb_library.h"
#include "storage/table_text.h"
#include "storage/tables.h"

namespace vigil {
namespace {

constexpr size_t kChunkRows = 2048;  // DuckDB's vector

// --- sources ---

// A path as DuckDB's glob takes it: a file that is there under exactly this name is meant literally.
StatusOr<std::string> GlobOf(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return absl::InvalidArgumentError(absl::StrCat(path, " is a directory, not a table"));
  if (std::filesystem::exists(path, ignored)) return absl::StrReplaceAll(path, {{"[", "[[]"}, {"*", "[*]"}, {"?", "[?]"}});
  if (path.find_first_of("*?[") == std::string::npos) return absl::NotFoundError(absl::StrCat("no such file: ", path));
  return path;
}

// `types`: an option of read_csv that fixes columns' types, or nothing.
StatusOr<std::string> SourceOf(const std::vector<std::string>& paths, const std::string& format_given, const std::string& types = "") {
  if (paths.empty()) return absl::InvalidArgumentError("no file was named");
  VIGIL_ASSIGN_OR_RETURN(const std::string format, TableFormat(paths[0], format_given));
  std::vector<std::string> globs;
  for (const std::string& path : paths) {
    VIGIL_ASSIGN_OR_RETURN(const std::string other, TableFormat(path, format_given));
    if (other != format) return absl::InvalidArgumentError(absl::StrCat(paths[0], " and ", path, " are of different formats"));
    VIGIL_ASSIGN_OR_RETURN(const std::string glob, GlobOf(path));
    globs.push_back(SqlText(glob));
  }
  const std::string files = absl::StrCat("[", absl::StrJoin(globs, ", "), "]");
  if (format == "parquet") return absl::StrCat("read_parquet(", files, ")");
  // Types are found from every row, not from a sample, so that a late value cannot break the reading.
  if (format == "csv") {
    return absl::StrCat(
        "read_csv(", files,
        ", header=true, skip=0, strict_mode=true, null_padding=false, delim=',', quote='\"', escape='\"', nullstr='', sample_size=-1, ",
        "auto_type_candidates=['BOOLEAN','BIGINT','DOUBLE','DATE','TIMESTAMP','TIMESTAMPTZ','VARCHAR']", types, ")");
  }
  return absl::StrCat("read_json(", files, ", format='newline_delimited', records=true, sample_size=-1, map_inference_threshold=-1)");
}

Status ExplainFailure(const Status& status, const std::vector<std::string>& paths) {
  if (absl::IsNotFound(status) || status.ok()) return status;
  const std::string message(status.message());
  if (absl::StrContains(message, "No files found")) return absl::NotFoundError(absl::StrCat("no file matches ", paths[0]));
  return Status(status.code(), absl::StrCat("reading ", paths[0], paths.size() > 1 ? " and others" : "", ": ", message));
}

// --- reading ---

struct Shape {
  std::vector<TableColumn> columns;
  std::string select;  // the source with every column cast to one of our five types
};

// `json`: a column of mixed JSON values, whose texts lose their quotes.
void AddColumn(const std::string& name, duckdb_type type, bool json, Shape* shape) {
  TableColumn column{name, TableType::kString};
  const char* cast = "VARCHAR";
  switch (type) {
    case DUCKDB_TYPE_BOOLEAN: column.type = TableType::kBool, cast = "BOOLEAN"; break;
    case DUCKDB_TYPE_TINYINT:
    case DUCKDB_TYPE_SMALLINT:
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_BIGINT:
    case DUCKDB_TYPE_UTINYINT:
    case DUCKDB_TYPE_USMALLINT:
    case DUCKDB_TYPE_UINTEGER: column.type = TableType::kInt64, cast = "BIGINT"; break;
    case DUCKDB_TYPE_FLOAT: column.single = true; [[fallthrough]];
    case DUCKDB_TYPE_UBIGINT:
    case DUCKDB_TYPE_HUGEINT:
    case DUCKDB_TYPE_UHUGEINT:
    case DUCKDB_TYPE_DECIMAL:
    case DUCKDB_TYPE_DOUBLE: column.type = TableType::kFloat64, cast = "DOUBLE"; break;
    case DUCKDB_TYPE_DATE:
    case DUCKDB_TYPE_TIMESTAMP:
    case DUCKDB_TYPE_TIMESTAMP_S:
    case DUCKDB_TYPE_TIMESTAMP_MS:
    case DUCKDB_TYPE_TIMESTAMP_NS:
    case DUCKDB_TYPE_TIMESTAMP_TZ: column.type = TableType::kTime, cast = "TIMESTAMP"; break;
    default: break;
  }
  absl::StrAppend(&shape->select, shape->columns.empty() ? "SELECT " : ", ", "CAST(", SqlName(name), json ? "->>'$'" : "", " AS ", cast,
                  ")");
  shape->columns.push_back(std::move(column));
}

StatusOr<Shape> ShapeOf(DuckdbDatabase& database, const std::string& source) {
  VIGIL_ASSIGN_OR_RETURN(const std::unique_ptr<DuckdbRows> rows, database.Stream(absl::StrCat("SELECT * FROM ", source, " LIMIT 0")));
  const DuckdbLibrary& duck = database.duck();
  Shape shape;
  const idx_t n = duck.duckdb_column_count(rows->result());
  for (idx_t i = 0; i < n; ++i) {
    duckdb_logical_type type = duck.duckdb_column_logical_type(rows->result(), i);
    char* alias = duck.duckdb_logical_type_get_alias(type);
    const bool json = alias != nullptr && std::string_view(alias) == "JSON";
    if (alias != nullptr) duck.duckdb_free(alias);
    duck.duckdb_destroy_logical_type(&type);
    AddColumn(duck.duckdb_column_name(rows->result(), i), duck.duckdb_column_type(rows->result(), i), json, &shape);
  }
  absl::StrAppend(&shape.select, " FROM ", source);
  return shape;
}

std::string_view TextAt(const void* data, size_t row) {
  const duckdb_string_t& text = static_cast<const duckdb_string_t*>(data)[row];
  const uint32_t length = text.value.inlined.length;
  return {length <= 12 ? text.value.inlined.inlined : text.value.pointer.ptr, length};
}

void CopyColumn(const DuckdbLibrary& duck, duckdb_vector vector, TableType type, size_t rows, TableChunk::Values* values) {
  const void* data = duck.duckdb_vector_get_data(vector);
  const uint64_t* validity = duck.duckdb_vector_get_validity(vector);
  values->valid.assign(rows, 1);
  if (validity != nullptr) {
    for (size_t i = 0; i < rows; ++i) values->valid[i] = (validity[i / 64] >> (i % 64)) & 1;
  }
  values->ints.clear();
  values->doubles.clear();
  if (type != TableType::kString) values->strings.clear();
  switch (type) {
    case TableType::kFloat64: values->doubles.assign(static_cast<const double*>(data), static_cast<const double*>(data) + rows); break;
    case TableType::kInt64:
    case TableType::kTime: values->ints.assign(static_cast<const int64_t*>(data), static_cast<const int64_t*>(data) + rows); break;
    case TableType::kBool: values->ints.assign(static_cast<const bool*>(data), static_cast<const bool*>(data) + rows); break;
    case TableType::kString:
      values->strings.resize(rows);
      for (size_t i = 0; i < rows; ++i) values->strings[i].assign(values->valid[i] != 0 ? TextAt(data, i) : std::string_view());
      break;
  }
}

class DuckdbReader final : public TableReader {
 public:
  DuckdbReader(std::unique_ptr<DuckdbDatabase> database, Shape shape, std::unique_ptr<DuckdbRows> rows, std::vector<std::string> paths)
      : database_(std::move(database)), shape_(std::move(shape)), rows_(std::move(rows)), paths_(std::move(paths)) {}
  const std::vector<TableColumn>& columns() const override { return shape_.columns; }
  StatusOr<bool> Next(TableChunk* chunk) override {
    const StatusOr<duckdb_data_chunk> fetched = rows_->Next();
    if (!fetched.ok()) return ExplainFailure(fetched.status(), paths_);
    const DuckdbLibrary& duck = database_->duck();
    chunk->rows = *fetched == nullptr ? 0 : duck.duckdb_data_chunk_get_size(*fetched);
    chunk->columns.resize(shape_.columns.size());
    if (chunk->rows == 0) return false;
    for (size_t i = 0; i < shape_.columns.size(); ++i) {
      CopyColumn(duck, duck.duckdb_data_chunk_get_vector(*fetched, i), shape_.columns[i].type, chunk->rows, &chunk->columns[i]);
    }
    return true;
  }

 private:
  const std::unique_ptr<DuckdbDatabase> database_;  // outlives the rows
  const Shape shape_;
  const std::unique_ptr<DuckdbRows> rows_;
  const std::vector<std::string> paths_;
};

// --- writing Parquet ---

const char* SqlTypeOf(const TableColumn& column) {
  switch (column.type) {
    case TableType::kBool: return "BOOLEAN";
    case TableType::kInt64: return "BIGINT";
    case TableType::kFloat64: return column.single ? "FLOAT" : "DOUBLE";
    case TableType::kTime: return "TIMESTAMP WITH TIME ZONE";  // in Parquet: adjusted to UTC
    case TableType::kString: break;
  }
  return "VARCHAR";
}

duckdb_type TypeOf(const TableColumn& column) {
  switch (column.type) {
    case TableType::kBool: return DUCKDB_TYPE_BOOLEAN;
    case TableType::kInt64: return DUCKDB_TYPE_BIGINT;
    case TableType::kFloat64: return column.single ? DUCKDB_TYPE_FLOAT : DUCKDB_TYPE_DOUBLE;
    case TableType::kTime: return DUCKDB_TYPE_TIMESTAMP_TZ;
    case TableType::kString: break;
  }
  return DUCKDB_TYPE_VARCHAR;
}

class ParquetWriter final : public TableWriter {
 public:
  ParquetWriter(std::unique_ptr<DuckdbDatabase> database, std::string path, std::vector<TableColumn> columns,
                std::vector<std::string> partition_by)
      : database_(std::move(database)),
        duck_(database_->duck()),
        path_(std::move(path)),
        temporary_(UnfinishedPath(path_)),
        columns_(std::move(columns)),
        partition_by_(std::move(partition_by)) {}

  ~ParquetWriter() override {
    if (chunk_ != nullptr) duck_.duckdb_destroy_data_chunk(&chunk_);
    if (appender_ != nullptr) duck_.duckdb_appender_destroy(&appender_);
    std::error_code ignored;
    std::filesystem::remove_all(temporary_, ignored);
  }

  Status Open() {
    const std::filesystem::path parent = std::filesystem::path(path_).parent_path();
    std::error_code ignored;
    if (!parent.empty() && !std::filesystem::is_directory(parent, ignored)) {
      return absl::NotFoundError(absl::StrCat("cannot write ", path_, ": there is no directory ", parent.string()));
    }
    if (!partition_by_.empty() && std::filesystem::exists(path_, ignored)) return absl::AlreadyExistsError(absl::StrCat(path_, " exists"));
    std::vector<std::string> definitions;
    std::vector<duckdb_logical_type> types;
    for (const TableColumn& column : columns_) {
      definitions.push_back(absl::StrCat(SqlName(column.name), " ", SqlTypeOf(column)));
      types.push_back(duck_.duckdb_create_logical_type(TypeOf(column)));
    }
    Status status = database_->Run(absl::StrCat("CREATE TABLE rows (", absl::StrJoin(definitions, ", "), ")"));
    if (status.ok() && duck_.duckdb_appender_create(database_->connection(), nullptr, "rows", &appender_) != DuckDBSuccess)
      status = AppenderError();
    if (status.ok()) chunk_ = duck_.duckdb_create_data_chunk(types.data(), types.size());
    for (duckdb_logical_type& type : types) duck_.duckdb_destroy_logical_type(&type);
    return status;
  }

  Status Write(const TableChunk& chunk) override {
    if (chunk_ == nullptr) return absl::FailedPreconditionError(absl::StrCat(path_, " is finished"));
    VIGIL_RETURN_IF_ERROR(CheckChunk(columns_, chunk));
    for (size_t begin = 0; begin < chunk.rows; begin += kChunkRows) {
      const size_t rows = std::min(kChunkRows, chunk.rows - begin);
      duck_.duckdb_data_chunk_reset(chunk_);
      for (size_t i = 0; i < columns_.size(); ++i)
        Fill(columns_[i], chunk.columns[i], begin, rows, duck_.duckdb_data_chunk_get_vector(chunk_, i));
      duck_.duckdb_data_chunk_set_size(chunk_, rows);
      if (duck_.duckdb_append_data_chunk(appender_, chunk_) != DuckDBSuccess) return AppenderError();
    }
    return absl::OkStatus();
  }

  Status Finish() override {
    if (chunk_ == nullptr) return absl::FailedPreconditionError(absl::StrCat(path_, " is finished"));
    duck_.duckdb_destroy_data_chunk(&chunk_);
    if (duck_.duckdb_appender_close(appender_) != DuckDBSuccess) return AppenderError();
    std::vector<std::string> names;
    for (const std::string& name : partition_by_) names.push_back(SqlName(name));
    const std::string partitions = names.empty() ? "" : absl::StrCat(", PARTITION_BY (", absl::StrJoin(names, ", "), ")");
    VIGIL_RETURN_IF_ERROR(
        database_->Run(absl::StrCat("COPY rows TO ", SqlText(temporary_), " (FORMAT parquet, COMPRESSION zstd", partitions, ")")));
    std::error_code error;
    std::filesystem::rename(temporary_, path_, error);
    return error ? absl::UnavailableError(absl::StrCat("renaming to ", path_, ": ", error.message())) : absl::OkStatus();
  }

 private:
  void Fill(const TableColumn& column, const TableChunk::Values& values, size_t begin, size_t rows, duckdb_vector vector) {
    void* data = duck_.duckdb_vector_get_data(vector);
    duck_.duckdb_vector_ensure_validity_writable(vector);
    uint64_t* validity = duck_.duckdb_vector_get_validity(vector);
    for (size_t i = 0; i < rows; ++i) {
      const size_t row = begin + i;
      if (values.valid[row] == 0) {
        validity[i / 64] &= ~(uint64_t{1} << (i % 64));
        continue;
      }
      switch (column.type) {
        case TableType::kBool: static_cast<bool*>(data)[i] = values.ints[row] != 0; break;
        case TableType::kInt64:
        case TableType::kTime: static_cast<int64_t*>(data)[i] = values.ints[row]; break;
        case TableType::kFloat64:
          if (column.single) {
            static_cast<float*>(data)[i] = static_cast<float>(values.doubles[row]);
          } else {
            static_cast<double*>(data)[i] = values.doubles[row];
          }
          break;
        case TableType::kString:
          duck_.duckdb_vector_assign_string_element_len(vector, i, values.strings[row].data(), values.strings[row].size());
          break;
      }
    }
  }
  Status AppenderError() {
    const char* error = appender_ == nullptr ? nullptr : duck_.duckdb_appender_error(appender_);
    return absl::InvalidArgumentError(absl::StrCat("writing ", path_, ": ", error != nullptr ? error : "DuckDB refuses the rows"));
  }

  const std::unique_ptr<DuckdbDatabase> database_;
  const DuckdbLibrary& duck_;
  const std::string path_, temporary_;
  const std::vector<TableColumn> columns_;
  const std::vector<std::string> partition_by_;
  duckdb_appender appender_ = nullptr;
  duckdb_data_chunk chunk_ = nullptr;
};

}  // namespace

StatusOr<std::string> TableFormat(const std::string& path, const std::string& format) {
  if (!format.empty()) {
    if (format == "csv" || format == "parquet" || format == "ndjson") return format;
    return absl::InvalidArgumentError(absl::StrCat("table format \"", format, "\" is none of csv, parquet, ndjson"));
  }
  const std::string lower = absl::AsciiStrToLower(path);
  if (absl::EndsWith(lower, ".csv")) return "csv";
  if (absl::EndsWith(lower, ".parquet")) return "parquet";
  if (absl::EndsWith(lower, ".ndjson") || absl::EndsWith(lower, ".jsonl")) return "ndjson";
  return absl::InvalidArgumentError(absl::StrCat("the name of ", path, " ends in none of .csv, .parquet, .ndjson, .jsonl"));
}

StatusOr<std::unique_ptr<TableReader>> OpenTable(const std::vector<std::string>& paths, const std::string& format,
                                                 const std::vector<std::string>& texts) {
  VIGIL_ASSIGN_OR_RETURN(const std::string source, SourceOf(paths, format));
  VIGIL_ASSIGN_OR_RETURN(std::unique_ptr<DuckdbDatabase> database, DuckdbDatabase::Open());
  StatusOr<Shape> shape = ShapeOf(*database, source);
  if (!shape.ok()) return ExplainFailure(shape.status(), paths);
  // A code such as 007 reads as a number unless the reader is told.
  std::string types;
  for (const TableColumn& column : shape->columns) {
    if (column.type == TableType::kString || std::find(texts.begin(), texts.end(), column.name) == texts.end()) continue;
    absl::StrAppend(&types, types.empty() ? ", types={" : ", ", SqlText(column.name), ": 'VARCHAR'");
  }
  if (!types.empty() && absl::StartsWith(source, "read_csv")) {
    VIGIL_ASSIGN_OR_RETURN(const std::string typed, SourceOf(paths, format, types + "}"));
    shape = ShapeOf(*database, typed);
    if (!shape.ok()) return ExplainFailure(shape.status(), paths);
  }
  StatusOr<std::unique_ptr<DuckdbRows>> rows = database->Stream(shape->select);
  if (!rows.ok()) return ExplainFailure(rows.status(), paths);
  return std::make_unique<DuckdbReader>(std::move(database), *std::move(shape), *std::move(rows), paths);
}

StatusOr<std::unique_ptr<TableWriter>> CreateTable(const std::string& path, const std::vector<TableColumn>& columns,
                                                   const std::vector<std::string>& partition_by) {
  if (columns.empty()) return absl::InvalidArgumentError(absl::StrCat(path, ": a table needs at least one column"));
  std::string format = "parquet";
  if (partition_by.empty()) {
    VIGIL_ASSIGN_OR_RETURN(format, TableFormat(path, ""));
  }
  if (format != "parquet") return CreateTextTable(path, columns, format == "ndjson");
  VIGIL_ASSIGN_OR_RETURN(std::unique_ptr<DuckdbDatabase> database, DuckdbDatabase::Open());
  auto writer = std::make_unique<ParquetWriter>(std::move(database), path, columns, partition_by);
  VIGIL_RETURN_IF_ERROR(writer->Open());
  return writer;
}

Status QueryTables(const std::string& sql, const std::vector<std::pair<std::string, std::vector<std::string>>>& views,
                   const std::function<Status(std::string_view line)>& row) {
  VIGIL_ASSIGN_OR_RETURN(const std::unique_ptr<DuckdbDatabase> database, DuckdbDatabase::Open());
  for (const auto& [name, paths] : views) {
    VIGIL_ASSIGN_OR_RETURN(const std::string source, SourceOf(paths, ""));
    if (Status status = database->Run(absl::StrCat("CREATE VIEW ", SqlName(name), " AS SELECT * FROM ", source)); !status.ok()) {
      return ExplainFailure(status, paths);
    }
  }
  // On lines of its own, lest a comment at its end swallow the bracket.
  const absl::string_view statement = absl::StripSuffix(absl::StripAsciiWhitespace(sql), ";");
  VIGIL_ASSIGN_OR_RETURN(const Shape shape, ShapeOf(*database, absl::StrCat("(\n", statement, "\n)")));
  VIGIL_ASSIGN_OR_RETURN(const std::unique_ptr<DuckdbRows> rows, database->Stream(shape.select));
  TableChunk chunk;
  chunk.columns.resize(shape.columns.size());
  std::string line;
  for (;;) {
    VIGIL_ASSIGN_OR_RETURN(const duckdb_data_chunk fetched, rows->Next());
    if (fetched == nullptr) return absl::OkStatus();
    chunk.rows = database->duck().duckdb_data_chunk_get_size(fetched);
    for (size_t i = 0; i < shape.columns.size(); ++i) {
      CopyColumn(database->duck(), database->duck().duckdb_data_chunk_get_vector(fetched, i), shape.columns[i].type, chunk.rows,
                 &chunk.columns[i]);
    }
    for (size_t r = 0; r < chunk.rows; ++r) {
      line.clear();
      AppendJsonRow(&line, shape.columns, chunk, r);
      VIGIL_RETURN_IF_ERROR(row(line));
    }
  }
}

}  // namespace vigil
