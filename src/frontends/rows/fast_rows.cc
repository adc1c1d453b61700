#include "frontends/rows/fast_rows.h"

#include <cstring>
#include <limits>

#include "base/text.h"
#include "frontends/rows/number.h"

namespace vigil {
namespace {

class FastParser {
 public:
  FastParser(std::string_view body, const ColumnIndex& columns, RowBatch* batch)
      : p_(body.data()), end_(body.data() + body.size()), columns_(columns), all_floats_(columns.all_floats()), batch_(batch) {}

  bool Document() {
    Blanks();
    const char* const start = p_;
    if (!Take('{')) return false;
    if (PeekKey("\"rows\"") || PeekKey("\"columns\"") || PeekKey("\"ids\"") || PeekKey("\"entities\"") || PeekKey("\"times\"")) {
      // A model may have a column of such a name: then only the general parser can tell.
      return columns_.Find("rows") < 0 && columns_.Find("columns") < 0 && columns_.Find("ids") < 0 && columns_.Find("entities") < 0 &&
             columns_.Find("times") < 0 && Members() && AtEnd();
    }
    p_ = start;
    return ObjectRow() && AtEnd();
  }

  bool Line(absl::Span<uint8_t> seen) {
    Blanks();
    return SparseRow(seen) && AtEnd();
  }

 private:
  void Blanks() {
    while (p_ < end_ && (*p_ == ' ' || *p_ == '\n' || *p_ == '\t' || *p_ == '\r')) ++p_;
  }
  bool Take(char c) {
    if (p_ >= end_ || *p_ != c) return false;
    ++p_;
    Blanks();
    return true;
  }
  bool AtEnd() {
    Blanks();
    return p_ == end_;
  }
  // `word` and the blanks after it.
  bool TakeWord(std::string_view word) {
    if (static_cast<size_t>(end_ - p_) < word.size() || std::memcmp(p_, word.data(), word.size()) != 0) return false;
    p_ += word.size();
    Blanks();
    return true;
  }
  // The key of a column, the colon after it and blanks around that.
  bool TakeKey(size_t column) {
    const ColumnIndex::KeyWord& word = columns_.key_words()[column];
    uint64_t here[2];
    if (word.size != 0 && end_ - p_ >= static_cast<ptrdiff_t>(sizeof(here))) {
      std::memcpy(here, p_, sizeof(here));
      if ((((here[0] ^ word.text[0]) & word.mask[0]) | ((here[1] ^ word.text[1]) & word.mask[1])) == 0) {
        p_ += word.size;
        Blanks();
        return true;
      }
    }
    return TakeWord(columns_.keys()[column]) && Take(':');
  }
  bool PeekKey(std::string_view word) const {
    return static_cast<size_t>(end_ - p_) >= word.size() && std::memcmp(p_, word.data(), word.size()) == 0;
  }

  // The members of the envelope; each at most once.
  bool Members() {
    bool rows = false, header = false, ids = false, entities = false, times = false;
    do {
      if (!rows && TakeWord("\"rows\"")) {
        rows = true;
        if (header || !Take(':') || !List([this] { return p_ < end_ && *p_ == '[' ? ArrayRow() : ObjectRow(); })) return false;
      } else if (!header && !rows && TakeWord("\"columns\"")) {
        header = true;
        if (!Take(':') || !Header()) return false;
      } else if (header && !rows && TakeWord("\"data\"")) {
        rows = true;
        if (!Take(':') || !List([this] { return ArrayRow(); })) return false;
      } else if (!ids && TakeWord("\"ids\"")) {
        ids = true;
        if (!Take(':') || !Strings(&batch_->ids)) return false;
      } else if (!entities && TakeWord("\"entities\"")) {
        entities = true;
        if (!Take(':') || !Strings(&batch_->entities)) return false;
      } else if (!times && TakeWord("\"times\"")) {
        times = true;
        if (!Take(':') || !List([this] { return Time(); })) return false;
      } else {
        return false;
      }
    } while (Take(','));
    if (!Take('}') || !rows || batch_->rows == 0) return false;
    return (!ids || batch_->ids.size() == batch_->rows) && (!entities || batch_->entities.size() == batch_->rows) &&
           (!times || batch_->times.size() == batch_->rows);
  }

  // A list with at least one item.
  template <typename Item>
  bool List(Item item) {
    if (!Take('[')) return false;
    do {
      if (!item()) return false;
    } while (Take(','));
    return Take(']');
  }

  bool Header() {
    size_t i = 0;
    return List([this, &i] { return i < columns_.size() && TakeWord(columns_.keys()[i++]); }) && i == columns_.size();
  }

