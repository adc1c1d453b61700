#include "storage/label_index.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/hash.h"

namespace vigil {
namespace {

constexpr uint64_t kIdsMagic = 0x31534449'4C494756;    // "VGILIDS1"
constexpr uint64_t kSlotsMagic = 0x31544F4C'534C4756;  // "VGLSLOT1"
constexpr uint64_t kStateMagic = 0x31455441'54534756;  // "VGSTATE1"
constexpr int kIdTableBitsMin = 16;
constexpr size_t kMappedSegmentsMax = 256;  // 64 MiB of address space each
constexpr uint32_t kSlotsMin = 4096;

}  // namespace

// --- IdTable ---

struct IdTable::Header {
  uint64_t magic;
  uint64_t seed;
  uint64_t used;
  uint32_t bits;
  uint32_t reserved[9];
};

IdTable::Header* IdTable::header() const { return reinterpret_cast<Header*>(map_->data()); }
size_t IdTable::size() const { return header()->used; }

Status IdTable::Attach(std::unique_ptr<MappedFile> map) {
  static_assert(sizeof(Header) == 64);
  const Header* header = reinterpret_cast<const Header*>(map->data());
  if (map->size() < sizeof(Header) || header->magic != kIdsMagic || header->bits < kIdTableBitsMin || header->bits > 40 ||
      map->size() < sizeof(Header) + (sizeof(Entry) << header->bits)) {
    return absl::DataLossError(absl::StrCat(path_, " is no table of ids"));
  }
  map_ = std::move(map);
  entries_ = reinterpret_cast<Entry*>(map_->data() + sizeof(Header));
  shift_ = 64 - static_cast<int>(header->bits);
  return absl::OkStatus();
}

Status IdTable::Open() {
  StatusOr<std::string> head = files_.ReadRange(path_, 0, sizeof(Header));
  uint32_t bits = kIdTableBitsMin;
  if (head.ok() && head->size() == sizeof(Header)) {
    Header header;
    std::memcpy(&header, head->data(), sizeof(header));
    if (header.magic != kIdsMagic || header.bits > 40) return absl::DataLossError(absl::StrCat(path_, " is no table of ids"));
    bits = header.bits;
  }
  VIGIL_ASSIGN_OR_RETURN(std::unique_ptr<MappedFile> map,
                         files_.MapForWrite(path_, static_cast<int64_t>(sizeof(Header) + (sizeof(Entry) << bits))));
  Header* header = reinterpret_cast<Header*>(map->data());
  if (header->magic == 0) {
    // Seeded, so that nobody can send ids that all fall into one place.
    *header = {kIdsMagic, seed_, 0, bits, {}};
  }
  return Attach(std::move(map));
}

uint64_t IdTable::Hash(std::string_view id) const {
  const uint64_t hash = StableHash(id, header()->seed);
  return hash == 0 ? 1 : hash;
}

IdTable::Entry* IdTable::Probe(size_t at, uint64_t hash) {
  while (entries_[at].hash != 0 && entries_[at].hash != hash) at = (at + 1) & mask();
  return &entries_[at];
}

void IdTable::Add(Entry* free, uint64_t hash, PredictionId prediction) {
  free->prediction = prediction.value;
  free->hash = hash;
  ++header()->used;
}

Status IdTable::Reserve(const std::function<bool(PredictionId)>& keep) {
  const size_t capacity = mask() + 1;
  if (header()->used * 5 < capacity * 3) return absl::OkStatus();
  const std::string grown_path = path_ + ".grown";
  files_.Remove(grown_path).IgnoreError();  // of an attempt that was cut short
  const uint32_t bits = header()->bits + 1;
  VIGIL_ASSIGN_OR_RETURN(std::unique_ptr<MappedFile> map,
                         files_.MapForWrite(grown_path, static_cast<int64_t>(sizeof(Header) + (sizeof(Entry) << bits))));
  *reinterpret_cast<Header*>(map->data()) = {kIdsMagic, header()->seed, 0, bits, {}};
  IdTable grown(files_, grown_path, seed_);
  VIGIL_RETURN_IF_ERROR(grown.Attach(std::move(map)));
  for (size_t i = 0; i < capacity; ++i) {
    const Entry& entry = entries_[i];
    if (entry.hash == 0 || !keep({entry.prediction})) continue;
    Entry* to = grown.First(entry.hash);
    while (to->hash != 0) to = grown.Next(to, entry.hash);
    grown.Add(to, entry.hash, {entry.prediction});
  }
  VIGIL_RETURN_IF_ERROR(files_.Rename(grown_path, path_));
  return Attach(std::move(grown.map_));
}

// --- LabelIndex ---

// One page. What it says holds within one boot of the machine, or when `clean`: a killed process leaves the mappings' pages to the
// kernel whole, a power failure does not.
struct LabelIndex::State {
  uint64_t magic;
  char boot[40];
  uint32_t clean;
  uint32_t label_number;
  int64_t label_offset;
};

struct SlotsHeader {
  uint64_t magic;
  uint32_t shard;
  uint32_t number;
  int64_t indexed_bytes;  // of the segment
  uint32_t slots;         // in use: highest ordinal + 1
  uint32_t reserved[9];
};
static_assert(sizeof(SlotsHeader) == 64);

struct LabelIndex::SegmentEntry {
  SegmentKey key;
  LogSegmentPtr segment;
  std::unique_ptr<MappedFile> slots_map;
  std::unique_ptr<MappedFile> records_map;  // null until records are read
  uint64_t used_at = 0;

