#include "frontends/rows/csv.h"

#include "frontends/errors.h"
#include "frontends/rows/number.h"
#include "frontends/words.h"

namespace vigil {

CsvReader::CsvReader(std::string_view text, std::deque<std::string>* arena)
    : p_(text.data()), end_(text.data() + text.size()), arena_(arena) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.substr(0, kByteOrderMark.size()) == kByteOrderMark) p_ += kByteOrderMark.size();
}

// `p_` is after the opening quote; afterwards after the closing one.
Status CsvReader::Quoted(std::string_view* cell) {
  const char* const begin = p_;
  bool doubled = false;
  for (;; ++p_) {
    if (p_ >= end_) return Failure(ErrorCode::kMalformed, "a quote is never closed", Concat("line ", line_));
    if (*p_ == '\n') ++next_line_;
    if (*p_ != '"') continue;
    if (p_ + 1 >= end_ || p_[1] != '"') break;
    doubled = true;
    ++p_;
  }
  *cell = {begin, static_cast<size_t>(p_ - begin)};
  ++p_;
  if (!doubled) return absl::OkStatus();
  std::string& text = arena_->emplace_back();
  text.reserve(cell->size());
  for (size_t i = 0; i < cell->size(); ++i) {
    text.push_back((*cell)[i]);
    if ((*cell)[i] == '"') ++i;
  }
  *cell = text;
  return absl::OkStatus();
}

StatusOr<bool> CsvReader::Next(std::vector<std::string_view>* cells) {
  cells->clear();
  while (p_ < end_ && (*p_ == '\n' || *p_ == '\r')) next_line_ += *p_++ == '\n' ? 1 : 0;
  if (p_ >= end_) return false;
  line_ = next_line_;
  for (;;) {
    std::string_view cell;
    if (p_ < end_ && *p_ == '"') {
      ++p_;
      VIGIL_RETURN_IF_ERROR(Quoted(&cell));
      if (p_ < end_ && *p_ != ',' && *p_ != '\n' && *p_ != '\r') {
        return Failure(ErrorCode::kMalformed, "text follows a closing quote", Concat("line ", line_));
      }
    } else {
      const char* const begin = p_;
      while (p_ < end_ && *p_ != ',' && *p_ != '\n' && *p_ != '\r') ++p_;
      cell = {begin, static_cast<size_t>(p_ - begin)};
    }
    cells->push_back(cell);
    if (p_ >= end_ || *p_ != ',') break;
    ++p_;
  }
  if (p_ < end_ && *p_ == '\r') ++p_;
  if (p_ < end_ && *p_ == '\n') {
    ++p_;
    ++next_line_;
  }
  return true;
}

namespace {

bool NamesColumn(std::string_view cell, const ColumnIndex& columns) {
  return columns.Find(cell) >= 0 || cell == kIdColumn || cell == kEntityColumn || cell == kTimeColumn;
}

bool LooksLikeRow(const std::vector<std::string_view>& cells, const ColumnIndex& columns) {
  bool number = false, all_names = true;
  for (size_t i = 0; i < cells.size(); ++i) {
    const std::string_view cell = StripBlanks(cells[i]);
    all_names = all_names && NamesColumn(cell, columns);
    if (cells.size() == columns.size() && columns.is_text(static_cast<int>(i))) continue;
    double value = 0;
    if (!ParseCell(cell, &value)) return false;
    number = number || !cell.empty();
  }
  return number && !all_names;
}

}  // namespace

Status ReadCsvCell(std::string_view cell, int meaning, const ColumnIndex& columns, RowFiller& filler) {
  double value = 0;
  if (meaning >= 0 && columns.is_text(meaning)) {
    if (!cell.empty()) filler.SetText(meaning, cell);
  } else if (meaning >= 0) {
    ParseCell(cell, &value) ? filler.SetValue(meaning, value, cell) : filler.SetTypeError(meaning, cell);
  } else if (meaning == RowFiller::kId) {
    filler.SetId(cell);
  } else if (meaning == RowFiller::kEntity) {
    filler.SetEntity(cell);
  } else if (meaning == RowFiller::kTime) {
    return filler.SetTime(cell);
  }
  return absl::OkStatus();
}

Status ParseCsvRows(CsvReader& reader, const ColumnIndex& columns, UnknownColumns unknown, RowBatch* batch, std::vector<uint32_t>* absent,
                    CsvHeader header_is) {
  RowFiller filler(columns, unknown, batch);
  std::vector<std::string_view> cells;
  VIGIL_ASSIGN_OR_RETURN(const bool any, reader.Next(&cells));
  if (!any) return Failure(ErrorCode::kMalformed, "the body is empty: a header line with column names is expected");
  bool is_row = header_is == CsvHeader::kAbsent || (header_is == CsvHeader::kByLook && LooksLikeRow(cells, columns));
  std::vector<int> header;
  for (size_t i = 0; i < (is_row ? columns.size() : cells.size()); ++i) {
    header.push_back(is_row ? static_cast<int>(i) : filler.Meaning(StripBlanks(cells[i])));
    if (header.back() >= 0) filler.Seen(header.back());
  }
  const std::string_view expected = is_row ? " cells, the model takes " : " cells, the header has ";
  for (;;) {
    if (!is_row) {
      VIGIL_ASSIGN_OR_RETURN(const bool more, reader.Next(&cells));
      if (!more) break;
    }
    is_row = false;
    if (cells.size() != header.size()) {
      return Failure(ErrorCode::kMalformed, Concat("has ", cells.size(), expected, header.size()), Concat("line ", reader.line()));
    }
    VIGIL_RETURN_IF_ERROR(filler.NextRow());
    for (size_t i = 0; i < cells.size(); ++i) VIGIL_RETURN_IF_ERROR(ReadCsvCell(cells[i], header[i], columns, filler));
  }
  return filler.Finish(absent);
}

}  // namespace vigil
