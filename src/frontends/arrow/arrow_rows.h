// A body in Arrow's stream format → rows: columns by name, `_id`, `_entity` and `_time` among them.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "frontends/rows/columns.h"

namespace vigil {

inline constexpr std::string_view kArrowStreamType = "application/vnd.apache.arrow.stream";

inline constexpr int64_t kArrowTextBytesMax = 128 << 20;  // of all texts of a body

// Whole numbers, floats and truth values are numbers, strings of either size are texts, both also as a dictionary's values; a null is a
// missing value, and so is a NaN. `_id` and `_entity` are texts or whole numbers, `_time` is a timestamp (without a zone: UTC), a date, or
// a text in RFC 3339. Texts are copied into `texts`, which views in `batch` point into.
//   A text in a column of numbers, or a number in one of texts, is a type error of its row. A column of a type that is not read is a
// Failure of kInvalid that names it; so are timestamps, decimals and binaries in the model's columns. The guard's failures: ArrowGuard.
Status ParseArrowRows(std::string_view body, const ColumnIndex& columns, UnknownColumns unknown, std::deque<std::string>* texts,
                      RowBatch* batch, std::vector<uint32_t>* absent);

}  // namespace vigil
