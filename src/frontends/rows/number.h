// Decimal text to double, correctly rounded: a fast exact path for what tables hold, the standard library for the rest. Rows are read as
// doubles and then rounded once more to float, because that is what every client of the tree makers' libraries does (JSON → double →
// float32 matrix); a single rounding would differ from them in rare last bits.
#pragma once

#include <cstddef>
#include <string_view>

namespace vigil {

// Reads the JSON number (RFC 8259 grammar) that begins at `p`. Returns the place after it, or null when no JSON number begins there.
// Magnitudes beyond a double's become infinity or zero, as they do in IEEE arithmetic; the schema then judges the infinity.
const char* ReadJsonNumber(const char* p, const char* end, double* value);

// Reads the whole of `text` as JSON number; false when it is none.
bool ParseJsonNumber(std::string_view text, double* value);

// Reads a table cell of CSV, with a looser grammar: surrounding blanks, `+1`, `1.`, `.5`, `007`; an empty cell, `nan`, `NA` and `null`
// are missing (NaN); `inf`, `-inf` and `infinity`; `true` and `false` as 1 and 0. Words in any case. False when it is none of these.
bool ParseCell(std::string_view text, double* value);

}  // namespace vigil
