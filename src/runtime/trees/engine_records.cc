#include "runtime/trees/engine_records.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_format.h"
#include "base/hash.h"
#include "runtime/cat.h"
#include "runtime/trees/rank_kernels.h"

namespace vigil::trees {
namespace {

constexpr std::string_view kFirstLine = "vigil-engines 2";
constexpr std::string_view kMachine = "machine ", kChecksum = "checksum ", kAll = "all", kSome = "some";

// The processor's own name for itself.
std::string ProcessorName() {
#if defined(__x86_64__)
  unsigned words[12] = {};
  for (unsigned i = 0; i < 3; ++i) {
    if (__get_cpuid(0x80000002u + i, &words[4 * i], &words[4 * i + 1], &words[4 * i + 2], &words[4 * i + 3]) == 0) return "unknown";
  }
  char name[sizeof(words) + 1] = {};
  std::memcpy(name, words, sizeof(words));
  // Virtual machines call many processors by one name: family and model tell them apart.
  unsigned signature = 0, ignored[3];
  if (__get_cpuid(1, &signature, &ignored[0], &ignored[1], &ignored[2]) == 0) return "unknown";
  std::string text = absl::StrFormat("%s %08x", name, signature);
  for (char& c : text) {
    if (c < ' ' || c > '~') c = ' ';
  }
  return text;
#else
  return "unknown";
#endif
}

bool IsName(std::string_view text) {
  return !text.empty() && text.size() <= 64 &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

bool IsOneLine(std::string_view text) {
  return text.size() <= kEngineRecordTextMax && std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

// Takes the text up to the next `end` off `text`, and `end`; all of it where there is none.
std::string_view Take(std::string_view* text, char end) {
  const size_t at = std::min(text->find(end), text->size());
  const std::string_view taken = text->substr(0, at);
  text->remove_prefix(std::min(at + 1, text->size()));
  return taken;
}

std::string ChecksumLine(std::string_view text) { return Cat(kChecksum, absl::StrFormat("%016x", StableHash(text)), "\n"); }

}  // namespace

std::string EngineRecords::MachineName() { return Cat(kEngineSetVersion, " ", RankKernelTarget(), " ", ProcessorName()); }

EngineRecords::EngineRecords(std::string_view text, std::string machine, Save save) : machine_(std::move(machine)), save_(std::move(save)) {
  if (text.empty()) return;
  const Status read = Read(text);
  if (read.ok()) return;
  entries_.clear();
  at_.clear();
  rejected_ = std::string(read.message());
}

Status EngineRecords::Read(std::string_view text) {
  const Status damaged = absl::DataLossError("the record of former measurements is damaged");
  if (static_cast<int64_t>(text.size()) > kEngineRecordsBytesMax) return damaged;
  const size_t checksum = text.rfind(kChecksum);
  if (checksum == std::string_view::npos || text.substr(checksum) != ChecksumLine(text.substr(0, checksum))) return damaged;
  text = text.substr(0, checksum);
  if (Take(&text, '\n') != kFirstLine) return absl::UnimplementedError("the record of former measurements is of another version");
  const std::string_view machine = Take(&text, '\n');
  if (!machine.starts_with(kMachine)) return damaged;
  if (machine.substr(kMachine.size()) != machine_) {
    return absl::FailedPreconditionError("the record of former measurements is of another machine or set of engines");
  }
  while (!text.empty()) {
    std::string_view line = Take(&text, '\n');
    const std::string_view digest = Take(&line, ' '), engine = Take(&line, ' '), how_many = Take(&line, ' ');
    if (!IsName(digest) || !IsName(engine) || !IsOneLine(line) || entries_.size() == kEngineRecordsMax) return damaged;
    if ((how_many != kAll && how_many != kSome) || at_.count(digest) != 0) return damaged;
    entries_.push_back({std::string(digest), {std::string(engine), std::string(line), how_many == kAll}});
    at_[entries_.back().digest] = std::prev(entries_.end());
  }
  return absl::OkStatus();
}

std::string EngineRecords::Text() const {
  std::lock_guard lock(mutex_);
  std::string text = Cat(kFirstLine, "\n", kMachine, machine_, "\n");
  for (const auto& [digest, record] : entries_) {
    text += Cat(digest, " ", record.engine, " ", record.all ? kAll : kSome, " ", record.measured, "\n");
  }
  return text + ChecksumLine(text);
}

std::optional<EngineRecord> EngineRecords::Find(std::string_view digest) {
  std::lock_guard lock(mutex_);
  const auto found = at_.find(digest);
  if (found == at_.end()) return std::nullopt;
  entries_.splice(entries_.end(), entries_, found->second);
  return found->second->record;
}

Status EngineRecords::Keep(std::string_view digest, EngineRecord record) {
  if (!IsName(digest) || !IsName(record.engine) || !IsOneLine(record.measured)) {
    return absl::InvalidArgumentError("an engine's record is a digest, a name and one short line");
  }
  {
    std::lock_guard lock(mutex_);
    if (const auto known = at_.find(digest); known != at_.end()) {
      known->second->record = std::move(record);
      entries_.splice(entries_.end(), entries_, known->second);
    } else {
      if (entries_.size() == kEngineRecordsMax) {
        at_.erase(entries_.front().digest);
        entries_.pop_front();
      }
      entries_.push_back({std::string(digest), std::move(record)});
      at_[entries_.back().digest] = std::prev(entries_.end());
    }
  }
  return save_(*this);
}

}  // namespace vigil::trees
