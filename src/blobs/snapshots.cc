#include "blobs/snapshots.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/json.h"
#include "blobs/disk.h"
#include "blobs/download.h"
#include "blobs/uri.h"
#include "storage/whole_file.h"

namespace vigil::blobs {

namespace fs = std::filesystem;

struct Snapshots::Known {
  Listing objects;
  std::vector<std::string> digests;  // SHA-256 of each object
  std::string folder;                // the snapshot's, below `directory_`
  std::string digest;                // Snapshot::digest
};

struct Snapshots::Source {
  std::string text;  // the address without digest
  Uri uri;
  std::mutex mutex;  // held through a fetch or a look
  std::unique_ptr<Store> store;
  std::unique_ptr<Known> known;  // null: never fetched
};

namespace {

constexpr int64_t kIndexBytesMax = 64 << 20;
constexpr const char* kSources = ".sources";
constexpr const char* kTemporary = ".tmp-";
constexpr int kAttemptsWithSnapshot = 2;  // at a start that can go on without the store

// Where nothing tells one content from another of its size, only reading does.
bool IsTagged(const Listing& listing) {
  return std::all_of(listing.begin(), listing.end(), [](const Object& o) { return !o.tag.empty() || !o.time.empty(); });
}

std::string WithoutDigest(const std::string& uri) { return uri.substr(0, uri.rfind("#sha256=")); }

Status CheckWanted(const std::string& shown, const std::string& sha256, const std::string& digest) {
  if (sha256.empty() || absl::AsciiStrToLower(sha256) == digest) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(shown, ": has SHA-256 ", digest, ", not ", sha256, " as asked for"));
}

// What stands in for the store: everything but a source that is not there, or is not what it must be.
bool CanGoOnWithout(const Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kPermissionDenied: return true;
    default: return false;
  }
}

Json ToJson(const Object& object, const std::string& sha256) {
  return {{"name", object.name}, {"bytes", object.bytes}, {"tag", object.tag}, {"time", object.time}, {"sha256", sha256}};
}

}  // namespace

Snapshots::Snapshots(std::string directory, BlobOptions options, Environment environment, const Clock& clock, OpenStore open)
    : directory_(fs::absolute(directory).lexically_normal().string()),
      options_(std::move(options)),
      environment_(std::move(environment)),
      open_(std::move(open)),
      pause_(std::make_unique<Pause>()),
      context_{options_, environment_, clock, *pause_} {
  std::error_code error;
  std::vector<std::string> left;
  for (fs::directory_iterator entry(directory_, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->path().filename().string().starts_with(kTemporary)) left.push_back(entry->path().string());
  }
  for (const std::string& path : left) RemoveAll(path);
}

Snapshots::~Snapshots() = default;

StatusOr<std::shared_ptr<Snapshots::Source>> Snapshots::Find(const std::string& uri) {
  VIGIL_ASSIGN_OR_RETURN(Uri parsed, ParseUri(uri, options_.plain_http));
  const std::string text = WithoutDigest(uri);
  std::lock_guard lock(mutex_);
  std::shared_ptr<Source>& source = sources_[text];
  if (source == nullptr) {
    auto fresh = std::make_shared<Source>();
    fresh->text = text;
    fresh->uri = std::move(parsed);
    StatusOr<std::unique_ptr<Store>> store = open_(fresh->uri, context_);
    if (!store.ok()) {
      sources_.erase(text);
      return store.status();
    }
    fresh->store = *std::move(store);
    ReadIndex(*fresh);
    source = std::move(fresh);
  }
  return source;
}

StatusOr<Snapshot> Snapshots::Fetch(const std::string& uri, const std::string& sha256) {
  VIGIL_ASSIGN_OR_RETURN(const std::shared_ptr<Source> source, Find(uri));
  VIGIL_ASSIGN_OR_RETURN(const Uri given, ParseUri(uri, options_.plain_http));
  std::lock_guard lock(source->mutex);
  source->store->caller().SetAttempts(options_.attempts_max);
  VIGIL_RETURN_IF_ERROR(CheckWanted(source->uri.shown, given.sha256.empty() ? "" : sha256, given.sha256));
  return FetchSource(*source, sha256.empty() ? given.sha256 : sha256);
}

