// Where Google credentials come from: Application Default Credentials.
#pragma once

#include <string>

#include "blobs/renewed.h"

namespace vigil::blobs::gcs {

// In this order: GOOGLE_APPLICATION_CREDENTIALS (service_account, authorized_user or external_account); gcloud's application default
// credentials; the metadata server. None, or an emulator (STORAGE_EMULATOR_HOST) without the first: an empty token, and requests are
// anonymous. UNAUTHENTICATED names the place that is there and gives none; UNIMPLEMENTED a type of credentials that is not read.
StatusOr<Found<std::string>> FindToken(const Context& context, Caller& caller);

// A JSON Web Token signed with RS256: header and claims as JSON, `private_key` as PEM (PKCS#8 or PKCS#1). INVALID_ARGUMENT for a key that
// is none. RFC 7515, RFC 7518 section 3.3.
StatusOr<std::string> SignJwt(const std::string& header, const std::string& claims, const std::string& private_key);

}  // namespace vigil::blobs::gcs
