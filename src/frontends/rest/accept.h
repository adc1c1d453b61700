// Which form of an answer a client wants.
#pragma once

#include <string_view>

namespace vigil {

// Whether an Accept header asks for `type` rather than JSON: it names it, and JSON not, or likes JSON less.
bool AcceptPrefers(std::string_view accept, std::string_view type);

}  // namespace vigil
