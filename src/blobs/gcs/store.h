#pragma once

#include <memory>
#include <string_view>

#include "blobs/store.h"

namespace vigil::blobs::gcs {

// gs://bucket/name over the JSON API. Objects are read at the generation that was listed.
std::unique_ptr<Store> MakeStore(const Uri& uri, const Context& context);

// One page of objects.list added to `objects`, with whole names. Returns the token of the next; empty: it was the last. INVALID_ARGUMENT
// when it is no such answer; UNIMPLEMENTED for an object stored compressed.
StatusOr<std::string> ReadListing(std::string_view json, Listing* objects);

}  // namespace vigil::blobs::gcs
