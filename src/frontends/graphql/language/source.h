// The text of a document, and where a byte of it is as a reader would say.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "frontends/graphql/language/error.h"

namespace vigil::graphql {

// Read by any thread.
class Source {
 public:
  explicit Source(std::string text);

  std::string_view text() const { return text_; }
  // Logarithmic in the lines; no longer than kSampleBytes on a line that is not ASCII. `offset` at most the text's size.
  Location Locate(size_t offset) const;

 private:
  static constexpr size_t kSampleBytes = 64;
  uint32_t UnitsBefore(size_t offset) const;

  std::string text_;
  std::vector<uint32_t> lines_;    // where each begins
  std::vector<uint32_t> samples_;  // UTF-16 code units before every kSampleBytes-th byte; empty when all is ASCII
};

// Decodes the code point at `at`, writes its length in bytes; negative (and one byte) when it is not UTF-8.
int32_t DecodeUtf8(std::string_view text, size_t at, size_t* bytes);
void AppendUtf8(std::string* out, uint32_t code_point);

}  // namespace vigil::graphql
