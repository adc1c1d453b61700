// One object into one file: taken up where it broke off, counted, digested, synced.
#pragma once

#include <cstdint>
#include <string>

#include "blobs/store.h"

namespace vigil::blobs {

struct Downloaded {
  int64_t bytes = 0;
  std::string sha256;  // hexadecimal
};

// Writes the new file `path`; an error leaves none. ABORTED when the object became another meanwhile; DATA_LOSS when what came is not what
// the store or the listing says; RESOURCE_EXHAUSTED beyond `bytes_max`. Errors name `shown`.
StatusOr<Downloaded> Download(Store& store, const Object& object, const std::string& shown, int64_t bytes_max, const std::string& path);

}  // namespace vigil::blobs