StatusOr<Snapshot> Snapshots::FetchOrLast(const std::string& uri, const std::string& sha256) {
  VIGIL_ASSIGN_OR_RETURN(const std::shared_ptr<Source> source, Find(uri));
  VIGIL_ASSIGN_OR_RETURN(const Uri given, ParseUri(uri, options_.plain_http));
  const std::string wanted = sha256.empty() ? given.sha256 : sha256;
  std::lock_guard lock(source->mutex);
  const bool has_last = source->known != nullptr;
  source->store->caller().SetAttempts(has_last ? std::min(options_.attempts_max, kAttemptsWithSnapshot) : options_.attempts_max);
  StatusOr<Snapshot> now = FetchSource(*source, wanted);
  if (now.ok() || !has_last || !CanGoOnWithout(now.status())) return now;
  StatusOr<Snapshot> last = Last(*source, wanted, now.status());
  return last.ok() ? last : now;
}

std::string Snapshots::LastPath(const std::string& uri) {
  const StatusOr<std::shared_ptr<Source>> source = Find(uri);
  if (!source.ok()) return "";
  std::lock_guard lock((*source)->mutex);
  if ((*source)->known == nullptr) return "";
  const std::string path = absl::StrCat(directory_, "/", (*source)->known->folder, "/", (*source)->uri.name);
  return Exists(path) ? path : "";
}

StatusOr<uint64_t> Snapshots::Look(const std::string& uri) {
  VIGIL_ASSIGN_OR_RETURN(const std::shared_ptr<Source> source, Find(uri));
  std::lock_guard lock(source->mutex);
  source->store->caller().SetAttempts(1);
  VIGIL_ASSIGN_OR_RETURN(const Listing listing, source->store->List(source->known == nullptr ? nullptr : &source->known->objects));
  return Revision(listing);
}

StatusOr<Snapshot> Snapshots::FetchSource(Source& source, const std::string& sha256) {
  for (int restart = 0;; ++restart) {
    VIGIL_ASSIGN_OR_RETURN(const Listing listing, source.store->List(source.known == nullptr ? nullptr : &source.known->objects));
    if (source.known != nullptr && IsTagged(listing) && Revision(listing) == Revision(source.known->objects)) {
      StatusOr<Snapshot> last = Last(source, sha256, absl::OkStatus());
      if (last.ok() || !absl::IsNotFound(last.status())) return last;  // somebody may have removed it
      source.known = nullptr;
    }
    bool changed = false;
    StatusOr<Snapshot> snapshot = Read(source, listing, sha256, &changed);
    if (!changed) return snapshot;
    if (restart == options_.restarts_max) {
      return absl::AbortedError(absl::StrCat(source.uri.shown, ": changed each of ", restart + 1, " times while it was read"));
    }
    if (!pause_->Wait(options_.pause_first_ms << restart))
      return absl::CancelledError(absl::StrCat(source.uri.shown, ": given up, the server ends"));
  }
}

