// One place in a store as a list of objects that can be read. Each store implements this; what is fetched is decided in `snapshots`.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "blobs/caller.h"
#include "blobs/digests.h"
#include "blobs/uri.h"

namespace vigil::blobs {

struct Object {
  std::string name;    // below the place, "3/model.json"; empty: the place is this one object
  int64_t bytes = -1;  // -1: the store did not say
  std::string tag;     // differs once the content does: an ETag, a generation; empty: the store has none
  std::string time;    // of the last change, in the store's own words
  Digests digests;     // what the listing says of the content
};

// Sorted by name.
using Listing = std::vector<Object>;

// A number that differs once anything of the listing does; never 0.
uint64_t Revision(const Listing& listing);

// One thread at a time. Errors begin with the place, and say which credentials were used and what the store said.
class Store {
 public:
  virtual ~Store() = default;
  // What is there now. NOT_FOUND when nothing is. `known` (may be null) is what was there before: where a store can say cheaply that
  // nothing changed, it is returned.
  virtual StatusOr<Listing> List(const Listing* known) = 0;
  // The request for an object's content from byte `offset` on, made to fail with 412 once the object is another.
  virtual StatusOr<Request> Get(const Object& object, int64_t offset) = 0;
  // What an answer to Get from byte 0 says of the whole content.
  virtual Digests SaidOf(const Object& object, const net::ClientResponse& head) const = 0;
  virtual CredentialHolder& credentials() = 0;
  virtual Caller& caller() = 0;
};

// Opens the store of `uri`; nothing is asked of it yet.
using OpenStore = std::function<StatusOr<std::unique_ptr<Store>>(const Uri& uri, const Context& context)>;

// Lists page by page: `read(token, &all)` adds the page that `token` names (empty: the first) and says the next one's token, empty at the
// end. RESOURCE_EXHAUSTED names `shown` when far more begin alike than a place may hold, or the pages go round in a circle.
using ReadPage = std::function<StatusOr<std::string>(const std::string& token, Listing* all)>;
StatusOr<Listing> ListPages(const ReadPage& read, const std::string& shown, const BlobOptions& options);

// Cuts a listing down to what `key` means: the object of that very name (then the listing's only one, without a name), else those below it
// as a folder, by the rest of their names; a folder's own mark is no object. Never what only begins alike ("fraud2/x" for "fraud").
// NOT_FOUND names `shown`; RESOURCE_EXHAUSTED and INVALID_ARGUMENT for what the limits and CheckObjectName refuse.
StatusOr<Listing> BelowKey(Listing all, const std::string& key, const std::string& shown, const BlobOptions& options);

}  // namespace vigil::blobs
