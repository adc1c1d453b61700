// Sparse form of a window's integers: how windows travel from a serving thread, rest in memory and are kept on disk. Every number is a
// LEB128 varint; signed ones are zigzag-coded. A packed array is: entries that are not zero; then for each the gap to it and its value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/types/span.h"

namespace vigil {

void AppendVarint(std::string* out, uint64_t value);
inline uint64_t ZigZag(int64_t value) { return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63); }
inline int64_t UnZigZag(uint64_t value) { return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1); }

// Takes one off the front of `in`. False at a truncated or overlong number.
bool TakeVarint(std::string_view* in, uint64_t* value);
bool TakeText(std::string_view* in, std::string_view* text);  // a length and that many bytes
void AppendText(std::string* out, std::string_view text);

// Appends an array made of `counts` and, right after them, `sums`.
void AppendPacked(std::string* out, absl::Span<const uint32_t> counts, absl::Span<const int64_t> sums);
void AppendPacked(std::string* out, absl::Span<const int64_t> values);

// Takes a packed array off the front of `in` and adds it to `values`, which it must fit. False on malformed bytes; `values` may then
// hold a part of it.
bool AddPacked(std::string_view* in, absl::Span<int64_t> values);

}  // namespace vigil
