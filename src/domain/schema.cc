#include "domain/schema.h"

namespace vigil {

std::string_view TaskName(Task task) {
  static constexpr std::string_view kNames[] = {"binary", "multiclass", "regression", "ranking", "other"};
  return kNames[static_cast<size_t>(task)];
}

std::string_view CleanPolicyName(CleanPolicy policy) {
  static constexpr std::string_view kNames[] = {"reject", "impute", "clamp", "flag"};
  return kNames[static_cast<size_t>(policy)];
}

std::string_view RuleName(Rule rule) {
  static constexpr std::string_view kNames[] = {"type", "missing", "minimum", "maximum", "category", "infinity", "unknown_column"};
  return kNames[static_cast<size_t>(rule)];
}

}  // namespace vigil
