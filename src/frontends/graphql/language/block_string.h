// Block strings: what their text means, and how a value is written as one; other strings as literals.
#pragma once

#include <string>
#include <string_view>

namespace vigil::graphql {

// `raw` is what stands between the quotes, lines ended by '\n'. Takes the common indentation and blank first and last lines away (the
// specification's BlockStringValue).
std::string DedentBlockString(std::string_view raw);
// As graphql-js prints one.
std::string PrintBlockString(std::string_view value);
// `"..."` with GraphQL's escapes.
std::string PrintString(std::string_view value);

}  // namespace vigil::graphql
