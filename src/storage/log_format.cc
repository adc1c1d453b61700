#include "storage/log_format.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "domain/table_shape.h"

namespace vigil {
namespace {

static_assert(std::endian::native == std::endian::little, "the log's bytes are little-endian and are copied as they lie");

constexpr char kMagic[8] = {'V', 'I', 'G', 'I', 'L', 'L', 'O', 'G'};
constexpr uint16_t kHasCleaning = 1;

template <typename T>
T Load(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}
template <typename T>
void Store(char* to, T value) {
  std::memcpy(to, &value, sizeof(T));
}
template <typename T>
void Push(std::string* out, T value) {
  out->append(reinterpret_cast<const char*>(&value), sizeof(T));
}

constexpr size_t Padded(size_t bytes) { return (bytes + 7) & ~size_t{7}; }

void SealFrame(char* frame, size_t payload_bytes) {
  Store<uint32_t>(frame + 4, static_cast<uint32_t>(payload_bytes));
  Store<uint32_t>(frame, Checksum({frame + 4, payload_bytes + 4}));
}

bool IsZero(std::string_view bytes) { return bytes.find_first_not_of('\0') == std::string_view::npos; }

void PushText(std::string* out, std::string_view text) {
  Push(out, static_cast<uint32_t>(text.size()));
  out->append(text);
}

// Takes what is asked for from the front of `rest`; `ok` turns false, for good, when there is too little.
struct Reader {
  std::string_view rest;
  bool ok = true;
  std::string_view Take(size_t n) {
    if (n > rest.size()) {
      ok = false;
      return {};
    }
    const std::string_view taken = rest.substr(0, n);
    rest.remove_prefix(n);
    return taken;
  }
  template <typename T>
  T Number() {
    const std::string_view bytes = Take(sizeof(T));
    return ok ? Load<T>(bytes.data()) : T{};
  }
  std::string Text() { return std::string(Take(Number<uint32_t>())); }
  std::vector<std::string> Texts() {
    std::vector<std::string> texts;
    const uint32_t n = Number<uint32_t>();
    for (uint32_t i = 0; i < n && ok; ++i) texts.push_back(Text());
    return texts;
  }
};

}  // namespace

std::string EncodeLogHeader(const LogHeader& header) {
  std::string out(kMagic, sizeof(kMagic));
  Push(&out, header.format);
  Push(&out, header.kind);
  Push(&out, header.codec);
  Push(&out, uint8_t{0});
  Push(&out, header.key_id);
  Push(&out, header.created);
  Push(&out, header.shard);
  Push(&out, header.number);
  out.resize(kLogHeaderBytes - 4, '\0');
  Push(&out, Checksum(out));
  return out;
}

StatusOr<LogHeader> DecodeLogHeader(std::string_view file) {
  if (file.size() < kLogHeaderBytes) return absl::DataLossError("too short for a log file's header");
  if (std::memcmp(file.data(), kMagic, sizeof(kMagic)) != 0) return absl::DataLossError("not a Vigil log file (bad magic at byte 0)");
  LogHeader header;
  header.format = Load<uint8_t>(&file[8]);
  if (header.format == 0 || header.format > kLogFormatVersion) {
    return absl::UnimplementedError(
        absl::StrCat("log format version ", header.format, "; this Vigil reads versions 1 to ", kLogFormatVersion));
  }
  if (Load<uint32_t>(&file[kLogHeaderBytes - 4]) != Checksum(file.substr(0, kLogHeaderBytes - 4))) {
    return absl::DataLossError("the log file's header fails its checksum");
  }
  header.kind = Load<LogKind>(&file[9]);
  header.codec = Load<uint8_t>(&file[10]);
  header.key_id = Load<uint32_t>(&file[12]);
  header.created = Load<int64_t>(&file[16]);
  header.shard = Load<uint32_t>(&file[24]);
  header.number = Load<uint32_t>(&file[28]);
  return header;
}

bool ReadFrame(std::string_view file, int64_t offset, Frame* frame) {
  const size_t at = static_cast<size_t>(offset);
  if (at + kFrameHeaderBytes > file.size()) return false;
  const size_t length = Load<uint32_t>(file.data() + at + 4);
  if (length == 0 || length > kFramePayloadBytesMax || at + kFrameHeaderBytes + length > file.size()) return false;
  const uint8_t type = Load<uint8_t>(file.data() + at + kFrameHeaderBytes);
  if (type < 1 || type > 4) return false;
  if (Load<uint32_t>(file.data() + at) != Checksum(file.substr(at + 4, length + 4))) return false;
  frame->offset = offset;
  frame->end = static_cast<int64_t>(at + Padded(kFrameHeaderBytes + length));
  frame->type = static_cast<FrameType>(type);
  frame->payload = file.substr(at + kFrameHeaderBytes, length);
  return true;
}

FrameCursor::Step FrameCursor::Next(Frame* frame) {
  const int64_t size = static_cast<int64_t>(file_.size());
  if (offset_ >= size) return Step::kEnd;
  if (ReadFrame(file_, offset_, frame)) {
    offset_ = frame->end;
    return Step::kFrame;
  }
  const int64_t bad = offset_;
  if (IsZero(file_.substr(static_cast<size_t>(bad)))) return Step::kEnd;
  // Frames start at multiples of 8. Hostile bytes could make each candidate cost a long checksum, hence the budget.
  Frame next;
  for (int64_t at = bad + 8; at + static_cast<int64_t>(kFrameHeaderBytes) < size && search_bytes_left_ > 0; at += 8) {
    const uint64_t head = Load<uint64_t>(file_.data() + at);
    const uint32_t length = static_cast<uint32_t>(head >> 32);
    if (length == 0 || length > kFramePayloadBytesMax || at + static_cast<int64_t>(kFrameHeaderBytes + length) > size) continue;
    search_bytes_left_ -= length;
    if (!ReadFrame(file_, at, &next)) continue;
    frame->offset = bad;
    frame->end = at;
    frame->payload = {};
    offset_ = at;
    return Step::kDamage;
  }
  frame->offset = bad;
  frame->end = size;
  frame->payload = {};
  offset_ = size;
  return Step::kTorn;
}

void AppendFrame(std::string* out, std::string_view payload) {
  const size_t start = out->size();
  out->resize(start + Padded(kFrameHeaderBytes + payload.size()), '\0');
  std::memcpy(out->data() + start + kFrameHeaderBytes, payload.data(), payload.size());
  SealFrame(out->data() + start, payload.size());
}

// --- predictions ---

// Counts of doubles, answer doubles, texts and answer texts; then the doubles, then a length a text, then the texts.
constexpr size_t kMixedFixedBytes = 16;

static size_t MixedBytes(const PredictionRecord& record) {
  if (record.exact.empty() && record.texts.empty() && record.answer_numbers.empty() && record.answer_texts.empty()) return 0;
  size_t bytes =
      kMixedFixedBytes + 8 * (record.exact.size() + record.answer_numbers.size()) + 4 * (record.texts.size() + record.answer_texts.size());
  for (const std::string_view text : record.texts) bytes += text.size();
  for (const std::string_view text : record.answer_texts) bytes += text.size();
  return bytes;
}

static void EncodeMixed(const PredictionRecord& record, char* p) {
  const auto put = [&p](const void* from, size_t n) {
    if (n > 0) std::memcpy(p, from, n);
    p += n;
  };
  for (const size_t count : {record.exact.size(), record.answer_numbers.size(), record.texts.size(), record.answer_texts.size()}) {
    const auto stored = static_cast<uint32_t>(count);
    put(&stored, sizeof(stored));
  }
  put(record.exact.data(), 8 * record.exact.size());
  put(record.answer_numbers.data(), 8 * record.answer_numbers.size());
  for (const auto* texts : {&record.texts, &record.answer_texts}) {
    for (const std::string_view text : *texts) {
      const auto length = static_cast<uint32_t>(text.size());
      put(&length, sizeof(length));
    }
  }
  for (const auto* texts : {&record.texts, &record.answer_texts}) {
    for (const std::string_view text : *texts) put(text.data(), text.size());
  }
}

// Where the parts of a mixed part lie.
struct MixedParts {
  std::string_view exact, answer_numbers, text_lengths, answer_text_lengths, bytes;
};

// False when the lengths do not add up.
static bool SplitMixed(std::string_view mixed, MixedParts* parts) {
  Reader reader{mixed};
  const size_t exact = reader.Number<uint32_t>(), numbers = reader.Number<uint32_t>(), texts = reader.Number<uint32_t>(),
               answer_texts = reader.Number<uint32_t>();
  parts->exact = reader.Take(8 * exact);
  parts->answer_numbers = reader.Take(8 * numbers);
  parts->text_lengths = reader.Take(4 * texts);
  parts->answer_text_lengths = reader.Take(4 * answer_texts);
  if (!reader.ok) return false;
  uint64_t bytes = 0;
  for (const std::string_view lengths : {parts->text_lengths, parts->answer_text_lengths}) {
    for (size_t i = 0; i < lengths.size(); i += 4) bytes += Load<uint32_t>(lengths.data() + i);
  }
  parts->bytes = reader.rest;
  return bytes == reader.rest.size();
}

void CopyMixed(std::string_view mixed, LoggedPrediction* out) {
  out->exact.clear();
  out->answer_numbers.clear();
  out->texts.clear();
  out->answer_texts.clear();
  MixedParts parts;
  if (mixed.empty() || !SplitMixed(mixed, &parts)) return;
  const std::pair<std::string_view, std::vector<double>*> numbers[] = {{parts.exact, &out->exact},
                                                                       {parts.answer_numbers, &out->answer_numbers}};
  for (const auto& [bytes, doubles] : numbers) {
    doubles->resize(bytes.size() / 8);
    if (!bytes.empty()) std::memcpy(doubles->data(), bytes.data(), bytes.size());
  }
  Reader reader{parts.bytes};
  const std::pair<std::string_view, std::vector<std::string>*> lists[] = {{parts.text_lengths, &out->texts},
                                                                          {parts.answer_text_lengths, &out->answer_texts}};
  for (const auto& [lengths, texts] : lists) {
    for (size_t i = 0; i < lengths.size(); i += 4) texts->emplace_back(reader.Take(Load<uint32_t>(lengths.data() + i)));
  }
}

void Redaction::Apply(const LogSchema& schema, PredictionRecord* record) {
  if (std::find(schema.redacted.begin(), schema.redacted.end(), 1) == schema.redacted.end()) return;
  features_.assign(record->features.begin(), record->features.end());
  exact_.assign(record->exact.begin(), record->exact.end());
  texts_.assign(record->texts.begin(), record->texts.end());
  size_t exact = 0, text = 0;
  for (size_t i = 0; i < schema.redacted.size() && i < features_.size(); ++i) {
    const ColumnStore store = i < schema.types.size() ? StoreOf(schema.types[i]) : ColumnStore::kFloat;
    const bool blank = schema.redacted[i] != 0;
    if (blank) features_[i] = std::numeric_limits<float>::quiet_NaN();
    if (store == ColumnStore::kExact && exact < exact_.size())
      exact_[exact] = blank ? std::numeric_limits<double>::quiet_NaN() : exact_[exact];
    if (store == ColumnStore::kText && text < texts_.size()) texts_[text] = blank ? std::string_view() : texts_[text];
    exact += store == ColumnStore::kExact;
    text += store == ColumnStore::kText;
  }
  record->features = features_;
  record->exact = exact_;
  record->texts = texts_;
}

static size_t PredictionPayloadBytes(const PredictionRecord& record) {
  return kPredictionFixedBytes + 4 * (record.outputs.size() + record.features.size()) + record.cleaning.size() + record.arm.size() +
         record.id.size() + record.entity.size() + MixedBytes(record);
}

size_t PredictionFrameBytes(const PredictionRecord& record) { return Padded(kFrameHeaderBytes + PredictionPayloadBytes(record)); }

void EncodePredictionFrame(const PredictionRecord& record, char* out) {
  const size_t payload_bytes = PredictionPayloadBytes(record);
  Store<uint64_t>(out + Padded(kFrameHeaderBytes + payload_bytes) - 8, 0);  // padding, before the payload is laid over it
  char* p = out + kFrameHeaderBytes;
  Store(p, FrameType::kPrediction);
  Store(p + 1, record.status);
  Store(p + 2, record.cleaning.empty() ? uint16_t{0} : kHasCleaning);
  Store(p + 4, record.prediction_id.ordinal());
  Store(p + 8, record.time);
  Store(p + 16, record.schema);
  Store(p + 20, record.latency_us);
  Store(p + 24, static_cast<uint32_t>(record.outputs.size()));
  Store(p + 28, static_cast<uint32_t>(record.features.size()));
  Store(p + 32, static_cast<uint32_t>(record.id.size()));
  Store(p + 36, static_cast<uint32_t>(record.entity.size()));
  Store(p + 40, static_cast<uint32_t>(record.arm.size()));
  const size_t mixed = MixedBytes(record);
  Store(p + 44, static_cast<uint32_t>(mixed));
  p += kPredictionFixedBytes;
  const auto put = [&p](const void* from, size_t n) {
    if (n > 0) std::memcpy(p, from, n);
    p += n;
  };
  // What a label join needs comes first, so that it touches one or two cache lines.
  put(record.outputs.data(), 4 * record.outputs.size());
  put(record.arm.data(), record.arm.size());
  put(record.id.data(), record.id.size());
  put(record.entity.data(), record.entity.size());
  put(record.features.data(), 4 * record.features.size());
  put(record.cleaning.data(), record.cleaning.size());
  if (mixed != 0) EncodeMixed(record, p);
  SealFrame(out, payload_bytes);
}

bool DecodePrediction(std::string_view payload, PredictionView* view) {
  if (payload.size() < kPredictionFixedBytes || Load<FrameType>(payload.data()) != FrameType::kPrediction) return false;
  const char* p = payload.data();
  const uint8_t status = Load<uint8_t>(p + 1);
  if (status > static_cast<uint8_t>(PredictionStatus::kShadow)) return false;
  view->status = static_cast<PredictionStatus>(status);
  const bool cleaned = (Load<uint16_t>(p + 2) & kHasCleaning) != 0;
  view->ordinal = Load<uint32_t>(p + 4);
  view->time = Load<int64_t>(p + 8);
  view->schema = Load<uint32_t>(p + 16);
  view->latency_us = Load<uint32_t>(p + 20);
  const size_t outputs = Load<uint32_t>(p + 24), features = Load<uint32_t>(p + 28), id = Load<uint32_t>(p + 32),
               entity = Load<uint32_t>(p + 36), arm = Load<uint32_t>(p + 40), mixed = Load<uint32_t>(p + 44);
  // Each is below 2^32, so the sum cannot wrap.
  if (payload.size() != kPredictionFixedBytes + 4 * (outputs + features) + id + entity + arm + (cleaned ? features : 0) + mixed)
    return false;
  Reader reader{payload.substr(kPredictionFixedBytes)};
  view->outputs = reader.Take(4 * outputs);
  view->arm = reader.Take(arm);
  view->id = reader.Take(id);
  view->entity = reader.Take(entity);
  view->features = reader.Take(4 * features);
  view->cleaning = cleaned ? reader.Take(features) : std::string_view();
  view->mixed = reader.Take(mixed);
  MixedParts parts;
  return mixed == 0 || SplitMixed(view->mixed, &parts);
}

void CopyFloats(std::string_view bytes, std::vector<float>* out) {
  out->resize(bytes.size() / 4);
  if (!out->empty()) std::memcpy(out->data(), bytes.data(), 4 * out->size());
}

// --- schemas ---

std::string EncodeSchema(const LogSchema& schema) {
  std::string out(1, static_cast<char>(FrameType::kSchema));
  Push(&out, schema.number);
  PushText(&out, schema.model);
  PushText(&out, schema.version);
  for (const auto* names : {&schema.columns, &schema.outputs}) {
    Push(&out, static_cast<uint32_t>(names->size()));
    for (const std::string& name : *names) PushText(&out, name);
  }
  PushText(&out, {reinterpret_cast<const char*>(schema.redacted.data()), schema.redacted.size()});
  if (schema.types.empty() && schema.answers.empty()) return out;  // as format 1 has it
  PushText(&out, {reinterpret_cast<const char*>(schema.types.data()), schema.types.size()});
  Push(&out, static_cast<uint32_t>(schema.answers.size()));
  for (const std::string& name : schema.answers) PushText(&out, name);
  PushText(&out, {reinterpret_cast<const char*>(schema.answer_types.data()), schema.answer_types.size()});
  return out;
}

StatusOr<LogSchema> DecodeSchema(std::string_view payload) {
  Reader reader{payload};
  LogSchema schema;
  const bool typed = reader.Number<FrameType>() == FrameType::kSchema;
  schema.number = reader.Number<uint32_t>();
  schema.model = reader.Text();
  schema.version = reader.Text();
  schema.columns = reader.Texts();
  schema.outputs = reader.Texts();
  const std::string redacted = reader.Text();
  schema.redacted.assign(redacted.begin(), redacted.end());
  bool types_fit = true;
  if (reader.ok && !reader.rest.empty()) {
    const auto types = [&](std::vector<DType>* out) {
      for (const char c : reader.Text()) {
        types_fit = types_fit && static_cast<uint8_t>(c) <= static_cast<uint8_t>(DType::kString);
        out->push_back(static_cast<DType>(c));
      }
    };
    types(&schema.types);
    schema.answers = reader.Texts();
    types(&schema.answer_types);
    types_fit = types_fit && (schema.types.empty() || schema.types.size() == schema.columns.size()) &&
                schema.answer_types.size() == schema.answers.size() && !(schema.types.empty() && schema.answers.empty());
  }
  if (!typed || !types_fit || !reader.ok || !reader.rest.empty() || schema.number == 0)
    return absl::DataLossError("a schema record is malformed");
  return schema;
}

// --- footers and labels ---

std::string EncodeFooter(const SegmentFooter& footer) {
  std::string out(1, static_cast<char>(FrameType::kFooter));
  out.resize(8, '\0');
  Push(&out, footer.records);
  Push(&out, footer.time_min);
  Push(&out, footer.time_max);
  return out;
}

bool DecodeFooter(std::string_view payload, SegmentFooter* footer) {
  if (payload.size() != kFooterFrameBytes - kFrameHeaderBytes || Load<FrameType>(payload.data()) != FrameType::kFooter) return false;
  footer->records = Load<int64_t>(payload.data() + 8);
  footer->time_min = Load<int64_t>(payload.data() + 16);
  footer->time_max = Load<int64_t>(payload.data() + 24);
  return true;
}

std::string BeginLabels() {
  std::string payload(1, static_cast<char>(FrameType::kLabels));
  payload.resize(8, '\0');
  return payload;
}

void AppendLabel(std::string* payload, const LabelEntry& entry) {
  Push(payload, entry.prediction_id.value);
  Push(payload, entry.value);
  Push(payload, entry.time);
}

int64_t LabelCount(std::string_view payload) {
  if (payload.size() < 8 || Load<FrameType>(payload.data()) != FrameType::kLabels || (payload.size() - 8) % kLabelEntryBytes != 0)
    return -1;
  return static_cast<int64_t>((payload.size() - 8) / kLabelEntryBytes);
}

LabelEntry LabelAt(std::string_view payload, int64_t index) {
  const char* p = payload.data() + 8 + static_cast<size_t>(index) * kLabelEntryBytes;
  return {{Load<uint64_t>(p)}, Load<double>(p + 8), Load<int64_t>(p + 16)};
}

}  // namespace vigil
