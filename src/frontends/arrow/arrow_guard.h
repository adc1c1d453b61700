// What stands between a body in Arrow's stream format and the library that reads it: every message is checked whole, against limits and
// against the schema, before a byte of it is decoded. The library trusts more than a stranger's bytes deserve: its verifier visits what is
// shared as often as it is named, and its decoder multiplies lengths and adds offsets without a look at how large they are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "base/status.h"

namespace vigil {

inline constexpr size_t kArrowMetadataBytesMax = 4 << 20;    // of a message
inline constexpr size_t kArrowNamesBytesMax = 4 << 20;       // names and key-value texts of a schema
inline constexpr int kArrowColumnsMax = 1 << 15;             // columns and key-value pairs of a schema
inline constexpr size_t kArrowDictionariesMax = 512;         // a schema
inline constexpr int64_t kArrowMessagesMax = 100'000;        // a stream
inline constexpr int64_t kArrowBuffersMax = 4 << 20;         // a stream
inline constexpr int64_t kArrowUnpackedBytesMax = 64 << 20;  // of all packed buffers of a stream
inline constexpr int64_t kArrowDictionaryMax = 32 << 20;     // values of dictionaries, counted anew with each batch that uses them

enum class ArrowMessage : uint8_t { kSchema, kDictionary, kRows };

// A column as the format has it: what its buffers are.
struct ArrowField {
  std::string name;
  int buffers = 0;         // of its own values, or of the indexes into its dictionary
  int value_buffers = 0;   // of its dictionary's values; 0: it has none
  int64_t dictionary = 0;  // its number
};

// One stream; one thread.
class ArrowGuard {
 public:
  // `metadata` stands at a multiple of eight bytes. kMalformed: it is no message of the format. kInvalid: it is one that is not read
  // here, and says why (a column's type is named). kTooLarge: a limit above. A schema is remembered; there must be one first, and one only.
  StatusOr<ArrowMessage> CheckMetadata(absl::Span<const uint8_t> metadata, int64_t* body_bytes);
  // The body of the message that CheckMetadata looked at last, if it is no schema.
  Status CheckBody(absl::Span<const uint8_t> metadata, absl::Span<const uint8_t> body);

 private:
  Status CheckSchema(const void* schema);
  Status CheckBatch(const void* batch, absl::Span<const uint8_t> body, absl::Span<const int> buffers_of, bool dictionary);
  Status CountDictionaries();

  std::vector<ArrowField> fields_;
  struct Dictionary {
    int64_t id = 0;
    int buffers = 0;
    int64_t values = 0;  // of the batch that came last
  };
  std::vector<Dictionary> dictionaries_;
  bool has_schema_ = false;
  int64_t messages_ = 0, buffers_ = 0, unpacked_ = 0, dictionary_values_ = 0;
};

}  // namespace vigil
