// Where a label finds its prediction without a scan: mapped files under STATE/log/index, built behind the writers' backs from flushed
// segments. One array a segment (record offset and newest label, by ordinal), and one hash table from callers' ids to predictions. All
// of it can be rebuilt from segments and labels, and is, whenever it cannot be trusted.
#pragma once

#include <bit>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/status.h"
#include "storage/file_system.h"
#include "storage/label_log.h"
#include "storage/log_segments.h"

namespace vigil {

// A prediction's place and its newest label. Lies in a mapped file.
struct PredictionSlot {
  uint32_t offset8 = 0;  // of its frame, in units of 8 bytes; 0: no prediction to label (refused, failed, or a gap)
  uint32_t flags = 0;
  double label = 0;
  uint64_t coded_time = 0;  // label time with the top bit turned, so that 0 means no label

  static constexpr uint32_t kReplaced = 1;  // there were earlier labels, in the label log
  static constexpr uint32_t kPending = 2;   // a label of the batch in hand is on its way
  bool labelled() const { return coded_time != 0; }
  TimeUs label_time() const { return static_cast<TimeUs>(coded_time ^ (uint64_t{1} << 63)); }
  // Bit by bit, so that a NaN repeats too.
  bool Holds(double value) const { return labelled() && std::bit_cast<uint64_t>(label) == std::bit_cast<uint64_t>(value); }
  void Set(double value, TimeUs time) {
    if (labelled() && !Holds(value)) flags |= kReplaced;
    label = value;
    coded_time = static_cast<uint64_t>(time) ^ (uint64_t{1} << 63);
  }
};
static_assert(sizeof(PredictionSlot) == 24);

// Callers' ids, hashed: open addressing by the hash's top bits, so that doubling is one sequential pass. 16 bytes an entry, at most 60 %
// full.
class IdTable {
 public:
  struct Entry {
    uint64_t hash = 0;  // 0: free
    uint64_t prediction = 0;
  };
  // `seed`: random, so that nobody can send ids that all fall into one place. An existing file keeps its own.
  IdTable(FileSystem& files, std::string path, uint64_t seed) : files_(files), path_(std::move(path)), seed_(seed) {}
  // Maps the file, creating an empty table when there is none.
  Status Open();
  uint64_t Hash(std::string_view id) const;
  void Prefetch(uint64_t hash) const { __builtin_prefetch(&entries_[Home(hash)]); }
  // Makes room for one more entry. `keep` says which predictions still exist.
  Status Reserve(const std::function<bool(PredictionId)>& keep);
  // The entries of `hash`, one after another; the last is free (hash 0) and may be filled through Add.
  Entry* First(uint64_t hash) { return Probe(Home(hash), hash); }
  Entry* Next(const Entry* entry, uint64_t hash) { return Probe(static_cast<size_t>(entry - entries_ + 1) & mask(), hash); }
  void Add(Entry* free, uint64_t hash, PredictionId prediction);
  size_t size() const;
  Status Sync() { return map_->Sync(); }

 private:
  struct Header;
  size_t Home(uint64_t hash) const { return static_cast<size_t>(hash >> shift_); }
  size_t mask() const { return (size_t{1} << (64 - shift_)) - 1; }
  Entry* Probe(size_t at, uint64_t hash);
  Header* header() const;
  Status Attach(std::unique_ptr<MappedFile> map);

  FileSystem& files_;
  const std::string path_;
  const uint64_t seed_;
  std::unique_ptr<MappedFile> map_;
  Entry* entries_ = nullptr;
  int shift_ = 0;
};

// One thread at a time.
class LabelIndex {
 public:
  LabelIndex(FileSystem& files, std::string directory, const LogSegments& segments, uint64_t seed);
  ~LabelIndex();

  // Takes what is there if it can be trusted, else starts over.
  Status Open();
  // Indexes everything flushed so far.
  Status CatchUp();
  // Null when there is no such prediction, or nothing to label. Pointers hold until the next CatchUp, Forget or Trim.
  PredictionSlot* Find(PredictionId id);
  // One more than the highest ordinal that is indexed.
  uint32_t Slots(SegmentKey key);
  // The newest indexed prediction, shadows left out, that the caller called `id`.
  std::optional<PredictionId> FindById(std::string_view id);
  // A prediction where it lies in its segment.
  bool Read(PredictionId id, const PredictionSlot& slot, PredictionView* view);
  // Hints for the look-ups that follow.
  uint64_t PrefetchId(std::string_view id) const;
  std::optional<PredictionId> Candidate(uint64_t hash);  // most likely what FindById will find
  void PrefetchSlot(PredictionId id);
  void PrefetchRecord(PredictionId id, const PredictionSlot& slot);

  // Up to where the label log has been applied to the slots.
  LabelLog::Position applied() const;
  void set_applied(LabelLog::Position position);

  // Drops a segment that is about to be removed.
  Status Forget(SegmentKey key);
  // Unmaps what was not used lately, which bounds the memory; pointers from Find end here.
  Status Trim();
  // Makes the index durable and marks it as trustworthy.
  Status Close();

 private:
  struct State;
  struct SegmentEntry;
  std::string PathOf(SegmentKey key) const;
  StatusOr<SegmentEntry*> EntryOf(SegmentKey key);
  Status MapRecords(SegmentEntry* entry);
  Status IndexSegment(SegmentEntry* entry);
  Status IndexPrediction(SegmentEntry* entry, const Frame& frame, const PredictionView& view);
  Status AddId(std::string_view id, TimeUs time, PredictionId prediction);
  State* state() const;

  FileSystem& files_;
  const std::string directory_;
  const LogSegments& segments_;
  IdTable ids_;
  std::unique_ptr<MappedFile> state_map_;
  std::map<SegmentKey, std::unique_ptr<SegmentEntry>> entries_;
  SegmentEntry* last_ = nullptr;   // found last: batches come in order
  std::set<SegmentKey> complete_;  // sealed and indexed whole
  uint64_t tick_ = 0;
};

}  // namespace vigil
