// Two models of one name, made by different libraries: how rows kept for the one are read by the other, and how the other's answer is given
// in the first one's form. Made from signatures by pure functions, so that a traffic plan, the gate and a replay agree on what fits.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "domain/table_shape.h"

namespace vigil {

// How a model reads rows that are kept in another table.
struct ColumnFit {
  std::vector<uint32_t> from;  // one a column of the model: its number among the rows' columns
  bool in_place = true;        // as many columns, each at its own number
  bool same_stores = true;     // and kept alike: a row's floats, doubles and texts are the model's own, in its order
  // Columns of whole numbers and truth values for which the rows may hold more: a fraction, a missing value, a number out of range.
  std::vector<uint32_t> narrow;
};

// How an answer is given in another model's form.
struct AnswerFit {
  struct Element {
    uint32_t output = 0, offset = 0;  // where in the answer it is
  };
  bool alike = true;              // the same outputs: nothing is to be done
  std::vector<Element> elements;  // else one a column of the other model's answers
};

struct VersionFit {
  ColumnFit columns;
  AnswerFit answers;
  std::vector<std::string> notes;  // what differs and how it is taken, a sentence each; for people
};

// Columns go by name, in any order, and by place where either model has made its names up and both have as many; columns that `model` does
// not take are passed over. INVALID_ARGUMENT names the column that is missing (and the nearest that there is), or whose kind differs: texts
// go to texts, numbers to numbers of any type.
StatusOr<ColumnFit> FitColumns(const TableShape& rows, const TableShape& model);

// What a version must have to stand beside a champion: FitColumns, as many score numbers a row, and each output of the champion's, either
// as its score (whatever it is called) or under the same name. INVALID_ARGUMENT names what differs; `version` and `champion` are how the
// text calls the two: "version 2", "champion 1".
StatusOr<VersionFit> FitVersion(const Signature& champion_signature, const TableShape& champion, const Signature& signature,
                                const TableShape& version, const std::string& champion_name, const std::string& name);

// The table of a champion's requests: its own, but that a number is also kept as a double where a version in `others` takes it as one. The
// floats are the champion's matrix still.
TableShape WidenedFor(const TableShape& champion, const std::vector<const ColumnFit*>& fits, const std::vector<const TableShape*>& others);

// The first column in `fit.narrow` whose type does not hold the row's value, or -1.
int FindMisfit(const TableRows& rows, size_t row, const ColumnFit& fit, const TableShape& model);

}  // namespace vigil