  SlotsHeader* header() const { return reinterpret_cast<SlotsHeader*>(slots_map->data()); }
  PredictionSlot* slots() const { return reinterpret_cast<PredictionSlot*>(slots_map->data() + sizeof(SlotsHeader)); }
  size_t capacity() const { return (slots_map->size() - sizeof(SlotsHeader)) / sizeof(PredictionSlot); }
};

LabelIndex::LabelIndex(FileSystem& files, std::string directory, const LogSegments& segments, uint64_t seed)
    : files_(files), directory_(std::move(directory)), segments_(segments), ids_(files, directory_ + "/ids", seed) {}
LabelIndex::~LabelIndex() = default;

LabelIndex::State* LabelIndex::state() const { return reinterpret_cast<State*>(state_map_->data()); }
LabelLog::Position LabelIndex::applied() const { return {state()->label_number, state()->label_offset}; }
void LabelIndex::set_applied(LabelLog::Position position) {
  state()->label_number = position.number;
  state()->label_offset = position.offset;
}

std::string LabelIndex::PathOf(SegmentKey key) const {
  return absl::StrCat(directory_, absl::StrFormat("/slots-%04d-%07d", key.first, key.second));
}

Status LabelIndex::Open() {
  VIGIL_RETURN_IF_ERROR(files_.CreateDirectories(directory_));
  const std::string path = directory_ + "/state";
  const std::string boot = files_.BootId().substr(0, sizeof(State::boot) - 1);
  const StatusOr<std::string> bytes = files_.Read(path);
  bool trusted = false;
  if (bytes.ok() && bytes->size() >= sizeof(State)) {
    State found;
    std::memcpy(&found, bytes->data(), sizeof(found));
    trusted = found.magic == kStateMagic &&
              (found.clean == 1 || (!boot.empty() && boot == std::string_view(found.boot, strnlen(found.boot, sizeof(found.boot)))));
  }
  if (trusted && !ids_.Open().ok()) trusted = false;
  if (!trusted) {
    VIGIL_ASSIGN_OR_RETURN(const std::vector<FileSystem::Entry> entries, files_.List(directory_));
    for (const FileSystem::Entry& entry : entries) VIGIL_RETURN_IF_ERROR(files_.Remove(absl::StrCat(directory_, "/", entry.name)));
    VIGIL_RETURN_IF_ERROR(ids_.Open());
  }
  VIGIL_ASSIGN_OR_RETURN(state_map_, files_.MapForWrite(path, 4096));
  State* now = state();
  now->magic = kStateMagic;
  now->clean = 0;
  std::memset(now->boot, 0, sizeof(now->boot));
  std::memcpy(now->boot, boot.data(), boot.size());
  return state_map_->Sync();
}

// Maps the slots of `key`, creating them when missing. Null when there is no such segment.
StatusOr<LabelIndex::SegmentEntry*> LabelIndex::EntryOf(SegmentKey key) {
  ++tick_;
  if (last_ != nullptr && last_->key == key) return last_;
  if (const auto it = entries_.find(key); it != entries_.end()) {
    last_ = it->second.get();
    last_->used_at = tick_;
    return last_;
  }
  LogSegmentPtr segment = segments_.Find(key);
  if (segment == nullptr) return nullptr;
  const std::string path = PathOf(key);
  int64_t bytes = sizeof(SlotsHeader) + kSlotsMin * sizeof(PredictionSlot);
  if (const auto there = files_.MapForRead(path); there.ok()) bytes = std::max(bytes, static_cast<int64_t>((*there)->size()));
  VIGIL_ASSIGN_OR_RETURN(std::unique_ptr<MappedFile> map, files_.MapForWrite(path, bytes));
  auto entry = std::make_unique<SegmentEntry>(SegmentEntry{key, std::move(segment), std::move(map), nullptr, tick_});
  SlotsHeader* header = entry->header();
  if (header->magic != kSlotsMagic || header->shard != key.first || header->number != key.second || header->slots > entry->capacity()) {
    std::memset(entry->slots_map->data(), 0, entry->slots_map->size());
    *header = {kSlotsMagic, key.first, key.second, kLogHeaderBytes, 0, {}};
    set_applied({});  // its labels, if it had any, come back from the label log
  }
  last_ = (entries_[key] = std::move(entry)).get();
  return last_;
}

Status LabelIndex::MapRecords(SegmentEntry* entry) {
  const int64_t bytes = entry->segment->bytes.load(std::memory_order_acquire);
  if (entry->records_map != nullptr && static_cast<int64_t>(entry->records_map->size()) >= bytes) return absl::OkStatus();
  entry->records_map.reset();
  VIGIL_ASSIGN_OR_RETURN(entry->records_map, files_.MapForRead(entry->segment->path, bytes));
  return absl::OkStatus();
}

Status LabelIndex::CatchUp() {
  for (const LogSegmentPtr& segment : segments_.List()) {
    const SegmentKey key(segment->shard, segment->number);
    if (complete_.contains(key)) continue;
    VIGIL_RETURN_IF_ERROR(Trim());
    const bool live = segment->live.load(std::memory_order_acquire);
    VIGIL_ASSIGN_OR_RETURN(SegmentEntry * entry, EntryOf(key));
    if (entry == nullptr) continue;
    VIGIL_RETURN_IF_ERROR(IndexSegment(entry));
    if (!live) complete_.insert(key);
  }
  return absl::OkStatus();
}

Status LabelIndex::IndexSegment(SegmentEntry* entry) {
  const int64_t bytes = entry->segment->bytes.load(std::memory_order_acquire);
  if (entry->header()->indexed_bytes >= bytes) return absl::OkStatus();
  VIGIL_RETURN_IF_ERROR(MapRecords(entry));
  FrameCursor cursor(entry->records_map->bytes().substr(0, static_cast<size_t>(bytes)), entry->header()->indexed_bytes);
  Frame frame;
  PredictionView view;
  for (FrameCursor::Step step; (step = cursor.Next(&frame)) != FrameCursor::Step::kEnd;) {
    if (step != FrameCursor::Step::kFrame || frame.type != FrameType::kPrediction || !DecodePrediction(frame.payload, &view)) continue;
    VIGIL_RETURN_IF_ERROR(IndexPrediction(entry, frame, view));
  }
  // Last, so that whatever kills the process leaves records that are merely indexed twice.
  entry->header()->indexed_bytes = bytes;
  return absl::OkStatus();
}

Status LabelIndex::IndexPrediction(SegmentEntry* entry, const Frame& frame, const PredictionView& view) {
  if (view.status != PredictionStatus::kOk && view.status != PredictionStatus::kShadow) return absl::OkStatus();
  if (view.ordinal >= kOrdinalsMax) return absl::OkStatus();  // the log never writes it
  if (view.ordinal >= entry->capacity()) {
    const int64_t slots = std::max<int64_t>(int64_t{view.ordinal} + 1, 2 * static_cast<int64_t>(entry->capacity()));
    entry->slots_map.reset();
    const int64_t bytes = static_cast<int64_t>(sizeof(SlotsHeader)) + slots * static_cast<int64_t>(sizeof(PredictionSlot));
    StatusOr<std::unique_ptr<MappedFile>> grown = files_.MapForWrite(PathOf(entry->key), bytes);
    if (!grown.ok()) {
      // Without a mapping there is no entry; the next look maps what the file has.
      const SegmentKey key = entry->key;
      last_ = nullptr;
      entries_.erase(key);
      return grown.status();
    }
    entry->slots_map = *std::move(grown);
  }
  SlotsHeader* header = entry->header();
  header->slots = std::max(header->slots, view.ordinal + 1);
  entry->slots()[view.ordinal].offset8 = static_cast<uint32_t>(frame.offset / 8);
  if (view.id.empty() || view.status == PredictionStatus::kShadow) return absl::OkStatus();
  return AddId(view.id, view.time, PredictionId::Make(entry->key.first, entry->key.second, view.ordinal));
}

Status LabelIndex::AddId(std::string_view id, TimeUs time, PredictionId prediction) {
  SegmentEntry* const current = last_;
  VIGIL_RETURN_IF_ERROR(ids_.Reserve([this](PredictionId kept) { return segments_.Find({kept.shard(), kept.segment()}) != nullptr; }));
  const uint64_t hash = ids_.Hash(id);
  IdTable::Entry* at = ids_.First(hash);
  for (; at->hash != 0; at = ids_.Next(at, hash)) {
    const PredictionId other{at->prediction};
    if (other == prediction) return absl::OkStatus();
    PredictionView view;
    const PredictionSlot* slot = Find(other);
    const bool alive = slot != nullptr && Read(other, *slot, &view);
    last_ = current;
    if (alive && view.id != id) continue;  // another id with the same hash
    if (!alive || time >= view.time) at->prediction = prediction.value;
    return absl::OkStatus();
  }
  ids_.Add(at, hash, prediction);
  return absl::OkStatus();
}

PredictionSlot* LabelIndex::Find(PredictionId id) {
  StatusOr<SegmentEntry*> entry = EntryOf({id.shard(), id.segment()});
  if (!entry.ok() || *entry == nullptr || id.ordinal() >= (*entry)->header()->slots) return nullptr;
  PredictionSlot* slot = &(*entry)->slots()[id.ordinal()];
  return slot->offset8 == 0 ? nullptr : slot;
}

uint32_t LabelIndex::Slots(SegmentKey key) {
  StatusOr<SegmentEntry*> entry = EntryOf(key);
  return entry.ok() && *entry != nullptr ? (*entry)->header()->slots : 0;
}

std::optional<PredictionId> LabelIndex::FindById(std::string_view id) {
  const uint64_t hash = ids_.Hash(id);
  for (const IdTable::Entry* at = ids_.First(hash); at->hash != 0; at = ids_.Next(at, hash)) {
    const PredictionId prediction{at->prediction};
    PredictionView view;
    const PredictionSlot* slot = Find(prediction);
    if (slot != nullptr && Read(prediction, *slot, &view) && view.id == id) return prediction;
  }
  return std::nullopt;
}

bool LabelIndex::Read(PredictionId id, const PredictionSlot& slot, PredictionView* view) {
  StatusOr<SegmentEntry*> entry = EntryOf({id.shard(), id.segment()});
  if (!entry.ok() || *entry == nullptr) return false;
  const int64_t offset = int64_t{slot.offset8} * 8;
  if ((*entry)->records_map == nullptr && !MapRecords(*entry).ok()) return false;
  // The checksum was looked at when the record was indexed; here only the lengths are, so that a changed byte cannot lead outside.
  const std::string_view file = (*entry)->records_map->bytes();
  if (static_cast<size_t>(offset) + kFrameHeaderBytes > file.size()) return false;
  uint32_t length;
  std::memcpy(&length, file.data() + offset + 4, sizeof(length));
  if (length > file.size() - static_cast<size_t>(offset) - kFrameHeaderBytes) return false;
  return DecodePrediction(file.substr(static_cast<size_t>(offset) + kFrameHeaderBytes, length), view) && view->ordinal == id.ordinal();
}

uint64_t LabelIndex::PrefetchId(std::string_view id) const {
  const uint64_t hash = ids_.Hash(id);
  ids_.Prefetch(hash);
  return hash;
}

std::optional<PredictionId> LabelIndex::Candidate(uint64_t hash) {
  const IdTable::Entry* at = ids_.First(hash);
  if (at->hash == 0) return std::nullopt;
  return PredictionId{at->prediction};
}

void LabelIndex::PrefetchSlot(PredictionId id) {
  StatusOr<SegmentEntry*> entry = EntryOf({id.shard(), id.segment()});
  if (entry.ok() && *entry != nullptr && id.ordinal() < (*entry)->header()->slots) __builtin_prefetch(&(*entry)->slots()[id.ordinal()], 1);
}

void LabelIndex::PrefetchRecord(PredictionId id, const PredictionSlot& slot) {
  StatusOr<SegmentEntry*> entry = EntryOf({id.shard(), id.segment()});
  if (!entry.ok() || *entry == nullptr || (*entry)->records_map == nullptr) return;
  const char* record = (*entry)->records_map->data() + int64_t{slot.offset8} * 8;
  __builtin_prefetch(record);
  __builtin_prefetch(record + 64);
}

Status LabelIndex::Forget(SegmentKey key) {
  last_ = nullptr;
  entries_.erase(key);
  complete_.erase(key);
  const Status status = files_.Remove(PathOf(key));
  return absl::IsNotFound(status) ? absl::OkStatus() : status;
}

Status LabelIndex::Trim() {
  while (entries_.size() > kMappedSegmentsMax) {
    const auto oldest = std::min_element(entries_.begin(), entries_.end(),
                                         [](const auto& a, const auto& b) { return a.second->used_at < b.second->used_at; });
    VIGIL_RETURN_IF_ERROR(oldest->second->slots_map->Sync());
    if (oldest->second.get() == last_) last_ = nullptr;
    entries_.erase(oldest);
  }
  return absl::OkStatus();
}

Status LabelIndex::Close() {
  if (state_map_ == nullptr) return absl::OkStatus();
  for (const auto& [key, entry] : entries_) VIGIL_RETURN_IF_ERROR(entry->slots_map->Sync());
  VIGIL_RETURN_IF_ERROR(ids_.Sync());
  state()->clean = 1;
  return state_map_->Sync();
}

}  // namespace vigil
