// The fixed-schema parser: JSON rows whose keys are exactly the model's columns in the model's order, with numbers and nulls, which is
// what programs send. It reads each byte once and checks every byte it accepts against the JSON grammar; at the first thing it does not
// expect it gives up, and the general parser (json_rows.h) starts again from the first byte. Whatever it accepts, the general parser
// reads alike (fast_rows_test.cc, fast_rows_fuzz.cc).
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/types/span.h"
#include "frontends/rows/columns.h"

namespace vigil {

// Accepts a bare object (one row), {"rows":[{...} or [...], ...]} and {"columns":[...],"data":[[...],...]}, with "ids", "entities" and
// "times" before or after. False: not parsed, and `batch` holds nothing of use. Views in `batch` point into `body`. Allocates nothing
// when `batch` is warm.
bool ParseFastRows(std::string_view body, const ColumnIndex& columns, RowBatch* batch);

// One line of NDJSON, which may leave columns out: appends a row to `batch` (not reset) and marks in `seen`, one a column, which it has.
// False: not parsed; the batch is as it was.
bool ParseFastLine(std::string_view line, const ColumnIndex& columns, RowBatch* batch, absl::Span<uint8_t> seen);

}  // namespace vigil
