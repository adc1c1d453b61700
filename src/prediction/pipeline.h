// A request's life below the dialects: validate → clean → route → score → log → observe, one file a stage. A pipeline belongs to one
// serving thread and keeps that thread's scorers, log writer and sketch; a warm request takes no lock and allocates nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "base/clock.h"
#include "base/status.h"
#include "domain/request_context.h"
#include "domain/schema.h"
#include "domain/table_shape.h"
#include "monitoring/monitor.h"
#include "registry/registry.h"
#include "storage/prediction_log.h"

namespace vigil {

inline constexpr size_t kRowsMax = 1'000'000;  // a request
inline constexpr size_t kCellsMax = 32 << 20;  // rows times columns of a request: what a full body of the default limit can spell out

// What a dialect's parser fills: rows in the model's column order, and what it could not put there. Reused from request to request; Reset
// keeps the memory. Every column has a float; columns that a float cannot hold have a double or a text beside it (ColumnStore).
struct RowBatch {
  size_t rows = 0;
  size_t columns = 0;
  size_t exact_columns = 0;
  size_t text_columns = 0;
  std::vector<float> values;               // rows × columns; NaN: missing. Of a text 0, of an exact column rounded
  std::vector<double> exact;               // rows × exact_columns
  std::vector<std::string_view> texts;     // rows × text_columns; empty where missing
  std::vector<std::string_view> ids;       // the caller's own; empty, or one a row
  std::vector<std::string_view> entities;  // empty, or one a row
  std::vector<TimeUs> times;               // event times; empty, or one a row
  std::vector<RowError> errors;            // cells that are no number; at most kRowErrorsMax are kept ...
  int64_t error_count = 0;                 // ... and all are counted
  std::vector<uint32_t> error_rows;        // rows with at least one such cell, rising, without repeats
  std::vector<std::string> warnings;       // unknown columns
  bool partial = false;                    // answer what can be answered, null for refused rows
  // Of a model that no table fits: its tensors as they came, with `rows` rows each, and then there are no columns. The caller keeps them.
  const Batch* whole = nullptr;

  // For a model that takes floats only.
  void Reset(size_t column_count);
  void Reset(const TableShape& shape);
  // Adds a row of missing values.
  void AddRow();
  // `shape` is what the batch was reset for.
  TableRows table(const TableShape& shape) const { return {&shape, rows, values.data(), exact.data(), texts.data()}; }
  // Rows may come in any order. Cuts error.value to kRowErrorValueBytesMax.
  void AddError(RowError error);
};

// A resolved model, pinned for the request.
struct PredictTarget {
  std::shared_ptr<const ServedModel> model;
  std::shared_ptr<const ServedVersion> version;  // asked for by number, or the champion
  bool version_is_explicit = false;              // then routing is bypassed

  // What the request's rows are read into. A plan's may keep more than the version's own (ServedModel::table).
  const TableShape& table() const { return is_own_table() ? version->loaded->table() : *model->table; }
  bool is_own_table() const { return version_is_explicit || model->table == nullptr; }
};

struct PredictResult {
  std::string_view version;         // that answered; with several arms, the champion's
  absl::Span<const float> outputs;  // rows × width of the score (ScoreRule), NaN in refused rows
  size_t width = 1;
  // Every output, a row in each for each row, where the answer is more than floats; empty when `outputs` is all of it. What they hold in
  // refused rows means nothing.
  absl::Span<const OwnedTensor> tensors;
  const TableShape* shape = nullptr;              // of the version asked for; every arm's answer is given in its form
  absl::Span<const PredictionId> prediction_ids;  // one a row; refused rows have one too when they were logged
  absl::Span<const uint8_t> refused;              // one a row; empty: none
  absl::Span<const std::string_view> versions;    // one a row; empty: `version` answered every row
  absl::Span<const RowError> errors;
  int64_t error_count = 0;
  absl::Span<const std::string> warnings;
};

struct PipelineOptions {
  int64_t seal_interval_us =
      5'000;  // counts are handed to the monitor at most this often: a hand-over costs as much as counting a few rows
  bool log = true;
  bool event_clock = false;                   // windows and log times from `times`
  bool shadow_on_path = true;                 // score shadows after the answer was queued, on the same turn, while the budget allows
  int64_t shadow_budget_us_per_s = 300'000;   // of one thread; beyond it shadow rows are skipped and counted
  int64_t shadow_buffer_bytes_max = 8 << 20;  // of one thread: copies of rows waiting for their shadows; more are skipped and counted
  uint64_t id_seed = 0;                       // of prediction ids while nothing is logged; 0: from the clock
};

struct PipelineCounters {  // of one thread; plain integers, read with relaxed loads
  int64_t requests = 0, rows = 0;
  int64_t refused_rows = 0;   // broke the schema
  int64_t failed_rows = 0;    // the runtime failed, or the deadline had passed
  int64_t cleaned_cells = 0;  // imputed, clamped or flagged
  int64_t shadow_rows = 0, shadow_skipped = 0, shadow_failed = 0;
  int64_t log_dropped = 0;   // records that the log refused
  int64_t log_failures = 0;  // flushes that it refused
};

class Pipeline {
 public:
  // `event_clock` may be null (wall time). All references outlive the pipeline.
  Pipeline(const Registry& registry, PredictionLog* log, Monitor* monitor, const Clock& clock, EventClock* event_clock,
           const PipelineOptions& options);
  ~Pipeline();

  // NOT_FOUND naming the nearest model or version; UNAVAILABLE when it has no champion. `model` empty: the default model, else the only
  // one, else INVALID_ARGUMENT listing the names.
  StatusOr<PredictTarget> Resolve(std::string_view model, std::string_view version = "");

  // Scores `batch`, whose columns are target.table()'s. Rows are validated and cleaned by its schema, whichever arm then answers them, so
  // that arms are compared on the same rows. kDone: `*result` is ready and valid until this pipeline's next call. kLater (a runtime that
  // answers later): `done` is called on this loop with the result; `context`, `batch` and `target` must stay. INVALID_ARGUMENT with
  // result->errors filled when rows were refused and the batch is not partial (nothing was scored; the refusals are counted).
  // DEADLINE_EXCEEDED, before anything is done, when context.deadline_ns has passed. Whatever the runtime fails with fails the whole
  // request. A log that fails never does.
  StatusOr<ScoreState> Predict(const RequestContext& context, const PredictTarget& target, RowBatch& batch, PredictResult* result,
                               std::function<void(std::function<void()>)> post, std::function<void(StatusOr<PredictResult>)> done);

  // End of a turn of the loop, before answers are sent: shadows, log flush, sketch hand-over. Also lets go of versions that are not
  // loaded any more; an idle thread should call it now and then for that. True while log records wait to be written: then it must be
  // called again within kLogWriteDelayNs.
  bool EndTurn();
  // Any thread.
  PipelineCounters counters() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vigil
