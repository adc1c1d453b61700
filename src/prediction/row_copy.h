// Rows that must outlast their request: copies of every store.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "domain/table_shape.h"

namespace vigil {

// Keeps its memory from use to use. All rows are of one shape, which outlives them.
class RowCopies {
 public:
  void Add(const TableRows& rows, size_t row) {
    const TableShape& shape = *rows.shape;
    shape_ = &shape;
    ++rows_;
    const float* values = rows.values + row * shape.columns.size();
    values_.insert(values_.end(), values, values + shape.columns.size());
    if (shape.exact != 0) exact_.insert(exact_.end(), rows.exact + row * shape.exact, rows.exact + (row + 1) * shape.exact);
    for (size_t i = 0; i < shape.texts; ++i) {
      text_.append(rows.texts[row * shape.texts + i]);
      ends_.push_back(text_.size());
    }
  }
  // What Add takes of memory.
  static size_t Bytes(const TableRows& rows, size_t row) {
    const TableShape& shape = *rows.shape;
    size_t bytes = shape.columns.size() * sizeof(float) + shape.exact * sizeof(double) + shape.texts * sizeof(size_t);
    for (size_t i = 0; i < shape.texts; ++i) bytes += rows.texts[row * shape.texts + i].size();
    return bytes;
  }
  size_t rows() const { return rows_; }
  // `count` rows from `first` on; valid until the next call.
  TableRows View(size_t first, size_t count) {
    views_.clear();
    for (size_t i = first * shape_->texts; i < (first + count) * shape_->texts; ++i) {
      const size_t begin = i == 0 ? 0 : ends_[i - 1];
      views_.push_back(std::string_view(text_).substr(begin, ends_[i] - begin));
    }
    return {shape_, count, values_.data() + first * shape_->columns.size(), exact_.data() + first * shape_->exact, views_.data()};
  }
  void Clear() {
    rows_ = 0;
    values_.clear();
    exact_.clear();
    text_.clear();
    ends_.clear();
  }

 private:
  const TableShape* shape_ = nullptr;
  size_t rows_ = 0;
  std::vector<float> values_;
  std::vector<double> exact_;
  std::string text_;  // texts, one after the other
  std::vector<size_t> ends_;
  std::vector<std::string_view> views_;
};

}  // namespace vigil
