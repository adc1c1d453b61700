#include "prediction/validate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/text.h"

namespace vigil {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kLargest = std::numeric_limits<float>::max();
constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();
constexpr size_t kCategoriesNamedMax = 8;  // in an error's text

// The smallest float that is not below `bound`, so that comparing floats decides as comparing doubles would.
float LowestFloat(double bound) {
  const auto near = static_cast<float>(bound);
  return static_cast<double>(near) < bound ? std::nextafter(near, kInfinity) : near;
}
float HighestFloat(double bound) {
  const auto near = static_cast<float>(bound);
  return static_cast<double>(near) > bound ? std::nextafter(near, -kInfinity) : near;
}

// Follows `policy`; kNone means that the row is refused. Clamping needs `bound`.
RowRules::Breach Decide(Rule rule, CleanPolicy policy, const ColumnRule& column, double value, const double* bound) {
  RowRules::Breach breach{rule, Cleaning::kNone, value, {}};
  if (policy == CleanPolicy::kImpute) {
    breach.cleaning = Cleaning::kImputed;
    breach.value = column.impute ? *column.impute : kMissing;
    breach.text = column.impute_text;
  } else if (policy == CleanPolicy::kClamp && bound != nullptr) {
    breach.cleaning = Cleaning::kClamped;
    breach.value = *bound;
  } else if (policy == CleanPolicy::kFlag) {
    breach.cleaning = Cleaning::kFlagged;
  }
  return breach;
}

std::unique_ptr<const Schema> OpenSchema(const TableShape& shape) {
  auto schema = std::make_unique<Schema>();
  for (const std::string& column : shape.names) schema->columns.emplace_back().name = column;
  return schema;
}

}  // namespace

RowRules::RowRules(const Schema* schema, const TableShape& shape)
    : open_(schema == nullptr ? OpenSchema(shape) : nullptr), schema_(schema == nullptr ? open_.get() : schema), shape_(&shape) {
  for (size_t i = 0; i < schema_->columns.size(); ++i) {
    const ColumnRule& rule = schema_->columns[i];
    const ModelColumn& column = shape.columns[i];
    // A float may be kept as a double too, for a version that wants it: it is held to its rule as the float that it is.
    if (column.store == ColumnStore::kExact && StoreOf(column.dtype) == ColumnStore::kFloat) {
      exact_low_.push_back(-kInfinity);
      exact_high_.push_back(kInfinity);
      exact_missing_ok_.push_back(1);
    }
    if (StoreOf(column.dtype) != ColumnStore::kFloat) {  // never broken as a float
      low_.push_back(-kInfinity);
      high_.push_back(kInfinity);
      missing_ok_.push_back(~0u);
      if (column.store == ColumnStore::kExact) {
        constexpr double kLargestDouble = std::numeric_limits<double>::max();
        exact_low_.push_back(rule.minimum.value_or(rule.infinity_allowed ? -kInfinity : -kLargestDouble));
        exact_high_.push_back(rule.maximum.value_or(rule.infinity_allowed ? kInfinity : kLargestDouble));
        exact_missing_ok_.push_back(rule.nullable ? 1 : 0);
        if (column.dtype != DType::kFloat64 || !rule.categories.empty()) typed_.push_back(static_cast<uint32_t>(i));
      } else if (!rule.nullable || !rule.texts.empty()) {
        typed_.push_back(static_cast<uint32_t>(i));
      }
      continue;
    }
    const float lowest = rule.infinity_allowed ? -kInfinity : -kLargest;
    const float highest = rule.infinity_allowed ? kInfinity : kLargest;
    low_.push_back(rule.minimum ? std::max(lowest, LowestFloat(*rule.minimum)) : lowest);
    high_.push_back(rule.maximum ? std::min(highest, HighestFloat(*rule.maximum)) : highest);
    missing_ok_.push_back(rule.nullable ? ~0u : 0u);
    if (rule.categories.empty()) continue;
    Categories categories{static_cast<uint32_t>(i), {rule.categories.begin(), rule.categories.end()}};
    std::sort(categories.values.begin(), categories.values.end());
    categories_.push_back(std::move(categories));
  }
}

bool RowRules::Categories::Has(float value) const { return std::binary_search(values.begin(), values.end(), value); }

const ColumnRule& RowRules::rule(size_t column) const { return schema_->columns[column]; }

