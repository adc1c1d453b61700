#include "runtime/trees/xgboost/xgboost_linear.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

#include "runtime/cat.h"
#include "runtime/trees/forest_builder.h"
#include "runtime/trees/xgboost/fields.h"

namespace vigil::trees {

StatusOr<Forest> ReadXgboostLinear(const DocumentCursor& model, std::string_view place, int32_t features, const std::vector<double>& base) {
  VIGIL_ASSIGN_OR_RETURN(const absl::Span<const double> weights, Numbers(model, "weights", place));
  VIGIL_ASSIGN_OR_RETURN(const std::optional<int64_t> rounds, Integer(model, "boosted_rounds", place));
  const size_t outputs = base.size(), columns = static_cast<size_t>(features);
  if (weights.size() != (columns + 1) * outputs) {
    return Broken(Cat(place, ".weights"), Cat(weights.size(), " for ", features, " features, a bias and ", outputs, " outputs"));
  }
  const auto finite = [](double weight) { return std::isfinite(static_cast<float>(weight)); };
  if (const auto odd = std::find_if_not(weights.begin(), weights.end(), finite); odd != weights.end()) {
    return Broken(Cat(place, ".weights[", odd - weights.begin(), "]"), "is not finite");
  }
  std::vector<double> start;
  for (size_t o = 0; o < outputs; ++o) {
    start.push_back(double{static_cast<float>(weights[columns * outputs + o]) + static_cast<float>(base[0])});
  }
  ForestBuilder builder(features, std::move(start));
  const double leaf[] = {-1}, zero[] = {0};
  for (int32_t f = 0; f < features; ++f) {
    for (size_t o = 0; o < outputs; ++o) {
      const double coefficient[] = {double{static_cast<float>(weights[static_cast<size_t>(f) * outputs + o])}};
      const int32_t feature[] = {f};
      const TreeArrays::Linear linear[] = {{0, feature, coefficient}};
      TreeArrays tree;
      tree.left = tree.right = leaf;
      tree.feature = tree.value = tree.default_left = zero;
      tree.linear = linear;
      const Status status = builder.AddTree(tree, static_cast<int32_t>(o), 0);
      if (!status.ok()) return Broken(Cat(place, ".weights"), StdView(status.message()));
    }
  }
  return builder.Finish(static_cast<int32_t>(std::clamp<int64_t>(rounds.value_or(1), 1, INT32_MAX)));
}

}  // namespace vigil::trees
