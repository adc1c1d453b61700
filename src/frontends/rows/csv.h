// RFC 4180: cells between commas, optionally quoted, lines ended by LF or CRLF.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "frontends/rows/columns.h"

namespace vigil {

// Reads a table line by line. Cells are views into the text, or into `arena` where a quote had to be undone.
class CsvReader {
 public:
  // `arena` outlives the views; it only grows here.
  CsvReader(std::string_view text, std::deque<std::string>* arena);
  // False at the end. Lines without any cell text are skipped. A quote that never ends or is followed by text is a Failure of kMalformed.
  StatusOr<bool> Next(std::vector<std::string_view>* cells);
  // Of the line read last, from 1.
  int64_t line() const { return line_; }

 private:
  Status Quoted(std::string_view* cell);

  const char* p_;
  const char* const end_;
  int64_t line_ = 0;
  int64_t next_line_ = 1;
  std::deque<std::string>* const arena_;
};

// A cell into the selected row; `meaning` as of RowFiller::Meaning. What is no number in a column of numbers is a type error of its row.
// The cell must stay as long as the batch.
Status ReadCsvCell(std::string_view cell, int meaning, const ColumnIndex& columns, RowFiller& filler);

// Whether the first line holds names. kByLook: it is a row when it could be one: its cells fit the model's columns in their order, a number
// among them, and are not all names.
enum class CsvHeader : uint8_t { kPresent, kAbsent, kByLook };

// A table → rows, with the columns `_id`, `_entity` and `_time` beside the model's. Views in `batch` point into the text
// and into the reader's arena.
Status ParseCsvRows(CsvReader& reader, const ColumnIndex& columns, UnknownColumns unknown, RowBatch* batch, std::vector<uint32_t>* absent,
                    CsvHeader header = CsvHeader::kPresent);

}  // namespace vigil
