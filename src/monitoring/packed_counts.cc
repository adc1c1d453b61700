#include "monitoring/packed_counts.h"

#include <cstring>

namespace vigil {
namespace {

constexpr size_t kVarintBytesMax = 10;

char* WriteVarint(char* at, uint64_t value) {
  while (value >= 0x80) {
    *at++ = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  *at++ = static_cast<char>(value);
  return at;
}

// Most of a short window is zero: whole cache lines are passed over at once.
template <typename T>
size_t NextNonZero(absl::Span<const T> values, size_t from) {
  constexpr size_t kStep = 64 / sizeof(T);
  size_t i = from;
  // To the end of the step that `from` is in, then step by step.
  for (; i < values.size() && i % kStep != 0; ++i) {
    if (values[i] != 0) return i;
  }
  for (; i + kStep <= values.size(); i += kStep) {
    T any = 0;
    for (size_t k = 0; k < kStep; ++k) any |= values[i + k];
    if (any != 0) break;
  }
  while (i < values.size() && values[i] == 0) ++i;
  return i;
}

// Writes entries to a buffer on the stack and that to the string, a block at a time.
class EntryWriter {
 public:
  explicit EntryWriter(std::string* out) : out_(out) {}
  ~EntryWriter() { Flush(); }
  void Write(uint64_t gap, int64_t value) {
    if (at_ > buffer_ + sizeof(buffer_) - 2 * kVarintBytesMax) Flush();
    at_ = WriteVarint(WriteVarint(at_, gap), ZigZag(value));
  }

 private:
  void Flush() {
    out_->append(buffer_, static_cast<size_t>(at_ - buffer_));
    at_ = buffer_;
  }
  std::string* const out_;
  char buffer_[512];
  char* at_ = buffer_;
};

// Gap and value of each entry that is not zero, `base` being the index of values[0] in the whole array.
template <typename T>
size_t AppendEntries(EntryWriter* writer, absl::Span<const T> values, size_t base, size_t* next) {
  size_t entries = 0;
  for (size_t i = NextNonZero(values, 0); i < values.size(); i = NextNonZero(values, i + 1)) {
    writer->Write(base + i - *next, static_cast<int64_t>(values[i]));
    *next = base + i + 1;
    ++entries;
  }
  return entries;
}

// The number of entries is known only after they are written, so it is a fixed four bytes in front of them.
template <typename Write>
void AppendCounted(std::string* out, const Write& write) {
  const size_t place = out->size();
  out->append(sizeof(uint32_t), '\0');
  const auto entries = static_cast<uint32_t>(write());
  std::memcpy(out->data() + place, &entries, sizeof entries);
}

}  // namespace

void AppendVarint(std::string* out, uint64_t value) {
  char buffer[kVarintBytesMax];
  out->append(buffer, static_cast<size_t>(WriteVarint(buffer, value) - buffer));
}

bool TakeVarint(std::string_view* in, uint64_t* value) {
  uint64_t result = 0;
  for (size_t i = 0; i < kVarintBytesMax && i < in->size(); ++i) {
    const auto byte = static_cast<uint8_t>((*in)[i]);
    if (i + 1 == kVarintBytesMax && byte > 1) return false;  // beyond 64 bits
    result |= uint64_t{byte & 0x7Fu} << (7 * i);
    if (byte < 0x80) {
      in->remove_prefix(i + 1);
      *value = result;
      return true;
    }
  }
  return false;
}

void AppendText(std::string* out, std::string_view text) {
  AppendVarint(out, text.size());
  out->append(text);
}

bool TakeText(std::string_view* in, std::string_view* text) {
  uint64_t size = 0;
  if (!TakeVarint(in, &size) || size > in->size()) return false;
  *text = in->substr(0, size);
  in->remove_prefix(size);
  return true;
}

void AppendPacked(std::string* out, absl::Span<const uint32_t> counts, absl::Span<const int64_t> sums) {
  AppendCounted(out, [&] {
    size_t next = 0;
    EntryWriter writer(out);
    const size_t entries = AppendEntries(&writer, counts, 0, &next);
    return entries + AppendEntries(&writer, sums, counts.size(), &next);
  });
}

void AppendPacked(std::string* out, absl::Span<const int64_t> values) { AppendPacked(out, {}, values); }

bool AddPacked(std::string_view* in, absl::Span<int64_t> values) {
  uint32_t entries = 0;
  if (in->size() < sizeof entries) return false;
  std::memcpy(&entries, in->data(), sizeof entries);
  in->remove_prefix(sizeof entries);
  size_t next = 0;
  for (uint32_t e = 0; e < entries; ++e) {
    uint64_t gap = 0, value = 0;
    if (!TakeVarint(in, &gap) || !TakeVarint(in, &value) || gap >= values.size() - next) return false;
    next += gap;
    // Unsigned, so that hostile values wrap rather than overflow; whoever reads untrusted bytes checks the sums.
    values[next] = static_cast<int64_t>(static_cast<uint64_t>(values[next]) + static_cast<uint64_t>(UnZigZag(value)));
    ++next;
  }
  return true;
}

}  // namespace vigil
