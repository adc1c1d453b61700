#pragma once

#include <memory>
#include <string_view>

#include "blobs/store.h"

namespace vigil::blobs::s3 {

// s3://bucket/key: S3 and what speaks as it does (AWS_ENDPOINT_URL_S3). Virtual-hosted addresses at AWS, path-style ones elsewhere and for
// buckets with dots.
std::unique_ptr<Store> MakeStore(const Uri& uri, const Context& context);

// One page of ListObjectsV2 added to `objects`, with keys as names. Returns the token of the next; empty: it was the last.
// INVALID_ARGUMENT when it is no such answer.
StatusOr<std::string> ReadListing(std::string_view xml, Listing* objects);

}  // namespace vigil::blobs::s3
