#include "frontends/rows/columns.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "base/text.h"
#include "frontends/errors.h"
#include "frontends/words.h"

namespace vigil {

static ColumnIndex::KeyWord MakeKeyWord(const std::string& key) {
  ColumnIndex::KeyWord word;
  if (key.size() >= sizeof(word.text)) return word;
  std::memcpy(word.text, key.data(), key.size());
  reinterpret_cast<char*>(word.text)[key.size()] = ':';
  word.size = key.size() + 1;
  std::memset(word.mask, 0xFF, word.size);
  return word;
}

ColumnIndex::ColumnIndex(std::vector<std::string> names) : names_(std::move(names)) {
  keys_.reserve(names_.size());
  by_name_.reserve(names_.size());
  for (size_t i = 0; i < names_.size(); ++i) {
    std::string key;
    AppendJsonString(&key, names_[i]);
    key_words_.push_back(MakeKeyWord(key));
    keys_.push_back(std::move(key));
    by_name_.emplace(names_[i], static_cast<int>(i));
  }
}

RowFiller::RowFiller(const ColumnIndex& columns, UnknownColumns unknown, RowBatch* batch)
    : columns_(columns), unknown_(unknown), batch_(batch), seen_(columns.size(), 0) {
  batch->Reset(columns.size());
}

int RowFiller::Meaning(std::string_view name) {
  const int column = columns_.Find(name);
  if (column >= 0) return column;
  if (name == kIdColumn) return kId;
  if (name == kEntityColumn) return kEntity;
  if (name == kTimeColumn) return kTime;
  if (unknown_ == UnknownColumns::kIgnore || unknown_names_.size() > kUnknownColumnWarningsMax) return kUnknown;
  if (std::find(unknown_names_.begin(), unknown_names_.end(), name) != unknown_names_.end()) return kUnknown;
  unknown_names_.emplace_back(name);
  if (unknown_names_.size() > kUnknownColumnWarningsMax) {
    batch_->warnings.emplace_back("further unknown columns are ignored");
  } else {
    batch_->warnings.push_back(Concat("unknown column \"", name, "\" is ignored", DidYouMean(name, columns_.names())));
  }
  return kUnknown;
}

Status RowFiller::NextRow() {
  if (batch_->rows >= kRowsMax) return Failure(ErrorCode::kTooLarge, Concat("more than ", kRowsMax, " rows in one request"));
  if ((batch_->rows + 1) * columns_.size() > kCellsMax) {  // rows may leave columns out, so a small body can ask for a large batch
    return Failure(ErrorCode::kTooLarge, Concat("more than ", kCellsMax, " cells (rows times columns) in one request"));
  }
  row_ = batch_->rows++;
  batch_->values.resize(batch_->rows * columns_.size(), std::numeric_limits<float>::quiet_NaN());
  return absl::OkStatus();
}

void RowFiller::SetTypeError(int column, std::string_view value) {
  RowError error;
  error.row = static_cast<int64_t>(row());
  error.column = columns_.names()[static_cast<size_t>(column)];
  error.value = std::string(value.substr(0, kRowErrorValueBytesMax));
  error.rule = RuleName(Rule::kType);
  batch_->AddError(std::move(error));
}

void RowFiller::SetId(std::string_view id) {
  batch_->ids.resize(batch_->rows);
  batch_->ids[row_] = id;
}

void RowFiller::SetEntity(std::string_view entity) {
  batch_->entities.resize(batch_->rows);
  batch_->entities[row_] = entity;
}

Status RowFiller::SetTime(std::string_view text) {
  StatusOr<TimeUs> time = ParseTime(text);
  if (!time.ok()) return Failure(ErrorCode::kInvalid, MessageOf(time.status()), Concat("row ", row(), ", ", kTimeColumn));
  if (batch_->times.size() == row_) batch_->times.push_back(*time);
  return absl::OkStatus();
}

Status RowFiller::Finish(std::vector<uint32_t>* absent) {
  if (!batch_->times.empty() && batch_->times.size() != batch_->rows) {
    return Failure(ErrorCode::kInvalid, Concat(batch_->rows, " rows but ", batch_->times.size(), " times: every row has one, or none"),
                   "times");
  }
  if (!batch_->ids.empty()) batch_->ids.resize(batch_->rows);
  if (!batch_->entities.empty()) batch_->entities.resize(batch_->rows);
  absent->clear();
  for (size_t i = 0; i < seen_.size(); ++i) {
    if (seen_[i] == 0) absent->push_back(static_cast<uint32_t>(i));
  }
  return absl::OkStatus();
}

std::string QuotedNames(const ColumnIndex& columns, const std::vector<uint32_t>& indexes) {
  constexpr size_t kListedMax = 10;
  std::string out;
  for (size_t i = 0; i < indexes.size() && i < kListedMax; ++i) {
    Append(&out, i == 0 ? "\"" : ", \"", columns.names()[indexes[i]], "\"");
  }
  if (indexes.size() > kListedMax) Append(&out, " and ", indexes.size() - kListedMax, " more");
  return out;
}

}  // namespace vigil
