// What a model takes and gives, and what a caller may send it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "domain/batch.h"

namespace vigil {

// One tensor of a signature. A dimension of -1 is free; the first is the batch.
struct TensorSpec {
  std::string name;
  DType dtype = DType::kFloat32;
  std::vector<int64_t> shape;
  std::vector<std::string> keys{};  // of an output of maps: element j of a row is the value of keys[j]
};

enum class Task : uint8_t { kBinary, kMulticlass, kRegression, kRanking, kOther };
std::string_view TaskName(Task task);

// Read from the model file. A tree model takes one FP32 matrix [-1, columns.size()] and gives `prediction` ([-1], or [-1, k]).
struct Signature {
  std::vector<TensorSpec> inputs;
  std::vector<TensorSpec> outputs;
  // Names of the columns that the inputs' elements are, one after the other; "f0", "f1", ... where the model names none. Empty: as
  // TableShapeOf (domain/table_shape.h) names them.
  std::vector<std::string> columns;
  bool columns_are_named = false;  // false: the names were made up, and unnamed rows are the usual form
  Task task = Task::kOther;
  int64_t output_width = 1;  // numbers a row in the first output
};

// What to do with a value that breaks a column's rule.
enum class CleanPolicy : uint8_t {
  kReject,  // refuse the row, naming column, value and rule
  kImpute,  // replace it by the column's impute value (NaN when none is declared)
  kClamp,   // move it to the nearest bound (only for a range; other breaches are rejected)
  kFlag,    // score it as it came and mark it in the log
};
std::string_view CleanPolicyName(CleanPolicy policy);

// What one column may hold. Defaults accept what the model accepts, but for infinities.
struct ColumnRule {
  std::string name;
  bool nullable = true;            // may a value be missing (null, NaN, absent)
  std::optional<double> minimum;   // inclusive
  std::optional<double> maximum;   // inclusive
  std::vector<double> categories;  // allowed values; empty: any
  std::vector<std::string> texts;  // the same for a column of texts
  bool infinity_allowed = false;
  bool sensitive = false;  // redacted before anything is written
  CleanPolicy on_missing = CleanPolicy::kReject;
  CleanPolicy on_range = CleanPolicy::kReject;
  CleanPolicy on_category = CleanPolicy::kReject;
  CleanPolicy on_infinity = CleanPolicy::kReject;
  std::optional<double> impute;  // what kImpute writes
  std::string impute_text;       // into a column of texts
};

// Optional tightening of a signature: rules in the signature's column order.
struct Schema {
  std::vector<ColumnRule> columns;
};

// What was done to one value of one row; the low three bits are the action, kept a byte a cell in the log.
enum class Cleaning : uint8_t { kNone = 0, kImputed = 1, kClamped = 2, kFlagged = 3 };

// Why a value was refused: the words that `rule` carries on the wire.
enum class Rule : uint8_t { kType, kMissing, kMinimum, kMaximum, kCategory, kInfinity, kUnknownColumn };
std::string_view RuleName(Rule rule);

// One refused value. `row` counts from 0 within the request.
struct RowError {
  int64_t row = 0;
  std::string column;
  std::string value;  // as it came, at most kRowErrorValueBytesMax bytes
  std::string rule;   // RuleName plus the bound: "maximum 100"
};
inline constexpr size_t kRowErrorValueBytesMax = 64;
inline constexpr size_t kRowErrorsMax = 100;  // more are counted, not listed

}  // namespace vigil
