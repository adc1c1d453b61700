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

Status ParseCsvRows(CsvReader& reader, const ColumnIndex& columns, UnknownColumns unknown, RowBatch* batch, std::vector<uint32_t>* absent) {
  RowFiller filler(columns, unknown, batch);
  std::vector<std::string_view> cells;
  VIGIL_ASSIGN_OR_RETURN(const bool any, reader.Next(&cells));
  if (!any) return Failure(ErrorCode::kMalformed, "the body is empty: a header line with column names is expected");
  std::vector<int> header;
  for (const std::string_view cell : cells) {
    header.push_back(filler.Meaning(StripBlanks(cell)));
    if (header.back() >= 0) filler.Seen(header.back());
  }
  for (;;) {
    VIGIL_ASSIGN_OR_RETURN(const bool more, reader.Next(&cells));
    if (!more) break;
    if (cells.size() != header.size()) {
      return Failure(ErrorCode::kMalformed, Concat("has ", cells.size(), " cells, the header has ", header.size()),
                     Concat("line ", reader.line()));
    }
    VIGIL_RETURN_IF_ERROR(filler.NextRow());
    for (size_t i = 0; i < cells.size(); ++i) {
      const int meaning = header[i];
      double value = 0;
      if (meaning >= 0 && columns.is_text(meaning)) {
        if (!cells[i].empty()) filler.SetText(meaning, cells[i]);
      } else if (meaning >= 0) {
        ParseCell(cells[i], &value) ? filler.SetValue(meaning, value, cells[i]) : filler.SetTypeError(meaning, cells[i]);
      } else if (meaning == RowFiller::kId) {
        filler.SetId(cells[i]);
      } else if (meaning == RowFiller::kEntity) {
        filler.SetEntity(cells[i]);
      } else if (meaning == RowFiller::kTime) {
        VIGIL_RETURN_IF_ERROR(filler.SetTime(cells[i]));
      }
    }
  }
  return filler.Finish(absent);
}

}  // namespace vigil
