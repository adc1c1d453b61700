#pragma once

#include <memory>
#include <string_view>

#include "blobs/store.h"

namespace vigil::blobs::azure {

// az://container/name in AZURE_STORAGE_ACCOUNT (or AZURE_STORAGE_CONNECTION_STRING's account), or az://account/container/name when neither
// is set or it is that account's name. INVALID_ARGUMENT when the account or the container is missing.
StatusOr<std::unique_ptr<Store>> MakeStore(const Uri& uri, const Context& context);

// One page of List Blobs added to `objects`, with whole names. Returns the marker of the next; empty: it was the last. INVALID_ARGUMENT
// when it is no such answer.
StatusOr<std::string> ReadListing(std::string_view xml, Listing* objects);

}  // namespace vigil::blobs::azure
