// Streams as pyarrow writes them are the seeds of the fuzz target; their cells are checked here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>

#include "base/text.h"
#include "frontends/arrow/arrow_answer.h"
#include "frontends/arrow/arrow_guard.h"
#include "frontends/arrow/arrow_rows.h"
#include "frontends/errors.h"
#include "frontends/testing/rest_fixture.h"
#include "nanoarrow/nanoarrow.hpp"
#include "nanoarrow/nanoarrow_ipc.hpp"

namespace vigil::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Seed(const std::string& name) {
  const char* root = std::getenv("VIGIL_SOURCE_DIR");
  std::ifstream file(std::string(root == nullptr ? "." : root) + "/tests/corpus/arrow_rows/" + name, std::ios::binary);
  EXPECT_TRUE(file.good()) << name;
  return {std::istreambuf_iterator<char>(file), {}};
}

class ArrowTest : public ::testing::Test {
 protected:
  ArrowTest()
      : columns_([] {
          Signature signature;
          signature.inputs = {
              {"a", DType::kFloat32, {-1}}, {"s", DType::kString, {-1}}, {"rate", DType::kFloat64, {-1}}, {"n", DType::kInt64, {-1}}};
          return TableShapeOf(signature);
        }()) {}

  Status Parse(const std::string& body) {
    texts_.clear();
    return ParseArrowRows(body, columns_, UnknownColumns::kWarn, &texts_, &batch_, &absent_);
  }
  void ExpectRows(const std::string& name, float a0, std::initializer_list<double> n = {7, -8, 9}) {
    SCOPED_TRACE(name);
    const Status status = Parse(Seed(name));
    ASSERT_TRUE(status.ok()) << status;
    ASSERT_EQ(batch_.rows, 3u);
    EXPECT_TRUE(absent_.empty());
    EXPECT_EQ(batch_.values[0], a0);
    EXPECT_TRUE(std::isnan(batch_.values[4]));
    EXPECT_THAT(batch_.texts, ElementsAre("x", "", "z\xC3\xA9"));
    EXPECT_TRUE(std::isnan(batch_.exact[4]));
    size_t row = 0;
    for (const double value : n) EXPECT_EQ(batch_.exact[row++ * 2 + 1], value);
    EXPECT_EQ(batch_.error_count, 0);
  }
  void ExpectFailure(const std::string& body, ErrorCode code, const std::string& text) {
    const Status status = Parse(body);
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(CodeOf(status), code) << status;
    EXPECT_THAT(MessageOf(status), HasSubstr(text));
  }

  const ColumnIndex columns_;
  RowBatch batch_;
  std::vector<uint32_t> absent_;
  std::deque<std::string> texts_;
};

TEST_F(ArrowTest, EveryFormOfTheSameRows) {
  for (const char* name : {"plain", "batches", "zstd", "lz4", "large", "dictionary", "unknown"}) ExpectRows(name, 1.5F);
  ExpectRows("types", 1);
}

TEST_F(ArrowTest, UnknownColumnsAreWarnedOfWhateverTheirType) {
  ASSERT_TRUE(Parse(Seed("unknown")).ok());
  EXPECT_EQ(batch_.warnings.size(), 4u);
  EXPECT_THAT(batch_.warnings[0], HasSubstr("\"d\""));
}

TEST_F(ArrowTest, IdsEntitiesAndTimes) {
  ExpectRows("rows", 1.5F);
  EXPECT_THAT(batch_.ids, ElementsAre("i0", "i1", "i2"));
  EXPECT_THAT(batch_.entities, ElementsAre("e0", "", "e2"));
  EXPECT_THAT(batch_.times, ElementsAre(0, 1'500'000, kDayUs));
}

TEST_F(ArrowTest, AColumnOfNulls) {
  ASSERT_TRUE(Parse(Seed("null")).ok());
  for (size_t row = 0; row < 3; ++row) EXPECT_TRUE(std::isnan(batch_.values[row * 4]));
  EXPECT_TRUE(absent_.empty());
}

TEST_F(ArrowTest, WhatIsNotReadIsNamed) {
  ExpectFailure(Seed("view"), ErrorCode::kInvalid, "\"s\" is a string view");
  ExpectFailure(Seed("list"), ErrorCode::kInvalid, "\"l\" is a list");
  ExpectFailure(Seed("packed_dictionary"), ErrorCode::kInvalid, "a dictionary is compressed");
  ExpectFailure(Seed("file"), ErrorCode::kMalformed, "file format");
  ExpectFailure("", ErrorCode::kMalformed, "empty");
}

// Any prefix is an error or, at the end of a message, fewer rows; never a crash.
TEST_F(ArrowTest, CutAnywhere) {
  const std::string whole = Seed("rows");
  size_t accepted = 0;
  for (size_t size = 0; size < whole.size(); ++size) {
    const Status status = Parse(whole.substr(0, size));
    if (status.ok()) {
      ++accepted;
      EXPECT_TRUE(batch_.rows == 0 || batch_.rows == 3) << size;
    }
  }
  EXPECT_LE(accepted, 4u);  // behind the schema, the dictionary, the rows, and with the first half of the end
}

