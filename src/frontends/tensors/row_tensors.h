// Named tensors made row by row, from rows that give values by name: JSON objects, examples of features. A model's signature and its columns
// say which names there are and which types their elements have.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "base/status.h"
#include "domain/batch.h"
#include "domain/schema.h"
#include "frontends/rows/columns.h"
#include "frontends/tensors/request_memory.h"

namespace vigil {

// Of one element in memory: texts are views.
size_t ElementBytes(DType dtype);
// Whether an element of the type can say that it is missing: floats as NaN, texts as one without an address.
bool CanBeMissing(DType dtype);

// The names that values may have: a model's columns and its input tensors. Views of both.
class InputNames {
 public:
  InputNames(const Signature& signature, const ColumnIndex& columns) : signature_(signature), columns_(columns) {}

  size_t size() const { return columns_.size() + signature_.inputs.size(); }
  // A name's number, below size(); -1 for none of them. `guess` is looked at first.
  int Find(std::string_view name, size_t guess = 0) const;
  DType dtype(int number) const;
  const ColumnIndex& columns() const { return columns_; }
  // INVALID_ARGUMENT saying that there is no such name, the nearest one and what there is.
  Status Unknown(std::string_view name) const;
  // The name and the type of a tensor that came without a name: the only input's; or, where each input is one column and all have one type,
  // that type and no name, which FillRowsFromTensors takes for the matrix of all columns. Else INVALID_ARGUMENT listing the inputs.
  Status Unnamed(std::string_view* name, DType* dtype) const;

 private:
  std::string_view NameOf(size_t number) const;

  const Signature& signature_;
  const ColumnIndex& columns_;
};

struct RowTensor {
  std::string_view name;
  DType dtype = DType::kFloat32;
  absl::InlinedVector<int64_t, 4> item;  // the shape of a row's value, which is that of the first one
  bool shaped = false;                   // `item` is whole
  size_t width = 0;                      // elements of `item`
  size_t rows = 0;                       // that have been filled; the next one is filled at Next
  std::byte* data = nullptr;             // all rows

  std::byte* Next() const { return data + rows * width * ElementBytes(dtype); }
};

// Of one request at a time; reused.
class RowTensors {
 public:
  // `rows` are to come. `names` and `memory` outlive the tensors.
  void Begin(size_t rows, const InputNames& names, RequestMemory* memory);
  // The tensor of that name, made when it is new: its value in this row is to be read next. Null when the model has no such name.
  // INVALID_ARGUMENT when the row has had it already.
  StatusOr<RowTensor*> Member(std::string_view name);
  // The only tensor, of values without names. The pointer holds until another is added.
  RowTensor* Add(std::string_view name, DType dtype);
  // `tensor.item` is whole: makes room for all rows. Rows before this one have no value.
  Status Shaped(RowTensor* tensor);
  // A tensor that this row has no value of gets the only row of `context`'s (which may be null) of that name, else a missing value;
  // INVALID_ARGUMENT where its type has none.
  Status EndRow(const RowTensors* context = nullptr);
  const std::vector<RowTensor>& tensors() const { return tensors_; }
  size_t rows() const { return rows_; }

 private:
  // The tensor of the name with that number.
  RowTensor* Of(int number, std::string_view name);
  Status FillMissing(RowTensor* tensor, size_t until) const;

  const InputNames* names_ = nullptr;
  RequestMemory* memory_ = nullptr;
  size_t rows_ = 0, row_ = 0, row_elements_ = 0;
  size_t guess_ = 0;
  std::vector<RowTensor> tensors_;
  std::vector<int32_t> slots_;    // by the name's number: which tensor, or -1
  std::vector<int32_t> numbers_;  // of each tensor
};

}  // namespace vigil
