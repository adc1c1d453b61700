#include "storage/log_format.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"
#include "storage/testing/log_material.h"

namespace vigil {
namespace {

using testing::FraudSchema;
using testing::NumberedRecord;

std::string FrameOf(int64_t i) {
  NumberedRecord numbered(1, i);
  numbered.record.prediction_id = PredictionId::Make(3, 4, static_cast<uint32_t>(i));
  std::string frame(PredictionFrameBytes(numbered.record), '\xAA');
  EncodePredictionFrame(numbered.record, frame.data());
  return frame;
}

TEST(LogFormat, HeadersReadBackAndRefuseWhatTheyAreNot) {
  const LogHeader header{.kind = LogKind::kLabels, .codec = 2, .key_id = 77, .created = 123456, .shard = 9, .number = 4194303};
  std::string bytes = EncodeLogHeader(header);
  ASSERT_EQ(bytes.size(), kLogHeaderBytes);
  const LogHeader back = DecodeLogHeader(bytes).value();
  EXPECT_EQ(back.kind, LogKind::kLabels);
  EXPECT_EQ(back.codec, 2);
  EXPECT_EQ(back.key_id, 77u);
  EXPECT_EQ(back.created, 123456);
  EXPECT_EQ(back.shard, 9u);
  EXPECT_EQ(back.number, 4194303u);
  for (size_t i = 0; i < kLogHeaderBytes; ++i) {
    std::string bad = bytes;
    bad[i] = static_cast<char>(bad[i] ^ 0x10);
    EXPECT_FALSE(DecodeLogHeader(bad).ok()) << "byte " << i;
    EXPECT_FALSE(DecodeLogHeader(std::string_view(bytes).substr(0, i)).ok());
  }
  bytes[8] = 3;
  EXPECT_TRUE(absl::IsUnimplemented(DecodeLogHeader(bytes).status())) << "a newer format is named, not called damaged";
}

TEST(LogFormat, EveryChangedBitOfAFrameIsNoticed) {
  const std::string frame = FrameOf(10);
  Frame read;
  ASSERT_TRUE(ReadFrame(frame, 0, &read));
  const size_t checked = kFrameHeaderBytes + read.payload.size();
  for (size_t i = 0; i < checked; ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = frame;
      bad[i] = static_cast<char>(bad[i] ^ (1 << bit));
      EXPECT_FALSE(ReadFrame(bad, 0, &read)) << i << "." << bit;
    }
  }
}

TEST(LogFormat, PayloadsWhoseLengthsDoNotAddUpAreRefused) {
  const std::string frame = FrameOf(3);
  Frame read;
  ASSERT_TRUE(ReadFrame(frame, 0, &read));
  PredictionView view;
  ASSERT_TRUE(DecodePrediction(read.payload, &view));
  for (size_t n = 0; n < read.payload.size(); ++n) EXPECT_FALSE(DecodePrediction(read.payload.substr(0, n), &view)) << n;
  for (const size_t field : {24u, 28u, 32u, 36u, 40u}) {
    std::string bad(read.payload);
    const uint32_t huge = 0xFFFFFFFF;
    bad.replace(field, 4, reinterpret_cast<const char*>(&huge), 4);
    EXPECT_FALSE(DecodePrediction(bad, &view)) << field;
  }
  const std::string schema = EncodeSchema([] {
    LogSchema s = FraudSchema();
    s.number = 5;
    s.redacted = {0, 1, 0};
    return s;
  }());
  EXPECT_EQ(DecodeSchema(schema).value().redacted, (std::vector<uint8_t>{0, 1, 0}));
  for (size_t n = 0; n < schema.size(); ++n) EXPECT_FALSE(DecodeSchema(schema.substr(0, n)).ok()) << n;
}

TEST(LogFormat, TheWalkFindsEveryGoodFrameAroundRandomDamage) {
  Random random(5);
  std::string file = EncodeLogHeader({});
  std::vector<std::pair<size_t, size_t>> places;
  for (int64_t i = 0; i < 50; ++i) {
    const std::string frame = FrameOf(i);
    places.emplace_back(file.size(), frame.size());
    file += frame;
  }
  for (int trial = 0; trial < 200; ++trial) {
    std::string bad = file;
    std::vector<bool> hit(50, false);
    for (int d = 0; d < 3; ++d) {
      const size_t which = random.Below(50);
      bad[places[which].first + random.Below(places[which].second - 8)] ^= static_cast<char>(1 + random.Below(255));
      hit[which] = true;
    }
    FrameCursor cursor(bad);
    Frame frame;
    std::vector<bool> seen(50, false);
    for (FrameCursor::Step step; (step = cursor.Next(&frame)) != FrameCursor::Step::kEnd;) {
      PredictionView view;
      if (step != FrameCursor::Step::kFrame) continue;
      ASSERT_TRUE(DecodePrediction(frame.payload, &view));
      seen[view.ordinal] = true;
    }
    for (size_t i = 0; i < 50; ++i) EXPECT_TRUE(seen[i] || hit[i]) << "trial " << trial << " lost frame " << i;
  }
}

TEST(LogFormat, HostileLengthsCostLinearTime) {
  // Every 8 bytes look like the start of a 16 MiB frame.
  std::string file = EncodeLogHeader({});
  const uint32_t words[2] = {0x01010101, kFramePayloadBytesMax - 1};
  while (file.size() < (24u << 20)) file.append(reinterpret_cast<const char*>(words), sizeof(words));
  FrameCursor cursor(file);
  Frame frame;
  EXPECT_EQ(cursor.Next(&frame), FrameCursor::Step::kTorn);
  EXPECT_EQ(cursor.Next(&frame), FrameCursor::Step::kEnd);
}

TEST(LogFormat, LabelsReadBack) {
  std::string payload = BeginLabels();
  EXPECT_EQ(LabelCount(payload), 0);
  AppendLabel(&payload, {PredictionId::Make(1, 2, 3), -1.5, 42});
  AppendLabel(&payload, {PredictionId::Make(1023, 4194303, UINT32_MAX), 7, INT64_MIN});
  ASSERT_EQ(LabelCount(payload), 2);
  EXPECT_EQ(LabelAt(payload, 0).value, -1.5);
  EXPECT_EQ(LabelAt(payload, 1).prediction_id, PredictionId::Make(1023, 4194303, UINT32_MAX));
  EXPECT_EQ(LabelAt(payload, 1).time, INT64_MIN);
  payload.pop_back();
  EXPECT_EQ(LabelCount(payload), -1);
}

// A record of five columns: float, double, text, whole number, text; with answers of two numbers and one text.
struct MixedRecord {
  std::vector<float> features = {1.5f, 0.1f, 0, 7, 0};
  std::vector<double> exact = {0.1, 7}, numbers = {1, 0.25};
  std::vector<std::string_view> texts = {"web", std::string_view("a\0b", 3)}, answers = {"fraud"};
  std::vector<float> outputs = {0.25f};
  PredictionRecord record;
  MixedRecord() {
    record.prediction_id = PredictionId::Make(3, 4, 5);
    record.schema = 1;
    record.time = 1000;
    record.id = "tx";
    record.features = features;
    record.exact = exact;
    record.texts = texts;
    record.outputs = outputs;
    record.answer_numbers = numbers;
    record.answer_texts = answers;
  }
  static LogSchema Schema() {
    LogSchema schema;
    schema.number = 1;
    schema.model = "m";
    schema.version = "1";
    schema.columns = {"f", "d", "t", "n", "u"};
    schema.types = {DType::kFloat32, DType::kFloat64, DType::kString, DType::kInt64, DType::kString};
    schema.outputs = {"prediction"};
    schema.answers = {"label", "p", "word"};
    schema.answer_types = {DType::kInt64, DType::kFloat32, DType::kString};
    return schema;
  }
};

TEST(LogFormat, DoublesTextsAndAnswersReadBack) {
  const MixedRecord mixed;
  std::string frame(PredictionFrameBytes(mixed.record), '\xAA');
  EncodePredictionFrame(mixed.record, frame.data());
  Frame read;
  ASSERT_TRUE(ReadFrame(frame, 0, &read));
  PredictionView view;
  ASSERT_TRUE(DecodePrediction(read.payload, &view));
  LoggedPrediction back;
  CopyMixed(view.mixed, &back);
  EXPECT_EQ(back.exact, mixed.exact);
  EXPECT_EQ(back.answer_numbers, mixed.numbers);
  EXPECT_EQ(back.texts, (std::vector<std::string>{"web", std::string("a\0b", 3)}));
  EXPECT_EQ(back.answer_texts, (std::vector<std::string>{"fraud"}));
  EXPECT_EQ(view.id, "tx");
  for (size_t cut = 1; cut < read.payload.size(); ++cut) EXPECT_FALSE(DecodePrediction(read.payload.substr(0, cut), &view)) << cut;
  // A text's length that does not add up.
  std::string payload(read.payload);
  payload[payload.size() - view.mixed.size() + 16 + 8 * 4] ^= 1;
  EXPECT_FALSE(DecodePrediction(payload, &view));
}

TEST(LogFormat, RecordsOfFloatsAreAsFormatOneHadThem) {
  const std::string frame = FrameOf(3);
  Frame read;
  ASSERT_TRUE(ReadFrame(frame, 0, &read));
  EXPECT_EQ(read.payload.substr(44, 4), std::string(4, '\0'));
  const LogSchema plain = FraudSchema();
  EXPECT_EQ(EncodeSchema(plain).find("BYTES"), std::string::npos);
  LogHeader old;
  old.format = 1;
  EXPECT_EQ(DecodeLogHeader(EncodeLogHeader(old))->format, 1);
  old.format = 0;
  EXPECT_FALSE(DecodeLogHeader(EncodeLogHeader(old)).ok());
}

TEST(LogFormat, SchemasKeepTheirTypesAndAnswers) {
  const LogSchema schema = MixedRecord::Schema();
  const StatusOr<LogSchema> back = DecodeSchema(EncodeSchema(schema));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->types, schema.types);
  EXPECT_EQ(back->answers, schema.answers);
  EXPECT_EQ(back->answer_types, schema.answer_types);
  LogSchema unknown = schema;
  unknown.types[0] = static_cast<DType>(200);
  EXPECT_FALSE(DecodeSchema(EncodeSchema(unknown)).ok());
}

TEST(LogFormat, RedactionBlanksEveryFormOfAValue) {
  LogSchema schema = MixedRecord::Schema();
  schema.redacted = {0, 1, 1, 0, 0};
  MixedRecord mixed;
  Redaction redaction;
  redaction.Apply(schema, &mixed.record);
  std::string frame(PredictionFrameBytes(mixed.record), '\xAA');
  EncodePredictionFrame(mixed.record, frame.data());
  EXPECT_EQ(frame.find("web"), std::string::npos);
  EXPECT_TRUE(std::isnan(mixed.record.features[1]));
  EXPECT_TRUE(std::isnan(mixed.record.exact[0]));
  EXPECT_EQ(mixed.record.exact[1], 7);
  EXPECT_TRUE(mixed.record.texts[0].empty());
  EXPECT_EQ(mixed.record.texts[1].size(), 3u);
}

}  // namespace
}  // namespace vigil
