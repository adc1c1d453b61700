// The general parser of rows in JSON, on simdjson's on-demand interface: every form, every rule, any order of keys. Bounded: one copy of
// the body (simdjson reads past the end) and one 32-bit index a structural character, kept from request to request up to a maximum.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "frontends/rows/columns.h"

namespace vigil {

// Which envelope the body has.
enum class JsonForm : uint8_t {
  kOurs,  // {"rows":[...]}, {"columns":[...],"data":[[...]]} or a bare object; "ids", "entities", "times", "partial"
  // Exactly one of the keys; members of other names are ignored.
  kMlflow,  // dataframe_split, dataframe_records, instances, inputs
  kVertex,  // instances: a list of rows
  kAzure,   // input_data (a split, rows, or lists by column), dataframe_split, data (rows)
};

struct JsonRowsOptions {
  JsonForm form = JsonForm::kOurs;
  UnknownColumns unknown = UnknownColumns::kWarn;
};

struct JsonLinesOptions {
  int64_t first_line = 1;                       // what messages call the first
  bool lenient = false;                         // no type errors (RowFiller::ReadOddValues), and unknown columns are ignored
  std::vector<std::string>* unknown = nullptr;  // but for their names, some of them, which go here
};

// Memory kept between requests; a larger body's is given back after it.
inline constexpr size_t kJsonKeepBytesMax = 4 << 20;

// One serving thread's. Views in the batches it fills hold until its next call.
class JsonRows {
 public:
  JsonRows();
  ~JsonRows();

  // Fills `batch` and lists in `absent` the model's columns that no row had. A body that is not the form is a Failure of kMalformed or
  // kInvalid with its path; a cell that is no number becomes a RowError of rule "type" in the batch.
  Status Parse(std::string_view body, const ColumnIndex& columns, const JsonRowsOptions& options, RowBatch* batch,
               std::vector<uint32_t>* absent);

  // One row a line: an object, or a list of values in the model's order. Blank lines are skipped.
  Status ParseLines(std::string_view body, const ColumnIndex& columns, const JsonLinesOptions& options, RowBatch* batch,
                    std::vector<uint32_t>* absent);

 private:
  struct State;
  Status ReadLine(std::string_view line, const ColumnIndex& columns, RowFiller& filler);

  std::unique_ptr<State> state_;
};

}  // namespace vigil
