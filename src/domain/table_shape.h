// A model as a table: which named, typed columns become which elements of its input tensors, and which elements of its outputs are the
// columns of its answer. Made from a signature by one pure function, so that every dialect, the log and the command line agree.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "domain/schema.h"

namespace vigil {

// Where a batch of rows keeps a column. Every column has a float beside what the other two hold: the value rounded, and for a text 0, or
// NaN where it is missing.
enum class ColumnStore : uint8_t {
  kFloat,  // FP32, FP16, BF16: the float is the value
  kExact,  // FP64, whole numbers and truth values: a double
  kText,   // strings
};

ColumnStore StoreOf(DType dtype);

// The columns that one input tensor is made of.
struct InputColumns {
  std::string name;
  uint32_t first = 0;
  uint32_t width = 0;
};

struct ModelColumn {
  std::string name;
  DType dtype = DType::kFloat32;
  ColumnStore store = ColumnStore::kFloat;
  uint32_t at = 0;      // its number among the columns of its store
  uint32_t input = 0;   // the tensor in Signature::inputs
  uint32_t offset = 0;  // the element of that tensor's row
};

// One element of a row's answer as a column of its own: "label", "probabilities_1", "probabilities[yes]".
struct AnswerColumn {
  std::string name;
  DType dtype = DType::kFloat32;
  uint32_t output = 0;  // the tensor in Signature::outputs
  uint32_t offset = 0;
};

// The numbers of an answer that are monitored, labelled and compared between versions.
struct ScoreRule {
  int32_t output = -1;  // -1: no output is a number, the score is NaN
  uint32_t offset = 0;
  uint32_t width = 1;
  bool across = false;  // the numbers are those of `width` outputs from `output` on, one of each
  Task task = Task::kOther;
};

struct TableShape {
  std::vector<std::string> names;     // of the columns, in order
  std::vector<ModelColumn> columns;   // one a name
  std::vector<InputColumns> inputs;   // one a tensor of Signature::inputs
  bool named = false;                 // false: the names were made up, and columns may come by position
  uint32_t exact = 0, texts = 0;      // columns of those stores
  bool matrix = true;                 // the only input is an FP32 matrix of all columns: rows of floats are that tensor
  std::vector<AnswerColumn> answers;  // of the outputs whose width the signature says
  bool single_output = true;          // one FP32 output: its floats are the whole answer
  ScoreRule score;
  std::string refusal;  // not empty: no table fits the signature, and why; then there are no columns, only answers
};

inline constexpr int64_t kTableColumnsMax = 1 << 20;

// A tensor of shape [-1] or [-1, 1] is one column of its own name, one of [-1, k] is k columns `name_0` ... (higher ranks in row order);
// the signature's own column names stand instead where it has one for each. A single matrix without names has `f0`, `f1`, ...
TableShape TableShapeOf(const Signature& signature);
// Whether rows of `a` can be read as rows of `b`: the same number of columns in the same stores.
bool SameStores(const TableShape& a, const TableShape& b);
// A matrix of float columns with one score.
TableShape FloatTable(std::vector<std::string> names);

// `name` for a width of 1, else `name_0` ..., or `name[key]` of a map.
std::vector<std::string> ElementNames(std::string_view name, size_t width, const std::vector<std::string>& keys);

// Whether `value` is one of `dtype`'s: whole and within range for whole numbers, 0 or 1 for truth values. Missing (NaN) only for floats.
bool FitsType(DType dtype, double value);

// Rows in the columns of `shape`: `values` is rows × columns, `exact` and `texts` are rows × the columns of that store. Views.
struct TableRows {
  const TableShape* shape = nullptr;
  size_t rows = 0;
  const float* values = nullptr;
  const double* exact = nullptr;
  const std::string_view* texts = nullptr;

  bool is_missing(size_t row, size_t column) const {
    const float value = values[row * shape->columns.size() + column];
    return value != value;
  }
  // Of a column that is no text.
  double number(size_t row, size_t column) const {
    const ModelColumn& c = shape->columns[column];
    return c.store == ColumnStore::kExact ? exact[row * shape->exact + c.at] : values[row * shape->columns.size() + column];
  }
  std::string_view text(size_t row, size_t column) const { return texts[row * shape->texts + shape->columns[column].at]; }
};

}  // namespace vigil