// `changed`: the source was not the same before and after, and nothing is kept.
StatusOr<Snapshot> Snapshots::Read(Source& source, const Listing& listing, const std::string& sha256, bool* changed) {
  std::string temporary;
  {
    std::lock_guard lock(mutex_);
    temporary = absl::StrCat(directory_, "/", kTemporary, getpid(), "-", ++temporaries_);
  }
  const std::string place = absl::StrCat(temporary, "/", source.uri.name);
  struct Cleanup {
    const std::string& path;
    ~Cleanup() { RemoveAll(path); }
  } const cleanup{temporary};
  auto known = std::make_unique<Known>();
  known->objects = listing;
  const Status read = ReadObjects(source, listing, place, &known->digests);
  if (!read.ok() && !absl::IsAborted(read) && !absl::IsNotFound(read)) return read;
  VIGIL_ASSIGN_OR_RETURN(const Listing again, source.store->List(&listing));
  *changed = !read.ok() || Revision(again) != Revision(listing);
  if (*changed) return read.ok() ? absl::AbortedError("changed") : read;

  std::string lines;
  for (size_t i = 0; i < listing.size(); ++i) absl::StrAppend(&lines, known->digests[i], "  ", listing[i].name, "\n");
  const bool is_file = listing.size() == 1 && listing[0].name.empty();
  known->digest = is_file ? known->digests[0] : Sha256Hex(lines);
  VIGIL_RETURN_IF_ERROR(CheckWanted(source.uri.shown, sha256, known->digest));
  known->folder = Sha256Hex(absl::StrCat(source.uri.name, "\n", known->digest)).substr(0, 32);

  Snapshot snapshot =
      Pinned({absl::StrCat(directory_, "/", known->folder, "/", source.uri.name), known->digest, Revision(listing), {}, true, {}});
  const std::string whole = absl::StrCat(directory_, "/", known->folder);
  VIGIL_RETURN_IF_ERROR(SyncFolders(temporary));
  if (rename(temporary.c_str(), whole.c_str()) != 0 && errno != ENOTEMPTY && errno != EEXIST) return absl::ErrnoToStatus(errno, whole);
  VIGIL_RETURN_IF_ERROR(SyncFolders(whole));
  source.known = std::move(known);
  VIGIL_RETURN_IF_ERROR(WriteIndex(source));
  return snapshot;
}

Status Snapshots::ReadObjects(Source& source, const Listing& listing, const std::string& place, std::vector<std::string>* digests) {
  int64_t left = options_.snapshot_bytes_max;
  for (const Object& object : listing) {
    const std::string path = object.name.empty() ? place : absl::StrCat(place, "/", object.name);
    VIGIL_RETURN_IF_ERROR(MakeFolder(fs::path(path).parent_path().string()));
    std::string sha256;
    if (LinkKnown(source, object, path, &sha256)) {
      left -= object.bytes;
    } else {
      const std::string shown = object.name.empty() ? source.uri.shown : absl::StrCat(source.uri.shown, " ", object.name);
      VIGIL_ASSIGN_OR_RETURN(const Downloaded downloaded, Download(*source.store, object, shown, left, path));
      left -= downloaded.bytes;
      sha256 = downloaded.sha256;
    }
    digests->push_back(std::move(sha256));
  }
  return absl::OkStatus();
}

// What is the same as in the last snapshot is not read again: of a folder of versions only the new one is.
bool Snapshots::LinkKnown(const Source& source, const Object& object, const std::string& path, std::string* sha256) const {
  if (source.known == nullptr || object.tag.empty()) return false;
  const Listing& objects = source.known->objects;
  const auto same = std::find_if(objects.begin(), objects.end(),
                                 [&](const Object& o) { return o.name == object.name && o.tag == object.tag && o.bytes == object.bytes; });
  if (same == objects.end()) return false;
  const std::string from =
      absl::StrCat(directory_, "/", source.known->folder, "/", source.uri.name, object.name.empty() ? "" : "/", object.name);
  const std::string& expected = source.known->digests[static_cast<size_t>(same - objects.begin())];
  const StatusOr<std::string> found = HashFile(from);
  if (!found.ok() || *found != expected || link(from.c_str(), path.c_str()) != 0) return false;
  *sha256 = expected;
  return true;
}

StatusOr<Snapshot> Snapshots::Last(const Source& source, const std::string& sha256, const Status& stale) {
  const Known& known = *source.known;
  VIGIL_RETURN_IF_ERROR(CheckWanted(source.uri.shown, sha256, known.digest));
  Snapshot snapshot =
      Pinned({absl::StrCat(directory_, "/", known.folder, "/", source.uri.name), known.digest, Revision(known.objects), stale, false, {}});
  if (!Exists(snapshot.path)) return absl::NotFoundError(absl::StrCat(snapshot.path, ": the snapshot is gone"));
  return snapshot;
}