  // Room for one more row; null when there are too many.
  float* NewRow() {
    if (batch_->rows >= kRowsMax || (batch_->rows + 1) * columns_.size() > kCellsMax) return nullptr;
    if (all_floats_) {
      ++batch_->rows;
      batch_->values.resize(batch_->rows * columns_.size());
    } else {
      batch_->AddRow();
    }
    return batch_->values.data() + (batch_->rows - 1) * columns_.size();
  }

  // The value of `column` in the newest row, whose floats begin at `row`.
  bool Value(float* row, size_t column) {
    if (!all_floats_) return MixedValue(row, column);
    double number;
    if (const char* after = ReadJsonNumber(p_, end_, &number)) {
      p_ = after;
      Blanks();
      row[column] = static_cast<float>(number);
      return true;
    }
    if (!TakeWord("null")) return false;
    row[column] = std::numeric_limits<float>::quiet_NaN();
    return true;
  }

  // The same where a row has doubles and texts too; missing is what AddRow left.
  bool MixedValue(float* row, size_t column) {
    const ModelColumn& c = columns_.shape().columns[column];
    double number;
    if (c.store == ColumnStore::kText) {
      std::string_view text;
      if (TakeWord("null")) return true;
      if (!String(&text)) return false;
      row[column] = 0;
      batch_->texts[(batch_->rows - 1) * batch_->text_columns + c.at] = text;
      return true;
    }
    const char* after = ReadJsonNumber(p_, end_, &number);
    if (after == nullptr) return TakeWord("null");
    p_ = after;
    Blanks();
    row[column] = static_cast<float>(number);
    if (c.store == ColumnStore::kExact) batch_->exact[(batch_->rows - 1) * batch_->exact_columns + c.at] = number;
    return true;
  }

  bool ObjectRow() {
    if (!Take('{')) return false;
    float* out = NewRow();
    if (out == nullptr) return false;
    const size_t n = columns_.size();
    for (size_t i = 0; i < n; ++i) {
      if (i != 0 && !Take(',')) return false;
      if (!TakeKey(i) || !Value(out, i)) return false;
    }
    return Take('}');
  }

  // The same with columns left out.
  bool SparseRow(absl::Span<uint8_t> seen) {
    const size_t n = columns_.size();
    if (!Take('{') || batch_->rows >= kRowsMax || (batch_->rows + 1) * n > kCellsMax) return false;
    batch_->AddRow();
    float* const out = batch_->values.data() + (batch_->rows - 1) * n;
    for (size_t i = 0; i < n; ++i) {
      const char* const key = p_;
      if (!TakeKey(i)) {
        if (p_ != key) return false;  // a key without its colon
        continue;
      }
      if (!Value(out, i)) return false;
      seen[i] = 1;
      if (!Take(',')) return Take('}');
    }
    return false;
  }

  bool ArrayRow() {
    if (!Take('[')) return false;
    float* out = NewRow();
    if (out == nullptr) return false;
    const size_t n = columns_.size();
    for (size_t i = 0; i < n; ++i) {
      if ((i != 0 && !Take(',')) || !Value(out, i)) return false;
    }
    return Take(']');
  }

  // A string without escapes and of printable ASCII only, so that the bytes are the text.
  bool String(std::string_view* out) {
    if (p_ >= end_ || *p_ != '"') return false;
    const char* const begin = ++p_;
    while (p_ < end_ && *p_ != '"') {
      if (*p_ == '\\' || static_cast<unsigned char>(*p_ - 0x20) >= 0x5F) return false;
      ++p_;
    }
    if (p_ >= end_) return false;
    *out = {begin, static_cast<size_t>(p_ - begin)};
    ++p_;
    Blanks();
    return true;
  }
  bool Strings(std::vector<std::string_view>* out) {
    return List([this, out] {
      std::string_view text;
      if (!String(&text)) return false;
      out->push_back(text);
      return true;
    });
  }
  bool Time() {
    std::string_view text;
    if (!String(&text)) return false;
    StatusOr<TimeUs> time = ParseTime(text);
    if (!time.ok()) return false;
    batch_->times.push_back(*time);
    return true;
  }

  const char* p_;
  const char* const end_;
  const ColumnIndex& columns_;
  const bool all_floats_;
  RowBatch* const batch_;
};

}  // namespace

bool ParseFastRows(std::string_view body, const ColumnIndex& columns, RowBatch* batch) {
  batch->Reset(columns.shape());
  return columns.size() != 0 && FastParser(body, columns, batch).Document();
}

bool ParseFastLine(std::string_view line, const ColumnIndex& columns, RowBatch* batch, absl::Span<uint8_t> seen) {
  const size_t rows = batch->rows;
  if (columns.size() != 0 && FastParser(line, columns, batch).Line(seen)) return true;
  batch->rows = rows;
  batch->values.resize(rows * columns.size());
  batch->exact.resize(rows * batch->exact_columns);
  batch->texts.resize(rows * batch->text_columns);
  return false;
}

}  // namespace vigil
