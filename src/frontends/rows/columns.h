// A model's columns as the parsers of rows need them, and what a parser hands on beside the rows.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "base/status.h"
#include "prediction/pipeline.h"

namespace vigil {

// Column names that carry what belongs to a row but not to the model.
inline constexpr std::string_view kIdColumn = "_id";
inline constexpr std::string_view kEntityColumn = "_entity";
inline constexpr std::string_view kTimeColumn = "_time";

inline constexpr size_t kUnknownColumnWarningsMax = 20;  // more are only counted

// Immutable; any thread may call.
class ColumnIndex {
 public:
  explicit ColumnIndex(TableShape shape);
  // Columns of floats.
  explicit ColumnIndex(std::vector<std::string> names) : ColumnIndex(FloatTable(std::move(names))) {}
  ColumnIndex(const ColumnIndex&) = delete;
  ColumnIndex& operator=(const ColumnIndex&) = delete;

  size_t size() const { return shape_.names.size(); }
  const std::vector<std::string>& names() const { return shape_.names; }
  const TableShape& shape() const { return shape_; }
  bool all_floats() const { return shape_.exact == 0 && shape_.texts == 0; }
  bool is_text(int column) const { return shape_.columns[static_cast<size_t>(column)].store == ColumnStore::kText; }
  // Names as JSON keys, with quotes, in order: what the fixed-schema parser expects next.
  const std::vector<std::string>& keys() const { return keys_; }
  // The first sixteen bytes of `"name":` and which of them count: a member of a row written without blanks is known by two comparisons.
  struct KeyWord {
    uint64_t text[2] = {0, 0}, mask[2] = {0, 0};
    size_t size = 0;  // 0: longer than sixteen bytes
  };
  const std::vector<KeyWord>& key_words() const { return key_words_; }
  // -1 when there is none of that name.
  int Find(std::string_view name) const {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? -1 : found->second;
  }
  // The input tensor of that name, or null.
  const InputColumns* FindInput(std::string_view name) const;

 private:
  const TableShape shape_;
  std::vector<std::string> keys_;
  std::vector<KeyWord> key_words_;
  absl::flat_hash_map<std::string_view, int> by_name_;  // views into shape_
};

enum class UnknownColumns : uint8_t { kWarn, kIgnore };

// Fills a RowBatch row by row whatever the form of the rows: shared by every parser but the fixed-schema one. One thread.
class RowFiller {
 public:
  static constexpr int kUnknown = -1, kId = -2, kEntity = -3, kTime = -4;

  // Resets `batch`. All references outlive the filler.
  RowFiller(const ColumnIndex& columns, UnknownColumns unknown, RowBatch* batch);

  // What a column called `name` means: its index in the model, or one of the numbers above. An unknown name is noted as a warning once.
  int Meaning(std::string_view name);
  // A column that is there (if only as a header), so it is not absent from every row.
  void Seen(int column) { seen_[static_cast<size_t>(column)] = 1; }
  void SeenAll() { seen_.assign(seen_.size(), 1); }
  absl::Span<uint8_t> seen() { return absl::MakeSpan(seen_); }
  // From now on there are no type errors: of a text a column of numbers takes the number that it spells, else it is missing; of a number a
  // column of texts takes the shortest form. `texts` keeps what is made as long as the batch is used. And ids, entities and times are
  // unknown columns like any other.
  void ReadOddValues(std::deque<std::string>* texts) { made_ = texts; }
  // Begins a row of missing values and selects it. Too many rows are a Failure of kTooLarge.
  Status NextRow();
  void Select(size_t row) { row_ = row; }
  // Of the selected row. A number in a column of texts, or a text in one of numbers, is a type error.
  void SetValue(int column, double value, std::string_view as_written) {
    if (!all_floats_) return SetMixedValue(column, value, as_written);
    Cell(column) = static_cast<float>(value);
  }
  // The text must stay as long as the batch.
  void SetText(int column, std::string_view text);
  void SetTypeError(int column, std::string_view value);
  void SetId(std::string_view id);
  void SetEntity(std::string_view entity);
  Status SetTime(std::string_view text);
  size_t row() const { return row_; }
  // As noted by Meaning, UnknownColumns::kWarn.
  const std::vector<std::string>& unknown_names() const { return unknown_names_; }
  RowBatch& batch() { return *batch_; }

  // After the last row: checks that every row or none has a time, and lists in `absent` the model's columns that no row has.
  Status Finish(std::vector<uint32_t>* absent);

 private:
  void SetMixedValue(int column, double value, std::string_view as_written);
  // See ReadOddValues; `text` is no text to a column of texts.
  void SetOddValue(int column, std::string_view text);
  float& Cell(int column) { return batch_->values[row_ * columns_.size() + static_cast<size_t>(column)]; }

  const ColumnIndex& columns_;
  const UnknownColumns unknown_;
  const bool all_floats_;
  RowBatch* const batch_;
  std::deque<std::string>* made_ = nullptr;  // null: odd values are refused
  size_t row_ = 0;
  std::vector<uint8_t> seen_;
  std::vector<std::string> unknown_names_;
};

// Names for a message: `"a", "b" and 3 more`.
std::string QuotedNames(const ColumnIndex& columns, const std::vector<uint32_t>& indexes);

}  // namespace vigil
