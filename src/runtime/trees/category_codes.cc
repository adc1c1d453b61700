#include "runtime/trees/category_codes.h"

#include <algorithm>
#include <limits>
#include <unordered_map>
#include <utility>

#include "base/json.h"
#include "base/text.h"
#include "runtime/cat.h"
#include "runtime/trees/catboost/catboost_hash.h"

namespace vigil::trees {
namespace {

constexpr double kUnseen = std::numeric_limits<double>::quiet_NaN();

class TextCategories final : public CategoryCodes {
 public:
  // Nothing may appear twice.
  static StatusOr<std::shared_ptr<const CategoryCodes>> Make(std::vector<std::string> texts) {
    auto made = std::make_shared<TextCategories>();
    made->texts_ = std::move(texts);
    for (size_t i = 0; i < made->texts_.size(); ++i) {
      if (!made->codes_.emplace(made->texts_[i], static_cast<double>(i)).second) {
        return absl::InvalidArgumentError(Cat("the category '", made->texts_[i], "' appears twice"));
      }
    }
    return std::shared_ptr<const CategoryCodes>(std::move(made));
  }

  DType type() const override { return DType::kString; }
  double Code(std::string_view text) const override {
    const auto found = codes_.find(text);
    return found == codes_.end() ? kUnseen : found->second;
  }
  double Code(double number) const override { return Code(NumberText(number)); }
  std::string description() const override { return Cat(texts_.size(), " categories"); }

 private:
  std::vector<std::string> texts_;
  std::unordered_map<std::string_view, double> codes_;
};

class NumberCategories final : public CategoryCodes {
 public:
  static StatusOr<std::shared_ptr<const CategoryCodes>> Make(const std::vector<double>& numbers) {
    auto made = std::make_shared<NumberCategories>();
    for (const double number : numbers) {
      if (!made->codes_.emplace(number, static_cast<double>(made->codes_.size())).second) {
        return absl::InvalidArgumentError(Cat("the category ", NumberText(number), " appears twice"));
      }
    }
    return std::shared_ptr<const CategoryCodes>(std::move(made));
  }

  DType type() const override { return DType::kFloat64; }
  double Code(std::string_view) const override { return kUnseen; }
  double Code(double number) const override {
    const auto found = codes_.find(number);
    return found == codes_.end() ? kUnseen : found->second;
  }
  std::string description() const override { return Cat(codes_.size(), " categories, numbers"); }

 private:
  std::unordered_map<double, double> codes_;
};

class HashedCategories final : public CategoryCodes {
 public:
  explicit HashedCategories(const std::vector<uint32_t>& hashes) {
    for (size_t i = 0; i < hashes.size(); ++i) codes_.emplace(hashes[i], static_cast<double>(i));
  }

  DType type() const override { return DType::kString; }
  double Code(std::string_view text) const override {
    const auto found = codes_.find(CatboostHash(text));
    return found == codes_.end() ? kUnseen : found->second;
  }
  double Code(double number) const override { return Code(NumberText(number)); }
  std::string description() const override { return Cat(codes_.size(), " categories, known by their hashes"); }

 private:
  std::unordered_map<uint32_t, double> codes_;
};

StatusOr<std::shared_ptr<const CategoryCodes>> ReadList(const Json& list) {
  if (!list.is_array()) return absl::InvalidArgumentError("must be a list");
  std::vector<std::string> texts;
  std::vector<double> numbers;
  for (const Json& category : list) {
    if (category.is_string()) {
      texts.push_back(category.get<std::string>());
    } else if (category.is_number() || category.is_boolean()) {
      numbers.push_back(category.is_boolean() ? (category.get<bool>() ? 1.0 : 0.0) : category.get<double>());
    } else {
      return absl::InvalidArgumentError("a category must be a text, a number or a truth value");
    }
  }
  if (!texts.empty() && !numbers.empty()) return absl::InvalidArgumentError("mixes texts and numbers");
  return numbers.empty() ? TextCategories::Make(std::move(texts)) : NumberCategories::Make(numbers);
}

}  // namespace

StatusOr<std::vector<std::shared_ptr<const CategoryCodes>>> ReadPandasCategories(std::string_view json) {
  VIGIL_ASSIGN_OR_RETURN(const Json lists, ParseJson(json, "pandas_categorical"));
  if (!lists.is_array()) return absl::InvalidArgumentError("pandas_categorical: must be a list of lists");
  std::vector<std::shared_ptr<const CategoryCodes>> codes;
  for (const Json& list : lists) {
    StatusOr<std::shared_ptr<const CategoryCodes>> read = ReadList(list);
    if (!read.ok())
      return absl::InvalidArgumentError(Cat("pandas_categorical: list ", codes.size(), ": ", StdView(read.status().message())));
    codes.push_back(*std::move(read));
  }
  return codes;
}

StatusOr<std::shared_ptr<const CategoryCodes>> MakeTextCategories(std::vector<std::string> texts) {
  return TextCategories::Make(std::move(texts));
}

StatusOr<std::shared_ptr<const CategoryCodes>> MakeNumberCategories(const std::vector<double>& numbers) {
  return NumberCategories::Make(numbers);
}

std::shared_ptr<const CategoryCodes> MakeHashedCategories(std::vector<uint32_t> hashes) {
  return std::make_shared<HashedCategories>(hashes);
}

}  // namespace vigil::trees
