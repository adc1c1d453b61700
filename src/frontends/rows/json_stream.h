// NDJSON read for scoring: as json_rows.h reads it, but piece by piece, and no value is refused.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "frontends/rows/columns.h"
#include "frontends/rows/json_rows.h"
#include "frontends/rows/row_stream.h"

namespace vigil {

class JsonStream final : public RowStream {
 public:
  // `columns` outlives this.
  JsonStream(TextSource source, const ColumnIndex& columns) : text_(std::move(source)), columns_(columns), seen_(columns.size(), 0) {}
  // A list is the elements of the tensor of that name, as in a request. A line that is a list is a row in the
  // model's order. INVALID_ARGUMENT: a line that is neither, or too long; a list of
  // more elements than the tensor has.
  Status Next(RowBatch* batch) override;
  // One a column of the model: whether any row had it.
  const std::vector<uint8_t>& seen() const { return seen_; }
  // Names of other columns of the first rows, some of them.
  const std::vector<std::string>& unknown() const { return unknown_; }

 private:
  StreamText text_;
  const ColumnIndex& columns_;
  JsonRows rows_;
  std::vector<uint32_t> absent_;
  std::vector<uint8_t> seen_;
  std::vector<std::string> unknown_;
  size_t taken_ = 0;  // bytes of `text_` that the batch before may still view
  int64_t line_ = 1;
  bool first_ = true;
};

}  // namespace vigil
