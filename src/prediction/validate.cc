#include "prediction/validate.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "base/text.h"

namespace vigil {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kLargest = std::numeric_limits<float>::max();
constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();
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
RowRules::Breach Decide(Rule rule, CleanPolicy policy, const ColumnRule& column, float value, const float* bound) {
  RowRules::Breach breach{rule, Cleaning::kNone, value};
  if (policy == CleanPolicy::kImpute) {
    breach.cleaning = Cleaning::kImputed;
    breach.value = column.impute ? static_cast<float>(*column.impute) : kMissing;
  } else if (policy == CleanPolicy::kClamp && bound != nullptr) {
    breach.cleaning = Cleaning::kClamped;
    breach.value = *bound;
  } else if (policy == CleanPolicy::kFlag) {
    breach.cleaning = Cleaning::kFlagged;
  }
  return breach;
}

std::unique_ptr<const Schema> OpenSchema(const Signature& signature) {
  auto schema = std::make_unique<Schema>();
  for (const std::string& column : signature.columns) schema->columns.emplace_back().name = column;
  return schema;
}

}  // namespace

RowRules::RowRules(const Schema* schema, const Signature& signature)
    : open_(schema == nullptr ? OpenSchema(signature) : nullptr),
      schema_(schema == nullptr ? open_.get() : schema),
      signature_(&signature) {
  for (size_t i = 0; i < schema_->columns.size(); ++i) {
    const ColumnRule& rule = schema_->columns[i];
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

const RowRules::Categories* RowRules::FindCategories(size_t column) const {
  for (const Categories& categories : categories_) {
    if (categories.column == column) return &categories;
  }
  return nullptr;
}

bool RowRules::IsBroken(const float* row) const {
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

bool RowRules::FindBreach(size_t column, float value, Breach* breach) const {
  const ColumnRule& rule = schema_->columns[column];
  if (std::isnan(value)) {
    if (rule.nullable) return false;
    *breach = Decide(Rule::kMissing, rule.on_missing, rule, value, nullptr);
    return true;
  }
  if (std::isinf(value) && !rule.infinity_allowed) {
    *breach = Decide(Rule::kInfinity, rule.on_infinity, rule, value, nullptr);
    return true;
  }
  if (value < low_[column]) {
    *breach = Decide(Rule::kMinimum, rule.on_range, rule, value, &low_[column]);
    return true;
  }
  if (value > high_[column]) {
    *breach = Decide(Rule::kMaximum, rule.on_range, rule, value, &high_[column]);
    return true;
  }
  const Categories* categories = rule.categories.empty() ? nullptr : FindCategories(column);
  if (categories == nullptr || categories->Has(value)) return false;
  *breach = Decide(Rule::kCategory, rule.on_category, rule, value, nullptr);
  return true;
}

std::string RowRules::RuleText(size_t column, Rule rule) const {
  const ColumnRule& declared = schema_->columns[column];
  std::string text(RuleName(rule));
  if (rule == Rule::kMinimum) absl::StrAppend(&text, " ", NumberText(declared.minimum.value_or(-kLargest)));
  if (rule == Rule::kMaximum) absl::StrAppend(&text, " ", NumberText(declared.maximum.value_or(kLargest)));
  if (rule == Rule::kCategory) {
    for (size_t i = 0; i < declared.categories.size() && i < kCategoriesNamedMax; ++i) {
      absl::StrAppend(&text, i == 0 ? " " : ", ", NumberText(declared.categories[i]));
    }
    if (declared.categories.size() > kCategoriesNamedMax) text += ", ...";
  }
  return text;
}

namespace {

void AddError(const RowRules& rules, size_t row, size_t column, float value, Rule rule, Validation* out) {
  ++out->error_count;
  if (out->errors.size() >= kRowErrorsMax) return;
  RowError error;
  error.row = static_cast<int64_t>(row);
  error.column = rules.signature().columns[column];
  if (std::isnan(value)) {
    error.value = "null";
  } else {
    AppendNumber(&error.value, value);
  }
  error.rule = rules.RuleText(column, rule);
  out->errors.push_back(std::move(error));
}

void Refuse(size_t row, size_t rows, Validation* out) {
  if (out->refused.empty()) out->refused.assign(rows, 0);
  out->refused_rows += out->refused[row] == 0;
  out->refused[row] = 1;
}

// `unread`: the dialect could not read some of its cells, which stand as NaN and are in the dialect's own errors.
void ValidateRow(const RowRules& rules, const RowBatch& batch, size_t row, bool unread, Validation* out) {
  const size_t actions = out->actions.size();
  const float* values = batch.values.data() + row * batch.columns;
  bool refused = unread;
  for (size_t column = 0; column < batch.columns; ++column) {
    RowRules::Breach breach;
    if ((unread && std::isnan(values[column])) || !rules.FindBreach(column, values[column], &breach)) continue;
    if (breach.cleaning != Cleaning::kNone) {
      out->actions.push_back({static_cast<uint32_t>(row), static_cast<uint32_t>(column), breach.cleaning, breach.value});
    } else {
      AddError(rules, row, column, values[column], breach.rule, out);
      refused = true;
    }
  }
  if (!refused) return;
  out->actions.resize(actions);  // a refused row is not cleaned
  Refuse(row, batch.rows, out);
}

}  // namespace

void Validate(const RowRules& rules, const RowBatch& batch, Validation* out) {
  out->refused.clear();
  out->refused_rows = 0;
  out->errors.clear();
  out->error_count = 0;
  out->actions.clear();
  for (uint32_t row : batch.error_rows) {
    if (row < batch.rows) Refuse(row, batch.rows, out);
  }
  const float* values = batch.values.data();
  for (size_t row = 0; row < batch.rows; ++row, values += batch.columns) {
    if (!rules.IsBroken(values)) continue;
    ValidateRow(rules, batch, row, !out->refused.empty() && out->refused[row] != 0, out);
  }
  if (batch.error_count == 0) return;
  out->error_count += batch.error_count;
  out->errors.insert(out->errors.begin(), batch.errors.begin(), batch.errors.end());
  std::stable_sort(out->errors.begin(), out->errors.end(), [](const RowError& a, const RowError& b) { return a.row < b.row; });
  if (out->errors.size() > kRowErrorsMax) out->errors.resize(kRowErrorsMax);
}

}  // namespace vigil