Snapshot Snapshots::Pinned(Snapshot snapshot) {
  const std::string folder = fs::path(snapshot.path).parent_path().filename().string();
  std::lock_guard lock(mutex_);
  snapshot.pin = pins_[folder].lock();
  if (snapshot.pin == nullptr) {
    snapshot.pin = std::make_shared<char>();
    pins_[folder] = snapshot.pin;
  }
  return snapshot;
}

int Snapshots::RemoveUnused(const std::vector<std::string>& paths, const std::vector<std::string>& sources) {
  std::set<std::string> used;
  for (const std::string& path : paths) {
    if (Holds(path)) used.insert(path.substr(directory_.size() + 1, path.find('/', directory_.size() + 1) - directory_.size() - 1));
  }
  std::set<std::string> indexes;
  for (const std::string& uri : sources) {
    Source source;
    source.text = WithoutDigest(uri);
    indexes.insert(IndexFile(source.text));
    ReadIndex(source);
    if (source.known != nullptr) used.insert(source.known->folder);
  }
  std::error_code error;
  std::vector<std::string> unused;
  for (fs::directory_iterator entry(directory_ + "/" + kSources, error), end; !error && entry != end; entry.increment(error)) {
    if (indexes.count(entry->path().string()) == 0) unused.push_back(entry->path().string());
  }
  for (const std::string& path : unused) RemoveAll(path);
  unused.clear();
  {
    std::lock_guard lock(mutex_);
    std::erase_if(sources_, [&](const auto& entry) { return indexes.count(IndexFile(entry.first)) == 0; });
  }
  error.clear();
  for (fs::directory_iterator entry(directory_, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with('.') && used.count(name) == 0) unused.push_back(name);
  }
  int removed = 0;
  std::lock_guard lock(mutex_);  // no pin is handed out meanwhile
  for (const std::string& name : unused) {
    if (const auto pin = pins_.find(name); pin != pins_.end() && !pin->second.expired()) continue;
    pins_.erase(name);
    RemoveAll(absl::StrCat(directory_, "/", name));
    ++removed;
  }
  return removed;
}

std::string Snapshots::IndexFile(const std::string& uri) const {
  return absl::StrCat(directory_, "/", kSources, "/", Sha256Hex(uri).substr(0, 32), ".json");
}

// An index that cannot be read only costs reading the source again.
void Snapshots::ReadIndex(Source& source) const {
  const StatusOr<std::string> text = ReadWholeFile(IndexFile(source.text), kIndexBytesMax);
  const StatusOr<Json> json = text.ok() ? ParseJson(*text, "index of a source") : text.status();
  if (!json.ok()) return;
  auto known = std::make_unique<Known>();
  try {
    known->folder = json->at("folder").get<std::string>();
    known->digest = json->at("digest").get<std::string>();
    for (const Json& object : json->at("objects")) {
      known->objects.push_back({object.at("name").get<std::string>(),
                                object.at("bytes").get<int64_t>(),
                                object.at("tag").get<std::string>(),
                                object.at("time").get<std::string>(),
                                {}});
      known->digests.push_back(object.at("sha256").get<std::string>());
    }
  } catch (const Json::exception&) {
    return;
  }
  if (known->folder.size() != 32 || known->folder.find_first_not_of("0123456789abcdef") != std::string::npos) return;
  source.known = std::move(known);
}

Status Snapshots::WriteIndex(const Source& source) const {
  Json objects = Json::array();
  for (size_t i = 0; i < source.known->objects.size(); ++i) objects.push_back(ToJson(source.known->objects[i], source.known->digests[i]));
  const Json index = {
      {"source", source.uri.shown}, {"folder", source.known->folder}, {"digest", source.known->digest}, {"objects", objects}};
  VIGIL_RETURN_IF_ERROR(MakeFolder(absl::StrCat(directory_, "/", kSources)));
  return WriteFileAtomically(IndexFile(source.text), DumpJson(index, 1));
}

}  // namespace vigil::blobs
