#include "storage/duckdb/duckdb_library.h"

#include <dlfcn.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "storage/abandoned.h"

namespace vigil {
namespace {

constexpr char kMemoryLimit[] = "512MB";
constexpr char kThreads[] = "2";

StatusOr<const DuckdbLibrary*> LoadOnce() {
  std::vector<std::string> places;
  if (const char* place = std::getenv("VIGIL_DUCKDB_LIB"); place != nullptr && *place != '\0') places.push_back(place);
  std::error_code ignored;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", ignored);
  if (!ignored) places.push_back((program.parent_path().parent_path() / "lib" / "libduckdb.so").string());
  places.push_back("libduckdb.so");
  void* handle = nullptr;
  std::string tried;
  for (const std::string& place : places) {
    handle = dlopen(place.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle != nullptr) break;
    absl::StrAppend(&tried, tried.empty() ? "" : "; ", dlerror());
  }
  if (handle == nullptr) {
    return absl::UnimplementedError(absl::StrCat(
        "tables (CSV, Parquet, NDJSON) need libduckdb.so, which was not found; set VIGIL_DUCKDB_LIB to its path. Tried: ", tried));
  }
  auto duck = std::make_unique<DuckdbLibrary>();
  std::string missing;
#define VIGIL_DUCKDB_LOOK_UP(name)                                           \
  duck->name = reinterpret_cast<decltype(duck->name)>(dlsym(handle, #name)); \
  if (duck->name == nullptr) absl::StrAppend(&missing, " " #name);
  VIGIL_DUCKDB_FUNCTIONS(VIGIL_DUCKDB_LOOK_UP)
#undef VIGIL_DUCKDB_LOOK_UP
  if (!missing.empty()) return absl::UnimplementedError(absl::StrCat("libduckdb.so lacks", missing, ": another version than 1.4?"));
  return duck.release();  // kept for the life of the process, as the library is
}

}  // namespace

StatusOr<const DuckdbLibrary*> LoadDuckdb() {
  static const StatusOr<const DuckdbLibrary*> library = LoadOnce();
  return library;
}

DuckdbRows::~DuckdbRows() {
  if (chunk_ != nullptr) duck_.duckdb_destroy_data_chunk(&chunk_);
  duck_.duckdb_destroy_result(&result_);
}

StatusOr<duckdb_data_chunk> DuckdbRows::Next() {
  if (chunk_ != nullptr) duck_.duckdb_destroy_data_chunk(&chunk_);
  chunk_ = duck_.duckdb_fetch_chunk(result_);
  if (chunk_ == nullptr) {
    const char* error = duck_.duckdb_result_error(&result_);
    if (error != nullptr && *error != '\0') return absl::InvalidArgumentError(error);
  }
  return chunk_;
}

StatusOr<std::unique_ptr<DuckdbDatabase>> DuckdbDatabase::Open() {
  VIGIL_ASSIGN_OR_RETURN(const DuckdbLibrary* duck, LoadDuckdb());
  std::unique_ptr<DuckdbDatabase> database(new DuckdbDatabase(*duck));
  VIGIL_RETURN_IF_ERROR(database->Start());
  return database;
}

Status DuckdbDatabase::Start() {
  static std::atomic<int> databases{0};
  if (databases == 0) RemoveAbandonedTemporaries();
  std::error_code ignored;
  const std::filesystem::path temporary = std::filesystem::temp_directory_path(ignored);
  spill_directory_ = (temporary / absl::StrCat("vigil-tables.", OwnerTag(), ".", databases.fetch_add(1))).string();
  duckdb_config config = nullptr;
  if (duck_.duckdb_create_config(&config) != DuckDBSuccess) return absl::ResourceExhaustedError("DuckDB cannot make a configuration");
  const std::pair<const char*, std::string> settings[] = {
      {"threads", kThreads},
      {"memory_limit", kMemoryLimit},
      {"temp_directory", spill_directory_},
      {"autoinstall_known_extensions", "false"},
      {"autoload_known_extensions", "false"},
      {"enable_external_file_cache", "false"},
  };
  Status status;
  for (const auto& [name, value] : settings) {
    if (duck_.duckdb_set_config(config, name, value.c_str()) != DuckDBSuccess) {
      status.Update(absl::InternalError(absl::StrCat("DuckDB refuses the setting ", name, "=", value)));
    }
  }
  char* error = nullptr;
  if (status.ok() && duck_.duckdb_open_ext(":memory:", &database_, config, &error) != DuckDBSuccess) {
    status = absl::InternalError(absl::StrCat("DuckDB does not start: ", error != nullptr ? error : "no reason given"));
  }
  if (error != nullptr) duck_.duckdb_free(error);
  duck_.duckdb_destroy_config(&config);
  VIGIL_RETURN_IF_ERROR(status);
  if (duck_.duckdb_connect(database_, &connection_) != DuckDBSuccess) return absl::InternalError("DuckDB refuses a connection");
  return Run("SET TimeZone='UTC'");
}

DuckdbDatabase::~DuckdbDatabase() {
  if (connection_ != nullptr) duck_.duckdb_disconnect(&connection_);
  if (database_ != nullptr) duck_.duckdb_close(&database_);
  std::error_code ignored;
  if (!spill_directory_.empty()) std::filesystem::remove_all(spill_directory_, ignored);
}

Status DuckdbDatabase::Run(const std::string& sql) {
  duckdb_result result{};
  Status status;
  if (duck_.duckdb_query(connection_, sql.c_str(), &result) != DuckDBSuccess) {
    const char* error = duck_.duckdb_result_error(&result);
    status = absl::InvalidArgumentError(error != nullptr ? error : "the query failed");
  }
  duck_.duckdb_destroy_result(&result);
  return status;
}

StatusOr<std::unique_ptr<DuckdbRows>> DuckdbDatabase::Stream(const std::string& sql) {
  auto rows = std::make_unique<DuckdbRows>(duck_);
  duckdb_prepared_statement statement = nullptr;
  duckdb_pending_result pending = nullptr;
  Status status;
  const auto failed = [&status](const char* error) { status = absl::InvalidArgumentError(error != nullptr ? error : "the query failed"); };
  if (duck_.duckdb_prepare(connection_, sql.c_str(), &statement) != DuckDBSuccess) {
    failed(duck_.duckdb_prepare_error(statement));
  } else if (duck_.duckdb_pending_prepared_streaming(statement, &pending) != DuckDBSuccess) {
    failed(duck_.duckdb_pending_error(pending));
  } else if (duck_.duckdb_execute_pending(pending, rows->result()) != DuckDBSuccess) {
    failed(duck_.duckdb_result_error(rows->result()));
  }
  duck_.duckdb_destroy_pending(&pending);
  duck_.duckdb_destroy_prepare(&statement);
  VIGIL_RETURN_IF_ERROR(status);
  return rows;
}

std::string SqlText(std::string_view text) {
  return absl::StrCat("'", absl::StrReplaceAll(absl::string_view(text.data(), text.size()), {{"'", "''"}}), "'");
}
std::string SqlName(std::string_view name) {
  return absl::StrCat("\"", absl::StrReplaceAll(absl::string_view(name.data(), name.size()), {{"\"", "\"\""}}), "\"");
}

}  // namespace vigil
