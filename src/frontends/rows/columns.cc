#include "frontends/rows/columns.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/text.h"
#include "frontends/errors.h"
#include "frontends/rows/number.h"
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

ColumnIndex::ColumnIndex(TableShape shape) : shape_(std::move(shape)) {
  keys_.reserve(size());
  by_name_.reserve(size());
  for (size_t i = 0; i < size(); ++i) {
    std::string key;
    AppendJsonString(&key, names()[i]);
    key_words_.push_back(MakeKeyWord(key));
    keys_.push_back(std::move(key));
    by_name_.emplace(names()[i], static_cast<int>(i));
  }
}

const InputColumns* ColumnIndex::FindInput(std::string_view name) const {
  const auto found =
      std::find_if(shape_.inputs.begin(), shape_.inputs.end(), [name](const InputColumns& input) { return input.name == name; });
  return found == shape_.inputs.end() ? nullptr : &*found;
}

RowFiller::RowFiller(const ColumnIndex& columns, UnknownColumns unknown, RowBatch* batch)
    : columns_(columns), unknown_(unknown), all_floats_(columns.all_floats()), batch_(batch), seen_(columns.size(), 0) {
  batch->Reset(columns.shape());
}

int RowFiller::Meaning(std::string_view name) {
  const int column = columns_.Find(name);
  if (column >= 0) return column;
  if (made_ == nullptr) {
    if (name == kIdColumn) return kId;
    if (name == kEntityColumn) return kEntity;
    if (name == kTimeColumn) return kTime;
  }
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
  row_ = batch_->rows;
  batch_->AddRow();
  return absl::OkStatus();
}

void RowFiller::SetMixedValue(int column, double value, std::string_view as_written) {
  const ModelColumn& c = columns_.shape().columns[static_cast<size_t>(column)];
  if (c.store == ColumnStore::kText) return SetTypeError(column, as_written);
  Cell(column) = static_cast<float>(value);
  if (c.store == ColumnStore::kExact) batch_->exact[row_ * batch_->exact_columns + c.at] = value;
}

void RowFiller::SetText(int column, std::string_view text) {
  const ModelColumn& c = columns_.shape().columns[static_cast<size_t>(column)];
  if (c.store != ColumnStore::kText) return SetTypeError(column, text);
  Cell(column) = 0;
  batch_->texts[row_ * batch_->text_columns + c.at] = text;
}

void RowFiller::SetOddValue(int column, std::string_view text) {
  const ModelColumn& c = columns_.shape().columns[static_cast<size_t>(column)];
  double value = 0;
  if (c.store != ColumnStore::kText) {
    if (ParseCell(text, &value)) SetValue(column, value, text);
    return;
  }
  std::string& made = made_->emplace_back();
  const bool whole = text.find_first_of(".eE") == std::string_view::npos;
  if (!whole && ParseJsonNumber(text, &value)) {
    AppendNumber(&made, value);
  } else {
    made = text;
  }
  SetText(column, made);
}

void RowFiller::SetTypeError(int column, std::string_view value) {
  if (made_ != nullptr) return SetOddValue(column, value);
  RowError error;
  error.row = static_cast<int64_t>(row());
  error.column = columns_.names()[static_cast<size_t>(column)];
  error.value = std::string(value.substr(0, kRowErrorValueBytesMax));
  error.rule = RuleName(Rule::kType);
  if (!all_floats_) Append(&error.rule, " ", DTypeName(columns_.shape().columns[static_cast<size_t>(column)].dtype));
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
