#include "frontends/graphql/language/source.h"

#include <algorithm>
#include <utility>

namespace vigil::graphql {
namespace {

// A byte's share of its code point's UTF-16 code units: leading bytes count, four-byte forms twice.
uint32_t UnitsOf(char c) {
  const auto byte = static_cast<unsigned char>(c);
  if ((byte & 0xC0) == 0x80) return 0;
  return byte >= 0xF0 ? 2 : 1;
}

}  // namespace

Source::Source(std::string text) : text_(std::move(text)) {
  lines_.push_back(0);
  bool ascii = true;
  for (size_t i = 0; i < text_.size(); ++i) {
    const char c = text_[i];
    if (c == '\n' || (c == '\r' && (i + 1 == text_.size() || text_[i + 1] != '\n'))) lines_.push_back(static_cast<uint32_t>(i + 1));
    if ((c & 0x80) != 0) ascii = false;
  }
  if (ascii) return;
  uint32_t units = 0;
  for (size_t i = 0; i < text_.size(); ++i) {
    if (i % kSampleBytes == 0) samples_.push_back(units);
    units += UnitsOf(text_[i]);
  }
}

uint32_t Source::UnitsBefore(size_t offset) const {
  if (samples_.empty()) return static_cast<uint32_t>(offset);
  const size_t sample = std::min(offset / kSampleBytes, samples_.size() - 1);
  uint32_t units = samples_[sample];
  for (size_t i = sample * kSampleBytes; i < offset; ++i) units += UnitsOf(text_[i]);
  return units;
}

Location Source::Locate(size_t offset) const {
  offset = std::min(offset, text_.size());
  const auto after = std::upper_bound(lines_.begin(), lines_.end(), offset);
  const uint32_t begin = *(after - 1);
  return {static_cast<uint32_t>(after - lines_.begin()), UnitsBefore(offset) - UnitsBefore(begin) + 1};
}

int32_t DecodeUtf8(std::string_view text, size_t at, size_t* bytes) {
  *bytes = 1;
  const auto byte = [&](size_t i) { return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u; };
  const unsigned first = byte(0);
  if (first < 0x80) return static_cast<int32_t>(first);
  const size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4) return -1;
  uint32_t point = first & (0x7Fu >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0u) != 0x80u) return -1;
    point = (point << 6) | (byte(i) & 0x3Fu);
  }
  static constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (point < kLeast[length] || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF)) return -1;
  *bytes = length;
  return static_cast<int32_t>(point);
}

void AppendUtf8(std::string* out, uint32_t code_point) {
  if (code_point < 0x80) {
    out->push_back(static_cast<char>(code_point));
  } else if (code_point < 0x800) {
    out->push_back(static_cast<char>(0xC0 | (code_point >> 6)));
    out->push_back(static_cast<char>(0x80 | (code_point & 0x3F)));
  } else if (code_point < 0x10000) {
    out->push_back(static_cast<char>(0xE0 | (code_point >> 12)));
    out->push_back(static_cast<char>(0x80 | ((code_point >> 6) & 0x3F)));
    out->push_back(static_cast<char>(0x80 | (code_point & 0x3F)));
  } else {
    out->push_back(static_cast<char>(0xF0 | (code_point >> 18)));
    out->push_back(static_cast<char>(0x80 | ((code_point >> 12) & 0x3F)));
    out->push_back(static_cast<char>(0x80 | ((code_point >> 6) & 0x3F)));
    out->push_back(static_cast<char>(0x80 | (code_point & 0x3F)));
  }
}

}  // namespace vigil::graphql