bool RowRules::AreFloatsBroken(const float* row) const {
  const float* low = low_.data();
  const float* high = high_.data();
  const uint32_t* missing_ok = missing_ok_.data();
  uint32_t broken = 0;
  const size_t columns = low_.size();
  for (size_t i = 0; i < columns; ++i) {
    const uint32_t inside = (row[i] >= low[i] ? ~0u : 0u) & (row[i] <= high[i] ? ~0u : 0u);
    const uint32_t missing = row[i] != row[i] ? ~0u : 0u;
    broken |= ~(inside | (missing & missing_ok[i]));
  }
  if (broken != 0) return true;
  for (const Categories& categories : categories_) {
    const float value = row[categories.column];
    if (value == value && !categories.Has(value)) return true;
  }
  return false;
}

bool RowRules::IsBroken(const TableRows& rows, size_t row) const {
  if (AreFloatsBroken(rows.values + row * shape_->columns.size())) return true;
  const double* exact = rows.exact + row * shape_->exact;
  bool broken = false;
  for (size_t i = 0; i < exact_low_.size(); ++i) {
    const bool inside = exact[i] >= exact_low_[i] && exact[i] <= exact_high_[i];
    broken |= !inside && !(exact[i] != exact[i] && exact_missing_ok_[i] != 0);
  }
  if (broken) return true;
  for (const uint32_t column : typed_) {
    Breach breach;
    const bool is_text = shape_->columns[column].store == ColumnStore::kText;
    const double value = is_text ? rows.values[row * shape_->columns.size() + column] : rows.number(row, column);
    if (FindBreach(column, value, is_text ? rows.text(row, column) : std::string_view(), &breach)) return true;
  }
  return false;
}

// Whether the value is one of the column's categories; every value is where none are named.
bool RowRules::IsListed(size_t column, double value, std::string_view text) const {
  const ColumnRule& declared = rule(column);
  switch (StoreOf(shape_->columns[column].dtype)) {
    case ColumnStore::kText:
      return declared.texts.empty() || std::find(declared.texts.begin(), declared.texts.end(), text) != declared.texts.end();
    case ColumnStore::kExact:
      return declared.categories.empty() ||
             std::find(declared.categories.begin(), declared.categories.end(), value) != declared.categories.end();
    case ColumnStore::kFloat: break;
  }
  for (const Categories& categories : categories_) {
    if (categories.column == column) return categories.Has(static_cast<float>(value));
  }
  return true;
}

bool RowRules::FindBreach(size_t column, double value, std::string_view text, Breach* breach) const {
  const ColumnRule& declared = rule(column);
  const ModelColumn& typed = shape_->columns[column];
  const bool is_float = StoreOf(typed.dtype) == ColumnStore::kFloat;
  const bool whole = typed.store == ColumnStore::kExact && !is_float && typed.dtype != DType::kFloat64;
  if (is_float) value = static_cast<double>(static_cast<float>(value));
  if (std::isnan(value)) {
    // Whole numbers have no missing value, whatever the schema allows.
    if (declared.nullable && !whole) return false;
    *breach = Decide(Rule::kMissing, declared.on_missing, declared, value, nullptr);
    return true;
  }
  if (typed.store != ColumnStore::kText) {
    if (std::isinf(value) && (!declared.infinity_allowed || whole)) {
      *breach = Decide(Rule::kInfinity, declared.on_infinity, declared, value, nullptr);
      return true;
    }
    if (whole && !FitsType(typed.dtype, value)) {
      *breach = Decide(Rule::kType, CleanPolicy::kReject, declared, value, nullptr);
      return true;
    }
    // Bounds of floats are the nearest floats that keep them, of doubles themselves.
    const double low = is_float ? static_cast<double>(low_[column]) : declared.minimum.value_or(-kInfinity);
    const double high = is_float ? static_cast<double>(high_[column]) : declared.maximum.value_or(kInfinity);
    if (value < low || value > high) {
      const bool below = value < low;
      *breach = Decide(below ? Rule::kMinimum : Rule::kMaximum, declared.on_range, declared, value, below ? &low : &high);
      return true;
    }
  }
  if (IsListed(column, value, text)) return false;
  *breach = Decide(Rule::kCategory, declared.on_category, declared, value, nullptr);
  return true;
}

