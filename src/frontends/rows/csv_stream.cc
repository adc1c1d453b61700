#include "frontends/rows/csv_stream.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "frontends/rows/number.h"
#include "frontends/words.h"

namespace vigil {

StatusOr<std::vector<std::string>> CsvStream::Header() {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  bool first = true;
  for (;;) {
    if (const Status more = text_.More(); !more.ok()) return absl::IsInvalidArgument(more) ? At(line_, MessageOf(more)) : more;
    if (text_.ended() && text_.text().empty()) {
      return absl::InvalidArgumentError("is empty: a header line with column names is expected");
    }
    if (first && text_.text().size() < kByteOrderMark.size() && !text_.ended()) continue;
    if (first && text_.text().starts_with(kByteOrderMark)) text_.Take(kByteOrderMark.size());
    first = false;
    Place place{text_.text().data(), text_.text().data() + text_.text().size(), line_};
    names_.clear();
    while (place.p < place.end && (*place.p == '\n' || *place.p == '\r')) place.line += *place.p++ == '\n' ? 1 : 0;
    for (;;) {
      std::string_view cell;
      VIGIL_ASSIGN_OR_RETURN(const Outcome outcome, ReadCell(&place, &cell));
      if (outcome == Outcome::kUnfinished) break;
      names_.emplace_back(StripBlanks(cell));
      if (place.p < place.end && *place.p == ',') {
        ++place.p;
        continue;
      }
      if (place.p < place.end && *place.p == '\r') ++place.p;
      if (place.p == place.end && !text_.ended()) break;
      if (place.p < place.end && *place.p == '\n') ++place.p, ++place.line;
      text_.Take(static_cast<size_t>(place.p - text_.text().data()));
      line_ = place.line;
      return names_;
    }
  }
}

void CsvStream::Choose(const ColumnIndex& columns, const std::vector<size_t>& at) {
  columns_ = &columns;
  targets_.assign(names_.size(), Target());
  for (size_t c = 0; c < at.size(); ++c) {
    const ModelColumn& column = columns.shape().columns[c];
    targets_[at[c]] = {static_cast<int>(c), column.store, column.at};
  }
}

Status CsvStream::Next(RowBatch* batch) {
  text_.Take(std::exchange(taken_, 0));
  arena_.clear();
  batch->Reset(columns_->shape());
  const size_t rows_max = std::clamp<size_t>(kStreamCellsMax / std::max<size_t>(columns_->size(), 1), 1, kStreamRowsMax);
  for (;;) {
    const std::string_view text = text_.text();
    Place place{text.data(), text.data() + text.size(), line_};
    while (batch->rows < rows_max) {
      if (targets_.size() > 1) {
        while (place.p < place.end && (*place.p == '\n' || *place.p == '\r')) place.line += *place.p++ == '\n' ? 1 : 0;
      }
      if (place.p == place.end) break;
      Place row = place;
      size_t cells = 0;
      VIGIL_ASSIGN_OR_RETURN(const Outcome outcome, ReadRow(&row, batch, &cells));
      if (outcome == Outcome::kUnfinished) break;
      if (cells != targets_.size()) return At(place.line, Concat("has ", cells, " cells, the header has ", targets_.size()));
      place = row;
    }
    taken_ = static_cast<size_t>(place.p - text.data());
    line_ = place.line;
    if (batch->rows != 0 || (text_.ended() && place.p == place.end)) return absl::OkStatus();
    text_.Take(std::exchange(taken_, 0));
    if (const Status more = text_.More(); !more.ok()) return absl::IsInvalidArgument(more) ? At(line_, MessageOf(more)) : more;
  }
}

// Adds the row to `batch` unless its end is not there.
StatusOr<CsvStream::Outcome> CsvStream::ReadRow(Place* place, RowBatch* batch, size_t* cells) {
  batch->AddRow();
  const auto unfinished = [&] {
    --batch->rows;
    batch->values.resize(batch->rows * batch->columns);
    batch->exact.resize(batch->rows * batch->exact_columns);
    batch->texts.resize(batch->rows * batch->text_columns);
    return Outcome::kUnfinished;
  };
  const Target nothing;
  for (size_t i = 0;; ++i) {
    const Target& target = i < targets_.size() ? targets_[i] : nothing;
    double number = 0;
    const char* after = nullptr;
    if (target.column >= 0 && target.store != ColumnStore::kText) after = ReadJsonNumber(place->p, place->end, &number);
    if (after != nullptr && after < place->end && IsEnd(*after)) {  // what most cells are
      place->p = after;
      SetNumber(target, number, batch);
    } else {
      std::string_view cell;
      VIGIL_ASSIGN_OR_RETURN(const Outcome outcome, ReadCell(place, &cell));
      if (outcome == Outcome::kUnfinished) return unfinished();
      if (target.column >= 0 && !cell.empty()) SetText(target, cell, batch);
    }
    if (place->p < place->end && *place->p == ',') {
      ++place->p;
      continue;
    }
    *cells = i + 1;
    break;
  }
  if (place->p < place->end && *place->p == '\r') {
    if (place->p + 1 == place->end && !text_.ended()) return unfinished();  // perhaps its LF comes
    ++place->p;
  }
  if (place->p < place->end && *place->p == '\n') ++place->p, ++place->line;
  return Outcome::kCells;
}

// Up to the comma or line end after the cell, or the end of all text.
StatusOr<CsvStream::Outcome> CsvStream::ReadCell(Place* place, std::string_view* cell) {
  if (place->p < place->end && *place->p == '"') return ReadQuoted(place, cell);
  const char* const begin = place->p;
  while (place->p < place->end && !IsEnd(*place->p)) ++place->p;
  if (place->p == place->end && !text_.ended()) return Outcome::kUnfinished;
  *cell = std::string_view(begin, static_cast<size_t>(place->p - begin));
  return Outcome::kCells;
}

StatusOr<CsvStream::Outcome> CsvStream::ReadQuoted(Place* place, std::string_view* cell) {
  const int64_t line = place->line;
  const char* const begin = ++place->p;
  bool doubled = false;
  for (;; ++place->p) {
    if (place->p == place->end) {
      if (!text_.ended()) return Outcome::kUnfinished;
      return At(line, "a quote is never closed");
    }
    if (*place->p == '\n') ++place->line;
    if (*place->p != '"') continue;
    if (place->p + 1 == place->end || place->p[1] != '"') break;
    doubled = true;
    ++place->p;
  }
  const std::string_view inside(begin, static_cast<size_t>(place->p - begin));
  ++place->p;
  if (place->p == place->end && !text_.ended()) return Outcome::kUnfinished;
  if (place->p < place->end && !IsEnd(*place->p)) return At(line, "text follows a closing quote");
  *cell = inside;
  if (!doubled) return Outcome::kCells;
  std::string& text = arena_.emplace_back();
  text.reserve(inside.size());
  for (size_t i = 0; i < inside.size(); ++i) {
    text.push_back(inside[i]);
    if (inside[i] == '"') ++i;
  }
  *cell = text;
  return Outcome::kCells;
}

void CsvStream::SetNumber(const Target& target, double value, RowBatch* batch) {
  const size_t row = batch->rows - 1;
  batch->values[row * batch->columns + static_cast<size_t>(target.column)] = static_cast<float>(value);
  if (target.store == ColumnStore::kExact) batch->exact[row * batch->exact_columns + target.at] = value;
}

void CsvStream::SetText(const Target& target, std::string_view text, RowBatch* batch) const {
  if (target.store == ColumnStore::kText) {
    batch->values[(batch->rows - 1) * batch->columns + static_cast<size_t>(target.column)] = 0;
    batch->texts[(batch->rows - 1) * batch->text_columns + target.at] = text;
    return;
  }
  double value = 0;
  if (ParseCell(text, &value)) return SetNumber(target, value, batch);
  const std::string_view stripped = StripBlanks(text);
  StatusOr<TimeUs> time = ParseTime(stripped);
  if (!time.ok()) time = ParseTime(Concat(stripped, "Z"));  // tables seldom say that a time is UTC
  if (time.ok()) SetNumber(target, static_cast<double>(*time), batch);
}

Status CsvStream::At(int64_t line, std::string_view message) const {
  return absl::InvalidArgumentError(Concat("line ", line, ": ", message));
}

}  // namespace vigil
