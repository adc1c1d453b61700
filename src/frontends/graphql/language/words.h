// How messages show values and guess names: graphql-js's forms, so that they read the same in every client.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace vigil::graphql {

// A double as JavaScript's String(number) has it; must be finite.
std::string NumberWord(double value);
// JSON on one line: strings quoted, lists cut after ten items, nothing below the third level.
std::string Inspect(const Json& value);

// Those of `known` that `name` may have been meant as, the likeliest first.
std::vector<std::string_view> Suggestions(std::string_view name, const std::vector<std::string_view>& known);
// ` Did you mean "a", "b", or "c"?`, at most five; empty for none. `what` stands before them ("the enum value").
std::string DidYouMeanOneOf(const std::vector<std::string_view>& names, std::string_view what = "");
// Less than, with runs of digits as numbers.
bool NaturalLess(std::string_view a, std::string_view b);

}  // namespace vigil::graphql
