// DuckDB's C interface, loaded when first needed, and its handles as values that clean up after themselves.
#pragma once

#include <duckdb.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace vigil {

// clang-format 14 finds no fixed point for a list of macros.
// clang-format off
#define VIGIL_DUCKDB_FUNCTIONS(F) \
  F(duckdb_create_config) F(duckdb_set_config) F(duckdb_destroy_config) F(duckdb_open_ext) F(duckdb_close) F(duckdb_free) \
  F(duckdb_connect) F(duckdb_disconnect) F(duckdb_query) F(duckdb_prepare) F(duckdb_prepare_error) F(duckdb_destroy_prepare) \
  F(duckdb_pending_prepared_streaming) F(duckdb_pending_error) F(duckdb_execute_pending) F(duckdb_destroy_pending) \
  F(duckdb_fetch_chunk) F(duckdb_result_error) F(duckdb_destroy_result) F(duckdb_column_count) F(duckdb_column_name) \
  F(duckdb_column_type) F(duckdb_data_chunk_get_size) F(duckdb_data_chunk_get_vector) F(duckdb_destroy_data_chunk) \
  F(duckdb_vector_get_data) F(duckdb_vector_get_validity) F(duckdb_create_logical_type) F(duckdb_destroy_logical_type) \
  F(duckdb_create_data_chunk) F(duckdb_data_chunk_reset) F(duckdb_data_chunk_set_size) F(duckdb_vector_ensure_validity_writable) \
  F(duckdb_vector_assign_string_element_len) F(duckdb_vector_size) F(duckdb_appender_create) F(duckdb_append_data_chunk) \
  F(duckdb_appender_close) F(duckdb_appender_error) F(duckdb_appender_destroy) F(duckdb_column_logical_type) \
  F(duckdb_logical_type_get_alias)
// clang-format on

// One pointer a function, of its own name and type.
struct DuckdbLibrary {
#define VIGIL_DUCKDB_POINTER(name) decltype(&::name) name = nullptr;
  VIGIL_DUCKDB_FUNCTIONS(VIGIL_DUCKDB_POINTER)
#undef VIGIL_DUCKDB_POINTER
};

// Looked for at VIGIL_DUCKDB_LIB, then beside the program in ../lib, then where the system looks. Loaded once and kept. Any thread.
// UNIMPLEMENTED says what was tried.
StatusOr<const DuckdbLibrary*> LoadDuckdb();

// A result, streamed chunk by chunk.
class DuckdbRows {
 public:
  explicit DuckdbRows(const DuckdbLibrary& duck) : duck_(duck) {}
  ~DuckdbRows();
  DuckdbRows(const DuckdbRows&) = delete;
  DuckdbRows& operator=(const DuckdbRows&) = delete;
  // Null at the end. The chunk holds until the next call.
  StatusOr<duckdb_data_chunk> Next();
  duckdb_result* result() { return &result_; }

 private:
  const DuckdbLibrary& duck_;
  duckdb_result result_{};
  duckdb_data_chunk chunk_ = nullptr;
};

// A database in memory that spills to a temporary directory, with one connection. One thread at a time.
class DuckdbDatabase {
 public:
  static StatusOr<std::unique_ptr<DuckdbDatabase>> Open();
  ~DuckdbDatabase();
  const DuckdbLibrary& duck() const { return duck_; }
  duckdb_connection connection() const { return connection_; }
  Status Run(const std::string& sql);
  StatusOr<std::unique_ptr<DuckdbRows>> Stream(const std::string& sql);

 private:
  explicit DuckdbDatabase(const DuckdbLibrary& duck) : duck_(duck) {}
  Status Start();

  const DuckdbLibrary& duck_;
  std::string spill_directory_;
  duckdb_database database_ = nullptr;
  duckdb_connection connection_ = nullptr;
};

// 'it''s' and "a ""name""".
std::string SqlText(std::string_view text);
std::string SqlName(std::string_view name);

}  // namespace vigil
