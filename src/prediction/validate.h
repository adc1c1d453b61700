// The first stage: which rows break the schema, and what is to be done about each cell that does.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "domain/schema.h"
#include "domain/table_shape.h"
#include "prediction/pipeline.h"

namespace vigil {

// A schema prepared for rows: one table of bounds that the floats of a row are held against without branches, so that a row that breaks
// nothing costs a comparison or two a cell. Doubles have a table of their own; whole numbers and texts are looked at one by one. Immutable.
class RowRules {
 public:
  // Null `schema`: every column may be missing and hold any finite value of its type. The schema and shape must outlive this.
  RowRules(const Schema* schema, const TableShape& shape);

  const TableShape& shape() const { return *shape_; }
  // Whether some cell of row `row` breaks a rule.
  bool IsBroken(const TableRows& rows, size_t row) const;

  // What one cell breaks, and what its column's policy says about it.
  struct Breach {
    Rule rule = Rule::kType;
    Cleaning cleaning = Cleaning::kNone;  // kNone: refuse the row
    double value = 0;                     // what to score instead
    std::string_view text;                // the same of a column of texts; the schema's
  };
  // False when the cell breaks nothing. `value` NaN: missing; `text` counts in a column of texts only.
  bool FindBreach(size_t column, double value, std::string_view text, Breach* breach) const;
  // The words for RowError::rule: "maximum 100", "category 0, 1, 2".
  std::string RuleText(size_t column, Rule rule) const;

 private:
  // The allowed values of a categorical column of floats.
  struct Categories {
    uint32_t column = 0;
    std::vector<float> values;  // rising
    bool Has(float value) const;
  };
  bool AreFloatsBroken(const float* row) const;
  bool IsListed(size_t column, double value, std::string_view text) const;
  const ColumnRule& rule(size_t column) const;

  std::unique_ptr<const Schema> open_;  // what `schema_` is where none was given
  const Schema* schema_;
  const TableShape* shape_;
  std::vector<uint32_t> typed_;                 // whole numbers, texts and categories, which are looked at one by one
  std::vector<double> exact_low_, exact_high_;  // of the columns of doubles
  std::vector<uint8_t> exact_missing_ok_;
  // Floats that are exactly as strict as the schema's doubles. A column that must be present has missing_ok 0, else ~0.
  std::vector<float> low_, high_;
  std::vector<uint32_t> missing_ok_;
  std::vector<Categories> categories_;
};

// What one cell is to be changed to, or marked as.
struct CellAction {
  uint32_t row = 0;
  uint32_t column = 0;
  Cleaning cleaning = Cleaning::kNone;
  double value = 0;
  std::string_view text;
};

// Reused from request to request.
struct Validation {
  std::vector<uint8_t> refused;  // one a row; empty: none is
  int64_t refused_rows = 0;
  std::vector<RowError> errors;  // the dialect's and ours, by row; the first kRowErrorsMax
  int64_t error_count = 0;
  std::vector<CellAction> actions;  // of rows that are not refused, by row
};

void Validate(const RowRules& rules, const RowBatch& batch, Validation* out);

// Refuses one row more, for what its cell holds; `rule` is RowError's. SortErrors puts the errors in their rows' order again afterwards.
void RefuseRow(const TableRows& rows, size_t row, size_t column, std::string rule, Validation* out);
void SortErrors(Validation* out);

}  // namespace vigil
