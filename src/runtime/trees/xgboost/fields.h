// Members of a model document's objects, with errors that name the place ("learner.objective.name").
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/types/span.h"
#include "base/status.h"
#include "runtime/trees/document.h"

namespace vigil::trees {

// INVALID_ARGUMENT: "place: what".
Status Broken(std::string_view place, std::string_view what);

// INVALID_ARGUMENT when there is none of this name.
StatusOr<DocumentCursor> Member(const DocumentCursor& object, std::string_view key, std::string_view place);

// XGBoost writes parameters as text ("num_trees":"500"); some versions wrote numbers. Nothing when the key is absent.
StatusOr<std::optional<int64_t>> Integer(const DocumentCursor& object, std::string_view key, std::string_view place);

// An array of nothing but numbers, which must be there.
StatusOr<absl::Span<const double>> Numbers(const DocumentCursor& object, std::string_view key, std::string_view place);

}  // namespace vigil::trees
