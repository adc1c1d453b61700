#include "runtime/trees/catboost/catboost_file.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_join.h"
#include "base/text.h"
#include "runtime/cat.h"
#include "runtime/trees/forest.h"

namespace vigil::trees {

void ListCatboostSplits(CatboostFile* file) {
  const auto append = [file](bool one_hot, size_t feature, size_t places) {
    for (size_t p = 0; p < places; ++p) file->splits.push_back({one_hot, static_cast<int32_t>(feature), static_cast<int32_t>(p)});
  };
  for (size_t f = 0; f < file->floats.size(); ++f) append(false, f, file->floats[f].borders.size());
  for (size_t f = 0; f < file->one_hots.size(); ++f) append(true, f, file->one_hots[f].values.size());
}

Status SettleCatboostColumns(CatboostFile* file) {
  std::vector<int32_t> columns;
  std::vector<std::string_view> names;
  const auto add = [&](int32_t column, const std::string& name) {
    columns.push_back(column);
    if (!name.empty()) names.push_back(name);
  };
  for (const CatboostFloatFeature& feature : file->floats) add(feature.column, feature.name);
  for (const CatboostCategoricalFeature& feature : file->categorical) add(feature.column, feature.name);
  if (columns.empty()) return absl::InvalidArgumentError("the model lists no features");
  std::sort(columns.begin(), columns.end());
  if (columns.front() < 0 || columns.back() >= kFeaturesMax) {
    const int32_t odd = columns.front() < 0 ? columns.front() : columns.back();
    return absl::InvalidArgumentError(Cat("a feature of column ", odd, "; there may be ", kFeaturesMax));
  }
  // CatBoost lists the features that no split uses, too; where a caller dropped them there may be gaps, but no desert.
  if (columns.back() > 4096 && static_cast<size_t>(columns.back()) / 16 > columns.size()) {
    return absl::InvalidArgumentError(Cat("a feature of column ", columns.back(), " where ", columns.size(), " features are listed"));
  }
  if (const auto twice = std::adjacent_find(columns.begin(), columns.end()); twice != columns.end()) {
    return absl::InvalidArgumentError(Cat("two features of column ", *twice));
  }
  std::sort(names.begin(), names.end());
  if (const auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end()) {
    return absl::InvalidArgumentError(Cat("two features named '", twice->substr(0, 64), "'"));
  }
  file->columns = columns.back() + 1;
  return absl::OkStatus();
}

Status AddCatboostOneHot(int64_t index, std::vector<uint32_t> values, CatboostFile* file) {
  const auto& list = file->categorical;
  const auto found = std::find_if(list.begin(), list.end(), [index](const CatboostCategoricalFeature& f) { return f.index == index; });
  if (found == list.end())
    return absl::InvalidArgumentError(Cat("one-hot values of the categorical feature ", index, ", which is not listed"));
  const auto place = static_cast<int32_t>(found - list.begin());
  std::vector<uint32_t> sorted = values;
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) {
    return absl::InvalidArgumentError(Cat("a one-hot value twice for the categorical feature ", index));
  }
  for (const CatboostOneHot& other : file->one_hots) {
    if (other.categorical == place) return absl::InvalidArgumentError(Cat("one-hot values twice for the categorical feature ", index));
  }
  file->one_hots.push_back({place, std::move(values)});
  return absl::OkStatus();
}

void DescribeCatboost(const DocumentCursor* params, std::string_view version, const DocumentCursor* classes, CatboostFile* file) {
  file->library = "catboost";
  constexpr std::string_view kTag = "Branch: tags/v";  // of the build's git: "    Branch: tags/v1.2.10\n"
  if (const size_t at = version.find(kTag); at != std::string_view::npos) {
    const std::string_view rest = version.substr(at + kTag.size(), 16);
    file->library += Cat(" ", rest.substr(0, rest.find_first_not_of("0123456789.")));
  }
  if (params != nullptr) {
    if (const auto loss = params->Find("loss_function"); loss.has_value()) {
      if (const auto type = loss->Find("type"); type.has_value()) file->loss = type->text();
    }
  }
  if (classes == nullptr) return;
  if (const auto names = classes->Find("class_names"); names.has_value()) {
    std::vector<std::string> texts;
    for (const double number : names->numbers()) texts.push_back(NumberText(number));
    for (const DocumentCursor& name : names->Children()) texts.emplace_back(name.text());
    file->classes = absl::StrJoin(texts, ",");
  }
}

}  // namespace vigil::trees
