// How CatBoost sees a category: by a hash of its text.
#pragma once

#include <cstdint>
#include <string_view>

namespace vigil::trees {

// CityHash64 in its first version (Pike and Alakuijala, 2011; later versions give other numbers).
uint64_t CityHash64V1(std::string_view text);

// CatBoost's hash of a category: the low half. An integer category is hashed as its decimal text.
inline uint32_t CatboostHash(std::string_view text) { return static_cast<uint32_t>(CityHash64V1(text)); }

}  // namespace vigil::trees
