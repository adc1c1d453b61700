// Whatever a store answers: no memory error, and only objects with a name and a size. The first byte chooses the reader.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "blobs/azure/store.h"
#include "blobs/caller.h"
#include "blobs/gcs/store.h"
#include "blobs/s3/store.h"
#include "blobs/uri.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vigil::blobs;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  Listing objects;
  switch (data[0] % 5) {
    case 0: (void)s3::ReadListing(text, &objects).ok(); break;
    case 1: (void)azure::ReadListing(text, &objects).ok(); break;
    case 2: (void)gcs::ReadListing(text, &objects).ok(); break;
    case 3:
      if (const auto uri = ParseUri(text, true); uri.ok() && !CheckObjectName(uri->name).ok()) std::abort();
      break;
    default: {
      vigil::net::ClientResponse response;
      response.body = text;
      std::string message;
      (void)ErrorCode(response, &message);
      if (message.size() > 300) std::abort();
    }
  }
  for (const Object& object : objects) {
    if (object.name.empty() || object.bytes < 0) std::abort();
  }
  const auto below = BelowKey(objects, "m", "shown", {});
  if (!below.ok()) return 0;
  for (const Object& object : *below) {
    if (!object.name.empty() && !CheckObjectName(object.name).ok()) std::abort();
  }
  return 0;
}
