// What services that give bearer tokens answer (RFC 6749, section 5.1), for Google and Azure.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "blobs/renewed.h"

namespace vigil::blobs {

// The token of {"access_token": ..., "expires_in": seconds, "expires_on": seconds since 1970}, times as numbers or as text; without either
// it never ends. `what` names the service in errors: UNAUTHENTICATED when there is no token, INVALID_ARGUMENT when it is no such answer.
StatusOr<Found<std::string>> ReadToken(std::string_view text, const std::string& what, TimeUs now);

// Whether a secret can go there: https://, or http:// on this machine. INVALID_ARGUMENT says that `name` is neither.
Status CheckSecretUrl(const std::string& url, const std::string& name);

// A member that is text; empty when there is none.
std::string TextMember(const Json& json, const char* name);

}  // namespace vigil::blobs
