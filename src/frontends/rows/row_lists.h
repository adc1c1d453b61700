// What belongs to rows but not to the model, in dialects whose bodies have no column for it: headers and parameters with one item a row.
#pragma once

#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "prediction/pipeline.h"

namespace vigil {

// "a,b,c" → one text a row: X-Vigil-Ids and its like. `name` is for messages: INVALID_ARGUMENT names it when the counts differ.
enum class RowHeader : uint8_t { kIds, kEntities, kTimes };
Status FillFromList(std::string_view list, RowHeader what, std::string_view name, RowBatch* batch);

// The same from a body's parameters, which stand before or after the rows: read first, given to the rows when these are there.
struct RowLists {
  struct List {
    bool given = false;
    std::string_view text;                // "a,b,c", or
    std::vector<std::string_view> items;  // one a row
  };
  List ids, entities, times;

  void Clear();
  // INVALID_ARGUMENT names the parameter when it does not have one item a row, or a time that is none.
  Status Apply(RowBatch* batch) const;
};

}  // namespace vigil
