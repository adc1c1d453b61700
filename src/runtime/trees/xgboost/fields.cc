#include "runtime/trees/xgboost/fields.h"

#include <cmath>

#include "absl/strings/numbers.h"
#include "runtime/cat.h"

namespace vigil::trees {

Status Broken(std::string_view place, std::string_view what) { return absl::InvalidArgumentError(Cat(place, ": ", what)); }

StatusOr<DocumentCursor> Member(const DocumentCursor& object, std::string_view key, std::string_view place) {
  std::optional<DocumentCursor> found = object.Find(key);
  if (!found.has_value()) return Broken(Cat(place, place.empty() ? "" : ".", key), "is missing");
  return *found;
}

StatusOr<std::optional<int64_t>> Integer(const DocumentCursor& object, std::string_view key, std::string_view place) {
  const std::optional<DocumentCursor> found = object.Find(key);
  if (!found.has_value()) return std::optional<int64_t>();
  int64_t value = 0;
  if (found->is_text() && absl::SimpleAtoi(AbslView(found->text()), &value)) return std::optional<int64_t>(value);
  if (found->is_number() && std::abs(found->number()) < 9e15 && found->number() == std::floor(found->number())) {
    return std::optional<int64_t>(static_cast<int64_t>(found->number()));
  }
  return Broken(Cat(place, ".", key), "must be an integer");
}

StatusOr<absl::Span<const double>> Numbers(const DocumentCursor& object, std::string_view key, std::string_view place) {
  VIGIL_ASSIGN_OR_RETURN(const DocumentCursor array, Member(object, key, place));
  if (!array.is_array() || (array.numbers().empty() && !array.Children().empty())) {
    return Broken(Cat(place, ".", key), "must be an array of numbers");
  }
  return array.numbers();
}

}  // namespace vigil::trees
