// Workload identity federation: another provider's token is exchanged for one of Google's (credentials of type external_account).
// https://google.aip.dev/auth/4117
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "blobs/renewed.h"

namespace vigil::blobs::gcs {

// The token that `account`, a credentials file, stands for: the subject's token is read from its credential_source (a file or a URL),
// exchanged at token_url, and, where service_account_impersonation_url is set, exchanged there for the service account's. `scope` is what
// the result may do. UNIMPLEMENTED for other sources (AWS, a program, a certificate).
StatusOr<Found<std::string>> TokenOfFederation(const Context& context, Caller& caller, const Json& account, const std::string& scope,
                                               const std::string& source);

// The subject's token in what a credential source holds: `format` is credential_source.format (null: the text itself is the token, else
// {"type": "json", "subject_token_field_name": ...}).
StatusOr<std::string> ReadSubjectToken(std::string_view text, const Json& format);

// The answer of generateAccessToken: {"accessToken": ..., "expireTime": RFC 3339}.
StatusOr<Found<std::string>> ReadImpersonation(std::string_view text, const std::string& what);

}  // namespace vigil::blobs::gcs
