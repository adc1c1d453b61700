// The categories that a data frame had in training, as XGBoost 3.1 and later keep them with the trees.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "runtime/trees/category_codes.h"
#include "runtime/trees/document.h"

namespace vigil::trees {

// `cats`: {"enc": one entry a feature, "feature_segments", "sorted_idx"}. An entry holds texts (as offsets into one array of UTF-8 bytes),
// integers with their type, or nothing for a numeric feature; a category's code is its place. One result a feature, null for a numeric
// one. Empty when the model has no categories, and when they are all integers that are their own codes: such a model takes plain numbers.
// INVALID_ARGUMENT names the place. `sound_offsets`: the file is from 3.4 or later; before, XGBoost's Python package counted characters for
// bytes, so that texts beyond ASCII begin at wrong places and lose their end: such a file is refused.
StatusOr<std::vector<std::shared_ptr<const CategoryCodes>>> ReadXgboostCategories(const DocumentCursor& cats, std::string_view place,
                                                                                  int32_t features, bool sound_offsets);

}  // namespace vigil::trees
