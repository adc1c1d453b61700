// What services answer that give AWS keys.
#pragma once

#include <string>
#include <string_view>

#include "blobs/renewed.h"
#include "blobs/s3/sigv4.h"

namespace vigil::blobs::s3 {

// A container's endpoint and the machine's metadata service: {"AccessKeyId", "SecretAccessKey", "Token", "Expiration"}. UNAUTHENTICATED
// when it holds no keys, with the code and words that came instead; INVALID_ARGUMENT when it is no such answer.
StatusOr<Found<Keys>> ReadKeysJson(std::string_view text, const std::string& source);

// STS, to AssumeRole and AssumeRoleWithWebIdentity.
StatusOr<Found<Keys>> ReadKeysXml(std::string_view text, const std::string& source);

}  // namespace vigil::blobs::s3
