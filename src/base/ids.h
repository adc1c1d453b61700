// Ids. A prediction id is 64 bits that say where the prediction's log record is, so a label finds it without a search.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace vigil {

// Layout, from the top: 10 bits shard (one a serving thread and process start), 22 bits segment, 32 bits ordinal in the segment.
// Written as 13 characters of Crockford's base 32, lower case.
struct PredictionId {
  uint64_t value = 0;

  static PredictionId Make(uint32_t shard, uint32_t segment, uint32_t ordinal) {
    return {(uint64_t{shard & 0x3FFu} << 54) | (uint64_t{segment & 0x3FFFFFu} << 32) | ordinal};
  }
  uint32_t shard() const { return static_cast<uint32_t>(value >> 54); }
  uint32_t segment() const { return static_cast<uint32_t>(value >> 32) & 0x3FFFFFu; }
  uint32_t ordinal() const { return static_cast<uint32_t>(value); }

  static constexpr size_t kTextLength = 13;
  // Writes kTextLength characters; allocates nothing.
  void Format(char* out) const;
  std::string Text() const;
  // Nothing when `text` is not exactly an id's 13 characters (case does not matter).
  static std::optional<PredictionId> Parse(std::string_view text);

  friend bool operator==(PredictionId, PredictionId) = default;
};

}  // namespace vigil