// Every byte changed in turn to what hurts: lengths and offsets beyond everything.
TEST_F(ArrowTest, AnyByteChanged) {
  for (const char* name : {"rows", "zstd", "lz4", "dictionary"}) {
    const std::string whole = Seed(name);
    for (size_t at = 0; at < whole.size(); ++at) {
      for (const char byte : {'\xFF', '\x80', '\x7F', '\0', '\x01'}) {
        std::string changed = whole;
        changed[at] = byte;
        const Status status = Parse(changed);
        EXPECT_EQ(status.ok(), status.message().empty());
        size_t bytes = 0;
        for (const std::string_view text : batch_.texts) bytes += status.ok() ? std::string(text).size() : 0;
        EXPECT_LT(bytes, size_t{1} << 20);
      }
    }
  }
}

// ---- over HTTP ----

std::string FraudStream(std::initializer_list<double> amounts, const char* name = "amount") {
  nanoarrow::UniqueSchema schema;
  ArrowSchemaInit(schema.get());
  EXPECT_EQ(ArrowSchemaSetTypeStruct(schema.get(), 2), 0);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(ArrowSchemaSetType(schema->children[i], NANOARROW_TYPE_DOUBLE), 0);
  EXPECT_EQ(ArrowSchemaSetName(schema->children[0], name), 0);
  EXPECT_EQ(ArrowSchemaSetName(schema->children[1], "hour"), 0);
  nanoarrow::UniqueArray array;
  EXPECT_EQ(ArrowArrayInitFromSchema(array.get(), schema.get(), nullptr), 0);
  EXPECT_EQ(ArrowArrayStartAppending(array.get()), 0);
  for (const double amount : amounts) {
    EXPECT_EQ(ArrowArrayAppendDouble(array->children[0], amount), 0);
    EXPECT_EQ(ArrowArrayAppendNull(array->children[1], 1), 0);
    EXPECT_EQ(ArrowArrayFinishElement(array.get()), 0);
  }
  EXPECT_EQ(ArrowArrayFinishBuildingDefault(array.get(), nullptr), 0);
  nanoarrow::UniqueArrayView view;
  EXPECT_EQ(ArrowArrayViewInitFromSchema(view.get(), schema.get(), nullptr), 0);
  EXPECT_EQ(ArrowArrayViewSetArray(view.get(), array.get(), nullptr), 0);
  nanoarrow::UniqueBuffer written;
  nanoarrow::ipc::UniqueOutputStream stream;
  EXPECT_EQ(ArrowIpcOutputStreamInitBuffer(stream.get(), written.get()), 0);
  nanoarrow::ipc::UniqueWriter writer;
  EXPECT_EQ(ArrowIpcWriterInit(writer.get(), stream.get()), 0);
  EXPECT_EQ(ArrowIpcWriterWriteSchema(writer.get(), schema.get(), nullptr), 0);
  EXPECT_EQ(ArrowIpcWriterWriteArrayView(writer.get(), view.get(), nullptr), 0);
  EXPECT_EQ(ArrowIpcWriterWriteArrayView(writer.get(), nullptr, nullptr), 0);
  return {reinterpret_cast<const char*>(written->data), static_cast<size_t>(written->size_bytes)};
}

using ArrowRest = RestFixture;
constexpr char kPredict[] = "/api/v1/models/fraud/predict";
const std::string kArrow(kArrowStreamType);

TEST_F(ArrowRest, InAndJsonOut) {
  const FakeAnswer answer = Post(kPredict, FraudStream({1, 2}), kArrow);
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(Body(answer)["predictions"], Json::parse("[31,32]"));
}

TEST_F(ArrowRest, InAndArrowOut) {
  const FakeAnswer answer = Post(kPredict, FraudStream({1, 2}), kArrow, {{"Accept", kArrow}});
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.content_type, kArrow);
  // What we write we read: the prediction is a column of numbers.
  const ColumnIndex columns({"prediction"});
  RowBatch batch;
  std::vector<uint32_t> absent;
  std::deque<std::string> texts;
  const Status status = ParseArrowRows(answer.body, columns, UnknownColumns::kIgnore, &texts, &batch, &absent);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_THAT(batch.values, ElementsAre(31, 32));
  EXPECT_THAT(answer.body, HasSubstr("version"));
}

TEST_F(ArrowRest, LinesOut) {
  const FakeAnswer answer = Post(kPredict, FraudStream({1, 2}), kArrow, {{"Accept", "application/x-ndjson"}});
  EXPECT_EQ(answer.content_type, "application/x-ndjson");
  const size_t line = answer.body.find('\n');
  ASSERT_NE(line, std::string::npos);
  const Json first = Json::parse(answer.body.substr(0, line));
  EXPECT_EQ(first["prediction"], 31);
  EXPECT_EQ(first["version"], "3");
  EXPECT_TRUE(first["prediction_id"].is_string());
}

TEST_F(ArrowRest, Refusals) {
  ExpectProblem(Post(kPredict, "no stream", kArrow), 400, "malformed");
  ExpectProblem(Post(kPredict, FraudStream({1}, "amuont"), kArrow, {{"Accept", kArrow}}), 422, "schema_violation");
}

}  // namespace
}  // namespace vigil::testing
