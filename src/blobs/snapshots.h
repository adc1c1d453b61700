// What was fetched: each state of a source whole in a folder of its own, named by its content.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "blobs/options.h"
#include "blobs/pause.h"
#include "blobs/store.h"

namespace vigil::blobs {

struct Snapshot {
  std::string path;           // the file or folder to load
  std::string digest;         // a file's SHA-256; a folder's: of its `sha256sum` lines (Snapshots)
  uint64_t revision = 0;      // of what the store listed when it was made
  Status stale;               // not OK: the store could not be asked, why; this is what was there at last
  bool fetched = false;       // bytes were read for it just now
  std::shared_ptr<void> pin;  // as long as it lives, RemoveUnused leaves the snapshot
};

// Layout of `directory`: DIGEST/NAME is a snapshot, NAME being the last part of the source's address (a file, or a folder of objects);
// .sources/*.json tell what each source was last; .tmp-* are being written. A folder's digest is the SHA-256 of the lines
// "SHA256  NAME\n" sorted by name, which `find * -type f | LC_ALL=C sort | xargs sha256sum | sha256sum` prints.
// Any thread; calls for one source wait for each other. One process a directory.
class Snapshots {
 public:
  // `clock` and what `environment` names outlive it. What a killed process left half-written is removed.
  Snapshots(std::string directory, BlobOptions options, Environment environment, const Clock& clock, OpenStore open);
  ~Snapshots();

  // The source as it is now: listed, read, listed again (and read anew when it changed meanwhile), digests checked, synced, put in place
  // in one step. Nothing is read when the source is what it was. `sha256` (may be empty) and a "#sha256=" of the address must be its
  // digest.
  StatusOr<Snapshot> Fetch(const std::string& uri, const std::string& sha256);
  // The same at a start: when the store cannot be reached or refuses, what the source was last, and `stale` says why.
  StatusOr<Snapshot> FetchOrLast(const std::string& uri, const std::string& sha256);
  // Where what was fetched of the source before lies; empty: nothing was, or it is gone.
  std::string LastPath(const std::string& uri);
  // What the source is now, by one cheap request; the caller asks again later, so it is not repeated.
  StatusOr<uint64_t> Look(const std::string& uri);

  // Whether `path` is in a snapshot.
  bool Holds(const std::string& path) const { return path.starts_with(directory_ + "/"); }
  // `path`, which is in a snapshot, from its source's name on: the same in each snapshot of the source.
  std::string Within(const std::string& path) const { return path.substr(std::min(path.size(), path.find('/', directory_.size() + 1))); }
  // Removes the snapshots that hold none of `paths`, are not what one of `sources` was last, and are not pinned; other
  // sources are forgotten. Returns how many snapshots.
  int RemoveUnused(const std::vector<std::string>& paths, const std::vector<std::string>& sources);

  // Ends what runs, with CANCELLED.
  void Stop() { pause_->Stop(); }

 private:
  struct Known;   // what a source was last
  struct Source;  // one address

  StatusOr<std::shared_ptr<Source>> Find(const std::string& uri);
  StatusOr<Snapshot> FetchSource(Source& source, const std::string& sha256);
  StatusOr<Snapshot> Read(Source& source, const Listing& listing, const std::string& sha256, bool* changed);
  Status ReadObjects(Source& source, const Listing& listing, const std::string& folder, std::vector<std::string>* digests);
  bool LinkKnown(const Source& source, const Object& object, const std::string& path, std::string* sha256) const;
  StatusOr<Snapshot> Last(const Source& source, const std::string& sha256, const Status& stale);
  Snapshot Pinned(Snapshot snapshot);
  std::string IndexFile(const std::string& uri) const;
  void ReadIndex(Source& source) const;
  Status WriteIndex(const Source& source) const;

  const std::string directory_;
  const BlobOptions options_;
  const Environment environment_;
  const OpenStore open_;
  const std::unique_ptr<Pause> pause_;
  const Context context_;

  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Source>> sources_;  // by address without digest; guarded by mutex_, each one's contents by its own
  std::map<std::string, std::weak_ptr<void>> pins_;         // by folder; guarded by mutex_
  int temporaries_ = 0;                                     // guarded by mutex_
};

}  // namespace vigil::blobs
