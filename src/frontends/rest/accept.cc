#include "frontends/rest/accept.h"

#include "frontends/rest/request.h"

namespace vigil {

bool AcceptPrefers(std::string_view accept, std::string_view type) {
  constexpr std::string_view kJson = "application/json";
  const double quality = AcceptQuality(accept, type);
  return quality > 0 && AcceptNames(accept, type) && (!AcceptNames(accept, kJson) || quality > AcceptQuality(accept, kJson));
}

}  // namespace vigil
