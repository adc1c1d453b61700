// CSV with a header, read for scoring: as csv.h reads it, but piece by piece, and no value is refused.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "frontends/rows/columns.h"
#include "frontends/rows/row_stream.h"

namespace vigil {

class CsvStream final : public RowStream {
 public:
  explicit CsvStream(TextSource source) : text_(std::move(source)) {}
  // The header's names; the first call. INVALID_ARGUMENT when there is no header.
  StatusOr<std::vector<std::string>> Header();
  // The second call: column c of the model is cell at[c], no two of them the same. `columns` outlives this.
  void Choose(const ColumnIndex& columns, const std::vector<size_t>& at);

  // An empty cell is missing, and so is one of a column of numbers that holds neither a number (ParseCell) nor a time (its microseconds;
  // UTC unless it says otherwise). Lines without text are skipped where there are several columns. INVALID_ARGUMENT: a row of more or fewer
  // cells than the header, a quote that never ends or is followed by text, a row that is too long.
  Status Next(RowBatch* batch) override;

 private:
  enum class Outcome : uint8_t { kCells, kUnfinished };
  // What a cell is to the model.
  struct Target {
    int column = -1;  // -1: nothing
    ColumnStore store = ColumnStore::kFloat;
    size_t at = 0;  // among those of its store
  };
  // A place in the text. Rows are read from one and, if their end is not there yet, from the same one again.
  struct Place {
    const char* p = nullptr;
    const char* end = nullptr;
    int64_t line = 1;
  };

  StatusOr<Outcome> ReadRow(Place* place, RowBatch* batch, size_t* cells);
  StatusOr<Outcome> ReadCell(Place* place, std::string_view* cell);
  StatusOr<Outcome> ReadQuoted(Place* place, std::string_view* cell);
  void SetText(const Target& target, std::string_view text, RowBatch* batch) const;
  static void SetNumber(const Target& target, double value, RowBatch* batch);
  static bool IsEnd(char c) { return c == ',' || c == '\n' || c == '\r'; }
  Status At(int64_t line, std::string_view message) const;

  StreamText text_;
  const ColumnIndex* columns_ = nullptr;
  std::vector<Target> targets_;     // one a cell
  std::deque<std::string> arena_;   // texts whose quotes were undone
  std::vector<std::string> names_;  // of the header
  size_t taken_ = 0;                // bytes of `text_` that the batch before may still view
  int64_t line_ = 1;                // where the next row begins
};

}  // namespace vigil
