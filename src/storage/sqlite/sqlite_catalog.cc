// The catalog in one SQLite file: write-ahead log, full sync at each commit (control-plane writes are few and must survive), one
// connection under a lock. Other processes may have the file open too.
#include <sqlite3.h>

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "storage/catalog.h"

namespace vigil {
namespace {

constexpr int kBusyTimeoutMs = 5000;

// Each takes the file from the version of its index to the next. Never edit one that was released: add another.
constexpr const char* kMigrations[] = {
    // A deleted key keeps its row with a null value, so that its epochs go on and an old epoch never fits again.
    R"sql(CREATE TABLE entries (kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT, epoch INTEGER NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID;
          CREATE TABLE events (sequence INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, model TEXT NOT NULL, kind TEXT NOT NULL,
                               subject TEXT NOT NULL, summary TEXT NOT NULL, by TEXT NOT NULL, detail TEXT NOT NULL);
          CREATE INDEX events_by_model ON events (model, sequence);)sql",
};
constexpr int kSchemaVersion = static_cast<int>(std::size(kMigrations));

Status SqliteError(sqlite3* db, int code, const std::string& doing) {
  const std::string message = absl::StrCat(doing, ": ", db != nullptr ? sqlite3_errmsg(db) : sqlite3_errstr(code));
  switch (code & 0xFF) {
    case SQLITE_FULL:
    case SQLITE_NOMEM: return absl::ResourceExhaustedError(message);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return absl::DataLossError(message);
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH: return absl::PermissionDeniedError(message);
    default: return absl::UnavailableError(message);
  }
}

// A prepared statement for one use.
class Statement {
 public:
  Statement(sqlite3* db, const char* sql) : db_(db) { code_ = sqlite3_prepare_v2(db, sql, -1, &statement_, nullptr); }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& Bind(std::string_view text) {
    if (code_ == SQLITE_OK)
      code_ =
          sqlite3_bind_text64(statement_, ++bound_, text.data() == nullptr ? "" : text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
    return *this;
  }
  Statement& Bind(int64_t number) {
    if (code_ == SQLITE_OK) code_ = sqlite3_bind_int64(statement_, ++bound_, number);
    return *this;
  }
  Statement& BindNull() {
    if (code_ == SQLITE_OK) code_ = sqlite3_bind_null(statement_, ++bound_);
    return *this;
  }
  // True: a row is there.
  StatusOr<bool> Step(const std::string& doing) {
    if (code_ == SQLITE_OK || code_ == SQLITE_ROW) code_ = sqlite3_step(statement_);
    if (code_ == SQLITE_ROW) return true;
    if (code_ == SQLITE_DONE) return false;
    return SqliteError(db_, code_, doing);
  }
  Status Run(const std::string& doing) { return Step(doing).status(); }

  bool IsNull(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
  int64_t Number(int column) const { return sqlite3_column_int64(statement_, column); }
  std::string Text(int column) const {
    const void* data = sqlite3_column_text(statement_, column);
    return data == nullptr ? ""
                           : std::string(static_cast<const char*>(data), static_cast<size_t>(sqlite3_column_bytes(statement_, column)));
  }

 private:
  sqlite3* const db_;
  sqlite3_stmt* statement_ = nullptr;
  int code_ = SQLITE_OK;
  int bound_ = 0;
};

class SqliteCatalog final : public Catalog {
 public:
  explicit SqliteCatalog(std::string path) : path_(std::move(path)) {}
  ~SqliteCatalog() override { sqlite3_close(db_); }

  Status Open() {
    const int code = sqlite3_open_v2(path_.c_str(), &db_,
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
    if (code != SQLITE_OK) return SqliteError(db_, code, absl::StrCat("opening the catalog ", path_));
    sqlite3_busy_timeout(db_, kBusyTimeoutMs);
    VIGIL_RETURN_IF_ERROR(Execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF;"));
    return Migrate();
  }

  StatusOr<CatalogEntry> Get(std::string_view kind, std::string_view key) override {
    std::lock_guard lock(mutex_);
    return GetLocked(kind, key);
  }

  StatusOr<std::vector<CatalogEntry>> List(std::string_view kind, std::string_view prefix, std::string_view after, size_t limit) override {
    std::lock_guard lock(mutex_);
    const std::string doing = absl::StrCat("listing ", std::string(kind));
    Statement statement(db_,
                        "SELECT key, value, epoch FROM entries WHERE kind = ? AND key >= ? AND key > ? AND value IS NOT NULL ORDER BY key");
    statement.Bind(kind).Bind(prefix).Bind(after);
    std::vector<CatalogEntry> entries;
    while (entries.size() < limit) {
      VIGIL_ASSIGN_OR_RETURN(const bool row, statement.Step(doing));
      if (!row) break;
      std::string key = statement.Text(0);
      if (!key.starts_with(prefix)) break;
      entries.push_back({std::move(key), statement.Text(1), statement.Number(2)});
    }
    return entries;
  }

  StatusOr<std::vector<int64_t>> Apply(const std::vector<CatalogWrite>& writes, const std::vector<TimelineEvent>& events) override {
    std::lock_guard lock(mutex_);
    VIGIL_RETURN_IF_ERROR(Execute("BEGIN IMMEDIATE"));
    StatusOr<std::vector<int64_t>> epochs = ApplyLocked(writes, events);
    Status status = epochs.status();
    if (status.ok()) status = Execute("COMMIT");
    if (status.ok()) return epochs;
    // A failed commit may have rolled back by itself; then this fails too, and there is nothing left to undo.
    Execute("ROLLBACK").IgnoreError();
    return status;
  }

  StatusOr<std::vector<TimelineEvent>> Timeline(std::string_view model, int64_t before, size_t limit) override {
    std::lock_guard lock(mutex_);
    const int64_t below = before == 0 ? INT64_MAX : before;
    const char* of_model =
        "SELECT sequence, time, model, kind, subject, summary, by, detail FROM events WHERE model = ? AND sequence < ? ORDER BY sequence "
        "DESC LIMIT ?";
    const char* of_all =
        "SELECT sequence, time, model, kind, subject, summary, by, detail FROM events WHERE sequence < ? ORDER BY sequence DESC LIMIT ?";
    Statement statement(db_, model.empty() ? of_all : of_model);
    if (!model.empty()) statement.Bind(model);
    statement.Bind(below).Bind(static_cast<int64_t>(limit));
    std::vector<TimelineEvent> events;
    for (;;) {
      VIGIL_ASSIGN_OR_RETURN(const bool row, statement.Step("reading the timeline"));
      if (!row) return events;
      events.push_back({statement.Number(0), statement.Number(1), statement.Text(2), statement.Text(3), statement.Text(4),
                        statement.Text(5), statement.Text(6), statement.Text(7)});
    }
  }

 private:
  Status Execute(const char* sql) {
    const int code = sqlite3_exec(db_, sql, nullptr, nullptr, nullptr);
    return code == SQLITE_OK ? absl::OkStatus() : SqliteError(db_, code, absl::StrCat("catalog ", path_));
  }

  StatusOr<int64_t> UserVersion() {
    Statement statement(db_, "PRAGMA user_version");
    VIGIL_ASSIGN_OR_RETURN(const bool row, statement.Step(absl::StrCat("reading the version of ", path_)));
    return row ? statement.Number(0) : 0;
  }

  Status Migrate() {
    VIGIL_ASSIGN_OR_RETURN(int64_t version, UserVersion());
    if (version == kSchemaVersion) return absl::OkStatus();
    VIGIL_RETURN_IF_ERROR(Execute("BEGIN IMMEDIATE"));
    Status status = MigrateInTransaction();
    if (status.ok()) status = Execute("COMMIT");
    if (!status.ok()) Execute("ROLLBACK").IgnoreError();
    return status;
  }

  Status MigrateInTransaction() {
    // Again, under the lock: another process may have migrated meanwhile.
    VIGIL_ASSIGN_OR_RETURN(const int64_t version, UserVersion());
    if (version > kSchemaVersion) {
      return absl::FailedPreconditionError(absl::StrCat("the catalog ", path_, " has version ", version,
                                                        ", written by a newer Vigil; this one reads up to ", kSchemaVersion));
    }
    for (int64_t v = version; v < kSchemaVersion; ++v) VIGIL_RETURN_IF_ERROR(Execute(kMigrations[v]));
    return Execute(absl::StrCat("PRAGMA user_version=", kSchemaVersion).c_str());
  }

  StatusOr<CatalogEntry> GetLocked(std::string_view kind, std::string_view key) {
    Statement statement(db_, "SELECT value, epoch FROM entries WHERE kind = ? AND key = ? AND value IS NOT NULL");
    statement.Bind(kind).Bind(key);
    VIGIL_ASSIGN_OR_RETURN(const bool row, statement.Step(absl::StrCat("reading ", std::string(kind), " ", std::string(key))));
    if (!row) return absl::NotFoundError(absl::StrCat("no ", std::string(kind), " \"", std::string(key), "\""));
    return CatalogEntry{std::string(key), statement.Text(0), statement.Number(1)};
  }

  StatusOr<std::vector<int64_t>> ApplyLocked(const std::vector<CatalogWrite>& writes, const std::vector<TimelineEvent>& events) {
    std::vector<int64_t> epochs;
    for (const CatalogWrite& write : writes) {
      VIGIL_ASSIGN_OR_RETURN(const int64_t epoch, WriteLocked(write));
      epochs.push_back(epoch);
    }
    for (const TimelineEvent& event : events) {
      Statement statement(db_, "INSERT INTO events (time, model, kind, subject, summary, by, detail) VALUES (?, ?, ?, ?, ?, ?, ?)");
      statement.Bind(event.time)
          .Bind(event.model)
          .Bind(event.kind)
          .Bind(event.subject)
          .Bind(event.summary)
          .Bind(event.by)
          .Bind(event.detail);
      VIGIL_RETURN_IF_ERROR(statement.Run("appending to the timeline"));
    }
    return epochs;
  }

  StatusOr<int64_t> WriteLocked(const CatalogWrite& write) {
    const std::string doing = absl::StrCat("writing ", write.kind, " ", write.key);
    int64_t stored = 0;
    bool exists = false;
    {
      Statement statement(db_, "SELECT epoch, value FROM entries WHERE kind = ? AND key = ?");
      statement.Bind(write.kind).Bind(write.key);
      VIGIL_ASSIGN_OR_RETURN(const bool row, statement.Step(doing));
      if (row) {
        stored = statement.Number(0);
        exists = !statement.IsNull(1);
      }
    }
    const int64_t visible = exists ? stored : 0;
    if (write.expected_epoch != CatalogWrite::kAnyEpoch && write.expected_epoch != visible) {
      return absl::AbortedError(absl::StrCat(write.kind, " \"", write.key, "\" is at epoch ", visible, ", not ", write.expected_epoch,
                                             ": somebody changed it meanwhile"));
    }
    if (!write.value.has_value() && !exists) return stored;
    Statement statement(db_,
                        "INSERT INTO entries (kind, key, value, epoch) VALUES (?, ?, ?, ?) ON CONFLICT (kind, key) DO UPDATE SET value = "
                        "excluded.value, epoch = excluded.epoch");
    statement.Bind(write.kind).Bind(write.key);
    write.value.has_value() ? statement.Bind(*write.value) : statement.BindNull();
    statement.Bind(stored + 1);
    VIGIL_RETURN_IF_ERROR(statement.Run(doing));
    return stored + 1;
  }

  const std::string path_;
  std::mutex mutex_;
  sqlite3* db_ = nullptr;  // guarded by mutex_
};

}  // namespace

StatusOr<std::unique_ptr<Catalog>> OpenSqliteCatalog(const std::string& path) {
  auto catalog = std::make_unique<SqliteCatalog>(path);
  VIGIL_RETURN_IF_ERROR(catalog->Open());
  return catalog;
}

}  // namespace vigil
