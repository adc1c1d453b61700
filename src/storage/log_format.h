// The bytes of a log file: a header, then frames, each with a length and a checksum. Everything that reads or writes log bytes goes
// through here; docs/formats/prediction-log.md is the reference. Little-endian throughout.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "domain/prediction.h"
#include "storage/prediction_log.h"

namespace vigil {

inline constexpr size_t kLogHeaderBytes = 64;
inline constexpr uint8_t kLogFormatVersion = 2;  // 1 had neither texts nor doubles, and is read as well
inline constexpr size_t kFrameHeaderBytes = 8;   // checksum, length
inline constexpr size_t kFramePayloadBytesMax = 16 << 20;
inline constexpr size_t kPredictionFixedBytes = 48;  // of a prediction's payload
inline constexpr size_t kFooterFrameBytes = 40;      // the last frame of a sealed segment
inline constexpr size_t kLabelEntryBytes = 24;
inline constexpr uint32_t kOrdinalsMax = 1u << 24;  // of a segment: bounds the label index's array

enum class LogKind : uint8_t { kPredictions = 'P', kLabels = 'L', kSchemas = 'S' };

struct LogHeader {
  LogKind kind = LogKind::kPredictions;
  uint8_t format = kLogFormatVersion;
  uint8_t codec = 0;    // LogCodec::id(); 0: payloads are plain
  uint32_t key_id = 0;  // 0: not encrypted
  TimeUs created = 0;
  uint32_t shard = 0;
  uint32_t number = 0;
};
std::string EncodeLogHeader(const LogHeader& header);
// DATA_LOSS: not a log file, or a damaged header. UNIMPLEMENTED: a format version that this Vigil does not know.
StatusOr<LogHeader> DecodeLogHeader(std::string_view file);

enum class FrameType : uint8_t { kSchema = 1, kPrediction = 2, kFooter = 3, kLabels = 4 };

struct Frame {
  int64_t offset = 0;  // of the frame in the file
  int64_t end = 0;     // of the frame with its padding
  FrameType type = FrameType::kSchema;
  std::string_view payload;  // from the type byte on
};

// The frame that starts at `offset`; false when there is none whose checksum fits.
bool ReadFrame(std::string_view file, int64_t offset, Frame* frame);

// Walks the frames of a file, or of a part of it that begins at a frame. Memory: none. Time: linear, also on hostile bytes.
class FrameCursor {
 public:
  enum class Step : uint8_t {
    kFrame,
    kDamage,  // bytes [frame->offset, frame->end) cannot be read, but a good frame follows; the walk goes on there
    kTorn,    // the same, and nothing good follows: what a crash leaves at the end
    kEnd,     // the end of the bytes, or nothing but zeros after this
  };
  explicit FrameCursor(std::string_view file, int64_t begin = kLogHeaderBytes) : file_(file), offset_(begin) {}
  Step Next(Frame* frame);
  // Where the next frame is, or would be written.
  int64_t offset() const { return offset_; }

 private:
  std::string_view file_;
  int64_t offset_;
  int64_t search_bytes_left_ = 256 << 20;  // checksummed while looking for a good frame after a bad one
};

// Appends one frame around `payload` (whose first byte is its type) to `out`.
void AppendFrame(std::string* out, std::string_view payload);

// --- payloads ---

size_t PredictionFrameBytes(const PredictionRecord& record);
// Writes the whole frame, PredictionFrameBytes(record) long, to `out`.
void EncodePredictionFrame(const PredictionRecord& record, char* out);

// Blanks what a schema redacts: a feature becomes missing, its double NaN, its text empty. Keeps the blanked values; reused.
class Redaction {
 public:
  // Replaces spans of `record` by blanked copies where the schema redacts something. They hold until the next call.
  void Apply(const LogSchema& schema, PredictionRecord* record);

 private:
  std::vector<float> features_;
  std::vector<double> exact_;
  std::vector<std::string_view> texts_;
};

// A prediction where it lies. Floats may be unaligned: Float() and CopyFloats read them.
struct PredictionView {
  PredictionStatus status = PredictionStatus::kOk;
  uint32_t ordinal = 0;
  uint32_t schema = 0;
  uint32_t latency_us = 0;
  TimeUs time = 0;
  std::string_view id, entity, arm;
  std::string_view outputs, features;  // 4 bytes a number
  std::string_view cleaning;           // empty, or one byte a feature
  std::string_view mixed;              // doubles, texts and answers (CopyMixed); empty: none
};
// False when the payload's lengths do not add up.
bool DecodePrediction(std::string_view payload, PredictionView* view);
void CopyFloats(std::string_view bytes, std::vector<float>* out);
void CopyMixed(std::string_view mixed, LoggedPrediction* out);

std::string EncodeSchema(const LogSchema& schema);
StatusOr<LogSchema> DecodeSchema(std::string_view payload);

// What a sealed segment knows of itself, so that a start need not read it.
struct SegmentFooter {
  int64_t records = 0;
  TimeUs time_min = INT64_MAX;
  TimeUs time_max = INT64_MIN;
};
std::string EncodeFooter(const SegmentFooter& footer);
bool DecodeFooter(std::string_view payload, SegmentFooter* footer);

struct LabelEntry {
  PredictionId prediction_id;
  double value = 0;
  TimeUs time = 0;  // when the label was known
};
// A labels payload starts empty and takes entries; at most kFramePayloadBytesMax.
std::string BeginLabels();
void AppendLabel(std::string* payload, const LabelEntry& entry);
// Number of entries, or -1 when the payload is no labels payload.
int64_t LabelCount(std::string_view payload);
LabelEntry LabelAt(std::string_view payload, int64_t index);

}  // namespace vigil
