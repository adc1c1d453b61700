// What turns the categories of a column into the codes that a forest's splits know.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "domain/batch.h"

namespace vigil::trees {

// Immutable; any thread may call.
class CategoryCodes {
 public:
  virtual ~CategoryCodes() = default;
  // What a row holds in this column: kString, or kFloat64 for categories that are numbers.
  virtual DType type() const = 0;
  // The code of a category, NaN for one that is missing or that training did not see. The one that fits type() is called.
  virtual double Code(std::string_view text) const = 0;
  virtual double Code(double number) const = 0;
  // For people: "7 categories".
  virtual std::string description() const = 0;
};

// A training frame's lists as LightGBM's Python package stores them: JSON, [["mon","tue"],[1,2,5]], one list a categorical column; the code
// is the place in the list. A list is of texts, or of numbers and truth values. INVALID_ARGUMENT says what is wrong.
StatusOr<std::vector<std::shared_ptr<const CategoryCodes>>> ReadPandasCategories(std::string_view json);

// Category i is texts[i], or numbers[i]. INVALID_ARGUMENT: one appears twice.
StatusOr<std::shared_ptr<const CategoryCodes>> MakeTextCategories(std::vector<std::string> texts);
StatusOr<std::shared_ptr<const CategoryCodes>> MakeNumberCategories(const std::vector<double>& numbers);

// CatBoost's: category i is any text whose CatboostHash is hashes[i]. Two equal hashes are one category.
std::shared_ptr<const CategoryCodes> MakeHashedCategories(std::vector<uint32_t> hashes);

}  // namespace vigil::trees