std::string RowRules::RuleText(size_t column, Rule rule) const {
  const ColumnRule& declared = this->rule(column);
  std::string text(RuleName(rule));
  if (rule == Rule::kType) absl::StrAppend(&text, " ", std::string(DTypeName(shape_->columns[column].dtype)));
  if (rule == Rule::kMinimum) absl::StrAppend(&text, " ", NumberText(declared.minimum.value_or(-kLargest)));
  if (rule == Rule::kMaximum) absl::StrAppend(&text, " ", NumberText(declared.maximum.value_or(kLargest)));
  if (rule == Rule::kCategory) {
    const bool texts = shape_->columns[column].store == ColumnStore::kText;
    const size_t count = texts ? declared.texts.size() : declared.categories.size();
    for (size_t i = 0; i < count && i < kCategoriesNamedMax; ++i) {
      absl::StrAppend(&text, i == 0 ? " " : ", ", texts ? declared.texts[i] : NumberText(declared.categories[i]));
    }
    if (count > kCategoriesNamedMax) text += ", ...";
  }
  return text;
}

namespace {

void AddError(const TableRows& rows, size_t row, size_t column, std::string rule, Validation* out) {
  ++out->error_count;
  if (out->errors.size() >= kRowErrorsMax) return;
  RowError error;
  error.row = static_cast<int64_t>(row);
  error.column = rows.shape->names[column];
  if (rows.is_missing(row, column)) {
    error.value = "null";
  } else if (rows.shape->columns[column].store == ColumnStore::kText) {
    error.value = std::string(rows.text(row, column).substr(0, kRowErrorValueBytesMax));
  } else if (rows.shape->columns[column].store == ColumnStore::kExact) {
    AppendNumber(&error.value, rows.number(row, column));
  } else {
    AppendNumber(&error.value, rows.values[row * rows.shape->columns.size() + column]);
  }
  error.rule = std::move(rule);
  out->errors.push_back(std::move(error));
}

void Refuse(size_t row, size_t rows, Validation* out) {
  if (out->refused.empty()) out->refused.assign(rows, 0);
  out->refused_rows += out->refused[row] == 0;
  out->refused[row] = 1;
}

// `unread`: the dialect could not read some of its cells, which stand as NaN and are in the dialect's own errors.
void ValidateRow(const RowRules& rules, const TableRows& rows, size_t row, bool unread, Validation* out) {
  const size_t actions = out->actions.size();
  bool refused = unread;
  for (size_t column = 0; column < rows.shape->columns.size(); ++column) {
    const bool missing = rows.is_missing(row, column);
    const bool is_text = rows.shape->columns[column].store == ColumnStore::kText;
    const double value =
        missing || is_text ? static_cast<double>(rows.values[row * rows.shape->columns.size() + column]) : rows.number(row, column);
    RowRules::Breach breach;
    if ((unread && missing) || !rules.FindBreach(column, value, is_text ? rows.text(row, column) : std::string_view(), &breach)) continue;
    if (breach.cleaning != Cleaning::kNone) {
      out->actions.push_back({static_cast<uint32_t>(row), static_cast<uint32_t>(column), breach.cleaning, breach.value, breach.text});
    } else {
      AddError(rows, row, column, rules.RuleText(column, breach.rule), out);
      refused = true;
    }
  }
  if (!refused) return;
  out->actions.resize(actions);  // a refused row is not cleaned
  Refuse(row, rows.rows, out);
}

}  // namespace

void RefuseRow(const TableRows& rows, size_t row, size_t column, std::string rule, Validation* out) {
  AddError(rows, row, column, std::move(rule), out);
  Refuse(row, rows.rows, out);
}

void SortErrors(Validation* out) {
  std::stable_sort(out->errors.begin(), out->errors.end(), [](const RowError& a, const RowError& b) { return a.row < b.row; });
}

void Validate(const RowRules& rules, const RowBatch& batch, Validation* out) {
  out->refused.clear();
  out->refused_rows = 0;
  out->errors.clear();
  out->error_count = 0;
  out->actions.clear();
  for (uint32_t row : batch.error_rows) {
    if (row < batch.rows) Refuse(row, batch.rows, out);
  }
  const TableRows table = batch.table(rules.shape());
  for (size_t row = 0; row < batch.rows; ++row) {
    if (!rules.IsBroken(table, row)) continue;
    ValidateRow(rules, table, row, !out->refused.empty() && out->refused[row] != 0, out);
  }
  if (batch.error_count == 0) return;
  out->error_count += batch.error_count;
  out->errors.insert(out->errors.begin(), batch.errors.begin(), batch.errors.end());
  SortErrors(out);
  if (out->errors.size() > kRowErrorsMax) out->errors.resize(kRowErrorsMax);
}

}  // namespace vigil
