#include "blobs/store.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/hash.h"

namespace vigil::blobs {

uint64_t Revision(const Listing& listing) {
  std::string text;
  for (const Object& object : listing) absl::StrAppend(&text, object.name, "\n", object.bytes, "\n", object.tag, "\n", object.time, "\n");
  const uint64_t hash = StableHash(text);
  return hash == 0 ? 1 : hash;
}

StatusOr<Listing> ListPages(const ReadPage& read, const std::string& shown, const BlobOptions& options) {
  Listing all;
  std::string token;
  do {
    const std::string former = token;
    VIGIL_ASSIGN_OR_RETURN(token, read(former, &all));
    // More than the limit can also be what only begins alike; twice as many are no model.
    if (static_cast<int64_t>(all.size()) > 2 * options.objects_max + 1000 || (token == former && !token.empty())) {
      return absl::ResourceExhaustedError(absl::StrCat(shown, ": more than ", all.size(), " objects begin so (sources.objects_max)"));
    }
  } while (!token.empty());
  return all;
}

StatusOr<Listing> BelowKey(Listing all, const std::string& key, const std::string& shown, const BlobOptions& options) {
  const std::string folder = key.empty() || key.ends_with('/') ? key : key + "/";
  Listing kept;
  int64_t bytes = 0;
  for (Object& object : all) {
    if (!key.empty() && object.name == key && !key.ends_with('/')) {
      object.name.clear();
      kept.clear();
      bytes = std::max<int64_t>(object.bytes, 0);
      kept.push_back(std::move(object));
      break;
    }
    if (!object.name.starts_with(folder) || object.name.ends_with('/') || object.name.size() == folder.size()) continue;
    object.name.erase(0, folder.size());
    if (const Status named = CheckObjectName(object.name); !named.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(shown, ": ", std::string(named.message())));
    }
    bytes += std::max<int64_t>(object.bytes, 0);
    kept.push_back(std::move(object));
  }
  if (kept.empty()) return absl::NotFoundError(absl::StrCat(shown, ": nothing is there"));
  if (static_cast<int64_t>(kept.size()) > options.objects_max) {
    return absl::ResourceExhaustedError(
        absl::StrCat(shown, ": holds ", kept.size(), " objects, at most ", options.objects_max, " are read (sources.objects_max)"));
  }
  if (bytes > options.snapshot_bytes_max) {
    return absl::ResourceExhaustedError(
        absl::StrCat(shown, ": holds ", bytes, " bytes, at most ", options.snapshot_bytes_max, " are read (sources.snapshot_bytes_max)"));
  }
  std::sort(kept.begin(), kept.end(), [](const Object& a, const Object& b) { return a.name < b.name; });
  return kept;
}

}  // namespace vigil::blobs
