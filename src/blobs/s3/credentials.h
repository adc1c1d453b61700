// Where AWS credentials come from: the platforms' usual places, in the SDKs' order.
#pragma once

#include "blobs/renewed.h"
#include "blobs/s3/sigv4.h"

namespace vigil::blobs::s3 {

// In this order: AWS_ACCESS_KEY_ID and its kin; AWS_WEB_IDENTITY_TOKEN_FILE; the profile (keys, role_arn with source_profile or
// web_identity_token_file); AWS_CONTAINER_CREDENTIALS_*; the machine's metadata service (IMDSv2). None: keys without an id, and requests
// go unsigned. UNAUTHENTICATED names the place that is there and gives none; UNIMPLEMENTED a kind of profile that is not read.
StatusOr<Found<Keys>> FindKeys(const Context& context, Caller& caller, const std::string& region);

}  // namespace vigil::blobs::s3
