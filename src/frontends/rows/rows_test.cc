#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <deque>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/text.h"
#include "frontends/errors.h"
#include "frontends/rows/csv.h"
#include "frontends/rows/fast_rows.h"
#include "frontends/rows/json_rows.h"
#include "frontends/rows/label_rows.h"
#include "frontends/words.h"

namespace vigil {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr float kMissing = -12345;  // how these tests write a missing value

// A batch that owns its texts, so that it can be looked at after its parser is gone.
struct Parsed {
  Status status;
  size_t rows = 0;
  std::vector<float> values;
  std::vector<std::string> ids, entities, warnings;
  std::vector<TimeUs> times;
  std::vector<RowError> errors;
  std::vector<uint32_t> absent;
  bool partial = false;
};

Parsed Keep(const Status& status, const RowBatch& batch, std::vector<uint32_t> absent) {
  Parsed out{status, batch.rows, batch.values, {}, {}, batch.warnings, batch.times, batch.errors, std::move(absent), batch.partial};
  out.ids.assign(batch.ids.begin(), batch.ids.end());
  out.entities.assign(batch.entities.begin(), batch.entities.end());
  for (float& value : out.values) {
    if (std::isnan(value)) value = kMissing;
  }
  return out;
}

class Rows : public ::testing::Test {
 protected:
  ColumnIndex columns_{{"amount", "hour", "na\"me"}};
  JsonRows json_;

  Parsed Slow(std::string_view body, JsonRowsOptions options = {}) {
    RowBatch batch;
    std::vector<uint32_t> absent;
    const Status status = json_.Parse(body, columns_, options, &batch, &absent);
    return Keep(status, batch, absent);
  }
  Parsed Mlflow(std::string_view body) { return Slow(body, {JsonForm::kMlflow, UnknownColumns::kIgnore}); }
  Parsed Lines(std::string_view body) {
    RowBatch batch;
    std::vector<uint32_t> absent;
    const Status status = json_.ParseLines(body, columns_, {}, &batch, &absent);
    return Keep(status, batch, absent);
  }
  Parsed Csv(std::string_view body) {
    RowBatch batch;
    std::vector<uint32_t> absent;
    std::deque<std::string> arena;
    CsvReader reader(body, &arena);
    const Status status = ParseCsvRows(reader, columns_, UnknownColumns::kWarn, &batch, &absent);
    return Keep(status, batch, absent);
  }
};

// ---- our JSON ----

TEST_F(Rows, ReadsEveryFormAlike) {
  for (const char* body : {R"({"rows":[{"amount":1,"hour":2,"na\"me":3},{"amount":4,"hour":null,"na\"me":6}]})",
                           R"({"rows":[[1,2,3],[4,null,6]]})", R"({"data":[[1,3,2],[4,6,null]],"columns":["amount","na\"me","hour"]})",
                           R"( { "columns" : [ "amount" , "hour" , "na\"me" ] , "data" : [ [ 1 , 2 , 3 ] , [ 4 , null , 6 ] ] } )",
                           R"({"rows":[{"na\"me":3,"amount":1,"hour":2},{"amount":4,"na\u0022me":6}]})"}) {
    const Parsed parsed = Slow(body);
    ASSERT_TRUE(parsed.status.ok()) << body << parsed.status;
    EXPECT_EQ(parsed.rows, 2u);
    EXPECT_THAT(parsed.values, ElementsAre(1, 2, 3, 4, kMissing, 6)) << body;
    EXPECT_THAT(parsed.absent, IsEmpty()) << body;
  }
}

TEST_F(Rows, ABareObjectIsOneRow) {
  const Parsed parsed = Slow(R"({"amount":1.5,"hour":true,"na\"me":false})");
  ASSERT_TRUE(parsed.status.ok()) << parsed.status;
  EXPECT_THAT(parsed.values, ElementsAre(1.5, 1, 0));
}

TEST_F(Rows, AColumnAbsentFromEveryRowIsListedOneNullIsNot) {
  const Parsed parsed = Slow(R"({"rows":[{"amount":1,"hour":null},{"amount":2}]})");
  ASSERT_TRUE(parsed.status.ok());
  EXPECT_THAT(parsed.absent, ElementsAre(2u));
  EXPECT_THAT(Slow("{}").absent, ElementsAre(0u, 1u, 2u));
}

TEST_F(Rows, UnknownColumnsAreWarningsWithTheNearestName) {
  const Parsed parsed =
      Slow(R"({"rows":[{"amount":1,"hour":2,"na\"me":3,"amuont":9,"x":{"deep":[1,{}]}},{"amount":1,"hour":2,"na\"me":3,"amuont":9}]})");
  ASSERT_TRUE(parsed.status.ok()) << parsed.status;
  ASSERT_EQ(parsed.warnings.size(), 2u);
  EXPECT_EQ(parsed.warnings[0], "unknown column \"amuont\" is ignored (did you mean \"amount\"?)");
  EXPECT_THAT(parsed.values, ElementsAre(1, 2, 3, 1, 2, 3));
}

TEST_F(Rows, WarningsAreBounded) {
  std::string body = R"({"amount":1,"hour":2,"na\"me":3)";
  for (int i = 0; i < 1000; ++i) body += Concat(",\"unknown", i, "\":1");
  EXPECT_EQ(Slow(body + "}").warnings.size(), kUnknownColumnWarningsMax + 1);
}

TEST_F(Rows, CellsThatAreNoNumbersAreTypeErrors) {
  const Parsed parsed = Slow(R"({"rows":[[1,2,3],["a",[1],{"b":2}],[1,"9",3]]})");
  ASSERT_TRUE(parsed.status.ok()) << parsed.status;
  ASSERT_EQ(parsed.errors.size(), 4u);
  EXPECT_EQ(parsed.errors[0].row, 1);
  EXPECT_EQ(parsed.errors[0].column, "amount");
  EXPECT_EQ(parsed.errors[0].value, "a");
  EXPECT_EQ(parsed.errors[0].rule, "type");
  EXPECT_EQ(parsed.errors[1].value, "[1]");
  EXPECT_EQ(parsed.errors[2].value, "{\"b\":2}");
  EXPECT_EQ(parsed.errors[3].row, 2);
}

TEST_F(Rows, IdsEntitiesTimesAndPartial) {
  const Parsed parsed = Slow(
      R"({"times":["2018-07-15T00:00:01Z","2018-07-15T00:00:02+00:00"],"ids":["a\u00e9",7],"rows":[[1,2,3],[4,5,6]],"entities":["c",null],"partial":true})");
  ASSERT_TRUE(parsed.status.ok()) << parsed.status;
  EXPECT_THAT(parsed.ids, ElementsAre("a\xC3\xA9", "7"));
  EXPECT_THAT(parsed.entities, ElementsAre("c", ""));
  ASSERT_EQ(parsed.times.size(), 2u);
  EXPECT_EQ(parsed.times[1] - parsed.times[0], kSecondUs);
  EXPECT_TRUE(parsed.partial);
  const Parsed inside = Slow(R"({"rows":[{"amount":1,"hour":2,"na\"me":3},{"amount":1,"hour":2,"na\"me":3,"_id":"x","_entity":"e"}]})");
  ASSERT_TRUE(inside.status.ok()) << inside.status;
  EXPECT_THAT(inside.ids, ElementsAre("", "x"));
  EXPECT_THAT(inside.entities, ElementsAre("", "e"));
}

TEST_F(Rows, MalformedBodiesAreRefusedWithTheirPlace) {
  const struct {
    const char* body;
    ErrorCode code;
    const char* path;
  } kCases[] = {
      {"", ErrorCode::kMalformed, ""},
      {"  \n", ErrorCode::kMalformed, ""},
      {"{", ErrorCode::kMalformed, ""},
      {"[]", ErrorCode::kMalformed, ""},
      {"nul", ErrorCode::kMalformed, ""},
      {R"({"rows":[[1,2,3]]} x)", ErrorCode::kMalformed, ""},
      {R"({"rows":[[1,2,3]]}{})", ErrorCode::kMalformed, ""},
      {R"({"rows":[[1,2,03]]})", ErrorCode::kMalformed, ""},
      {R"({"rows":[[1,2,NaN]]})", ErrorCode::kMalformed, ""},
      {R"({"rows":[[1,2,3],]})", ErrorCode::kMalformed, ""},
      {"{\"rows\":[[1,2,\"\x80\"]]}", ErrorCode::kMalformed, ""},
      {R"({"rows":[[1,2,3]],"rows":[[1,2,3]]})", ErrorCode::kMalformed, "rows"},
      {R"({"rows":5})", ErrorCode::kInvalid, "rows"},
      {R"({"rows":[5]})", ErrorCode::kInvalid, "rows[0]"},
      {R"({"columns":["amount"],"rows":[[1]]})", ErrorCode::kInvalid, "columns"},
      {R"({"columns":[1],"data":[[1]]})", ErrorCode::kInvalid, "columns"},
      {R"({"rows":[[1,2,3]],"data":[[1,2,3]]})", ErrorCode::kInvalid, "rows"},
      {R"({"rows":[[1,2,3],[1,2]]})", ErrorCode::kSchemaViolation, "rows[1]"},
      {R"({"rows":[[1,2,3]],"ids":["a","b"]})", ErrorCode::kInvalid, "ids"},
      {R"({"rows":[[1,2,3]],"ids":[]})", ErrorCode::kInvalid, "ids"},
      {R"({"rows":[[1,2,3]],"ids":[[]]})", ErrorCode::kInvalid, "ids[0]"},
      {R"({"rows":[[1,2,3]],"times":["soon"]})", ErrorCode::kInvalid, "times[0]"},
      {R"({"rows":[[1,2,3]],"partial":1})", ErrorCode::kInvalid, "partial"},
      {R"({"rows":[{"amount":1,"hour":1,"na\"me":1,"_time":"x"}]})", ErrorCode::kInvalid, "row 0, _time"},
  };
  for (const auto& test : kCases) {
    const Parsed parsed = Slow(test.body);
    ASSERT_FALSE(parsed.status.ok()) << test.body;
    EXPECT_EQ(CodeOf(parsed.status), test.code) << test.body << parsed.status;
    EXPECT_EQ(PathOf(parsed.status), test.path) << test.body;
  }
}

TEST_F(Rows, DeepNestingNeedsNoStack) {
  const std::string deep = std::string(200'000, '[') + std::string(200'000, ']');
  EXPECT_FALSE(Slow(Concat("{\"rows\":", std::string(200'000, '['))).status.ok());
  const Parsed parsed = Slow(Concat(R"({"rows":[{"amount":1,"hour":2,"na\"me":3,"x":)", deep, "}]}"));
  EXPECT_TRUE(parsed.status.ok() || CodeOf(parsed.status) == ErrorCode::kMalformed);
}

// ---- the fixed-schema parser against the general one ----

std::string RandomNumber(Random& random) {
  switch (random.Below(8)) {
    case 0: return "null";
    case 1: return std::to_string(static_cast<int64_t>(random()));
    case 2: return NumberText(std::ldexp(random.Uniform(-1, 1), static_cast<int>(random.Below(600)) - 300));
    case 3: return Concat(random.Below(1000), "e", random.Below(400));
    case 4: return "-0";
    default: return NumberText(std::round(random.Uniform(0, 1e5)) / 1e3);
  }
}

std::string RandomBody(Random& random, const ColumnIndex& columns) {
  const auto blank = [&] { return random.Below(6) == 0 ? std::string(1 + random.Below(2), " \n\t\r"[random.Below(4)]) : std::string(); };
  const size_t rows = 1 + random.Below(3);
  const bool objects = random.Below(2) == 0;
  std::string body = Concat(blank(), "{", blank());
  const auto list = [&](std::string_view name, auto item) {
    std::string out = Concat("\"", name, "\"", blank(), ":", blank(), "[");
    for (size_t i = 0; i < rows; ++i) out += Concat(i ? "," : "", blank(), item(i), blank());
    return out + "]";
  };
  const auto row = [&](size_t) {
    std::string out(objects ? "{" : "[");
    for (size_t c = 0; c < columns.size(); ++c) {
      out += c ? "," : "";
      out += blank();
      if (objects) out += Concat(columns.keys()[c], blank(), ":", blank());
      out += RandomNumber(random) + blank();
    }
    return out + (objects ? "}" : "]");
  };
  if (!objects && random.Below(2) == 0) {
    body += "\"columns\":[";
    for (size_t c = 0; c < columns.size(); ++c) body += Concat(c ? "," : "", blank(), columns.keys()[c]);
    body += Concat("],", blank(), list("data", row));
  } else {
    body += list("rows", row);
  }
  if (random.Below(2) == 0) body += Concat(",", list("ids", [&](size_t i) { return Concat("\"tx-", i, "\""); }));
  if (random.Below(2) == 0) body += Concat(",", list("entities", [&](size_t i) { return Concat("\"c ", i, "\""); }));
  if (random.Below(2) == 0) body += Concat(",", list("times", [&](size_t i) { return Concat("\"2018-07-0", i + 1, "T00:00:00Z\""); }));
  return Concat(body, blank(), "}", blank());
}

void ExpectSame(const Parsed& fast, const Parsed& slow, const std::string& body) {
  ASSERT_TRUE(slow.status.ok()) << "only the fixed-schema parser accepts " << body << slow.status;
  ASSERT_EQ(fast.values.size(), slow.values.size()) << body;
  EXPECT_EQ(std::memcmp(fast.values.data(), slow.values.data(), fast.values.size() * sizeof(float)), 0) << body;
  EXPECT_EQ(fast.ids, slow.ids) << body;
  EXPECT_EQ(fast.entities, slow.entities) << body;
  EXPECT_EQ(fast.times, slow.times) << body;
  EXPECT_THAT(slow.absent, IsEmpty()) << body;
  EXPECT_THAT(slow.warnings, IsEmpty()) << body;
}

TEST_F(Rows, FixedSchemaParserAgreesWithTheGeneralOne) {
  Random random(11);
  int accepted = 0, broken_accepted = 0;
  RowBatch batch;
  for (int i = 0; i < 20'000; ++i) {
    std::string body = RandomBody(random, columns_);
    const bool broken = i % 2 == 1;
    if (broken) {  // one byte changed, dropped or doubled: both parsers must agree whenever the fast one still accepts
      const size_t at = random.Below(body.size());
      switch (random.Below(3)) {
        case 0: body[at] = "{}[]\",:0123456789.eE+- n"[random.Below(24)]; break;
        case 1: body.erase(at, 1); break;
        default: body.insert(at, 1, body[at]);
      }
    }
    if (!ParseFastRows(body, columns_, &batch)) {
      ASSERT_TRUE(broken) << body;
      continue;
    }
    ++(broken ? broken_accepted : accepted);
    ExpectSame(Keep(absl::OkStatus(), batch, {}), Slow(body), body);
  }
  EXPECT_EQ(accepted, 10'000);
  EXPECT_GT(broken_accepted, 1000);
}

TEST_F(Rows, FixedSchemaParserGivesUpOnAnythingElse) {
  RowBatch batch;
  for (const char* body : {"", "{}", "[]", R"({"rows":[]})", R"({"rows":[[1,2]]})", R"({"rows":[[1,2,true]]})", R"({"rows":[[1,2,3]]}x)",
                           R"({"rows":[[1,2,3]],"partial":true})", R"({"amount":1,"hour":2})", R"({"hour":1,"amount":2,"na\"me":3})",
                           R"({"rows":[[1,2,3]],"ids":["\u0041"]})", R"({"rows":[[1,2,3]],"ids":["a","b"]})", R"({"data":[[1,2,3]]})",
                           R"({"rows":[[1,2,3]],"times":["x"]})"}) {
    EXPECT_FALSE(ParseFastRows(body, columns_, &batch)) << body;
  }
}

TEST(FastRows, AModelWithAColumnCalledRowsIsLeftToTheGeneralParser) {
  const ColumnIndex columns({"rows", "ids"});
  RowBatch batch;
  EXPECT_FALSE(ParseFastRows(R"({"rows":1,"ids":2})", columns, &batch));
  JsonRows json;
  std::vector<uint32_t> absent;
  ASSERT_TRUE(json.Parse(R"({"rows":1,"ids":2})", columns, {}, &batch, &absent).ok());
  EXPECT_THAT(batch.values, ElementsAre(1, 2));
}

// ---- NDJSON, CSV ----

TEST_F(Rows, NdjsonMixesBothParsers) {
  const Parsed parsed = Lines(
      "{\"amount\":1,\"hour\":2,\"na\\\"me\":3}\r\n\n"
      "{\"hour\":5,\"_id\":\"first\",\"amount\":4}\n"
      "{\"amount\":7,\"hour\":8,\"na\\\"me\":9}\n"
      "{\"_id\":\"last\",\"_entity\":12,\"amount\":\"x\"}");
  ASSERT_TRUE(parsed.status.ok()) << parsed.status;
  EXPECT_THAT(parsed.values, ElementsAre(1, 2, 3, 4, 5, kMissing, 7, 8, 9, kMissing, kMissing, kMissing));
  EXPECT_THAT(parsed.ids, ElementsAre("", "first", "", "last"));
  EXPECT_THAT(parsed.entities, ElementsAre("", "", "", "12"));
  ASSERT_EQ(parsed.errors.size(), 1u);
  EXPECT_EQ(parsed.errors[0].row, 3);
}

TEST_F(Rows, NdjsonNamesTheBadLine) {
  EXPECT_EQ(PathOf(Lines("{\"amount\":1}\n{\"amount\":}\n").status), "line 2");
  EXPECT_EQ(PathOf(Lines("{\"amount\":1} {}\n").status), "line 1");
  EXPECT_EQ(PathOf(Lines("\n[1]\n").status), "line 2");
}

TEST_F(Rows, CsvWithQuotesAndSpecialColumns) {
  const Parsed parsed =
      Csv("\xEF\xBB\xBF_id,hour,\"na\"\"me\",amount,_time,extra\r\n\"a,\"\"b\"\"\n\",2,3,1,2018-07-15T00:00:00Z,z\r\n,,nan,4,2018-07-15,"
          "\r\n\r\n");
  ASSERT_TRUE(parsed.status.ok()) << parsed.status;
  EXPECT_THAT(parsed.values, ElementsAre(1, 2, 3, 4, kMissing, kMissing));
  EXPECT_THAT(parsed.ids, ElementsAre("a,\"b\"\n", ""));
  EXPECT_EQ(parsed.times.size(), 2u);
  EXPECT_EQ(parsed.warnings.size(), 1u);
  EXPECT_THAT(parsed.absent, IsEmpty());
}

TEST_F(Rows, CsvErrorsNameTheLine) {
  EXPECT_EQ(CodeOf(Csv("").status), ErrorCode::kMalformed);
  EXPECT_EQ(PathOf(Csv("amount,hour\n1,2\n1\n").status), "line 3");
  EXPECT_EQ(PathOf(Csv("amount\n\"1\n").status), "line 2");
  EXPECT_EQ(PathOf(Csv("amount\n\"1\"x\n").status), "line 2");
  EXPECT_THAT(Csv("amount,hour\n1,2\n").absent, ElementsAre(2u));
  EXPECT_THAT(Csv("amount,hour,\"na\"\"me\"\n1,2,oops\n").errors.at(0).value, "oops");
  EXPECT_EQ(PathOf(Csv("amount,_time\n1,yesterday\n").status), "row 0, _time");
}

// ---- MLflow ----

TEST_F(Rows, MlflowForms) {
  for (const char* body :
       {R"({"dataframe_split":{"index":[0,1],"columns":["hour","amount","na\"me"],"data":[[2,1,3],[5,4,6]]}})",
        R"({"dataframe_records":[{"amount":1,"hour":2,"na\"me":3},{"amount":4,"hour":5,"na\"me":6,"note":"x"}],"params":{"a":1}})",
        R"({"instances":[{"amount":1,"hour":2,"na\"me":3},{"amount":4,"hour":5,"na\"me":6}]})", R"({"instances":[[1,2,3],[4,5,6]]})",
        R"({"inputs":{"hour":[2,5],"amount":[1,4],"na\"me":[[3],[6]]}})", R"({"inputs":[[1,2,3],[4,5,6]]})"}) {
    const Parsed parsed = Mlflow(body);
    ASSERT_TRUE(parsed.status.ok()) << body << parsed.status;
    EXPECT_THAT(parsed.values, ElementsAre(1, 2, 3, 4, 5, 6)) << body;
    EXPECT_THAT(parsed.warnings, IsEmpty());
    EXPECT_THAT(parsed.absent, IsEmpty());
  }
}

TEST_F(Rows, MlflowRefusals) {
  for (const char* body : {"{", "", "[1]", R"({"foo":1})", R"({"instances":[1],"inputs":[1]})", R"({"dataframe_split":{"columns":["a"]}})",
                           R"({"dataframe_split":[]})", R"({"inputs":{"amount":[1],"hour":[1,2]}})", R"({"inputs":{"amount":1}})",
                           R"({"instances":[1]})", R"({"dataframe_split":{"data":[{"amount":1}]}})", R"({"inputs":{"amount":[[1,2]]}})"}) {
    const Parsed parsed = Mlflow(body);
    EXPECT_FALSE(parsed.status.ok()) << body;
    EXPECT_EQ(PlainHttpStatus(CodeOf(parsed.status)), 400) << body;
  }
}

TEST_F(Rows, SparseRowsOfAWideModelAreLimitedByCells) {
  std::vector<std::string> names;
  for (int i = 0; i < 4000; ++i) names.push_back(Concat("c", i));
  const ColumnIndex wide(names);
  const size_t rows_max = kCellsMax / names.size();
  std::string body = "{\"rows\":[{}";
  for (size_t i = 0; i < rows_max; ++i) body += ",{}";
  RowBatch batch;
  std::vector<uint32_t> absent;
  EXPECT_EQ(CodeOf(json_.Parse(body + "]}", wide, {}, &batch, &absent)), ErrorCode::kTooLarge);
  EXPECT_EQ(batch.rows, rows_max);
}

// ---- labels ----

TEST(Labels, EveryFormReadsAlike) {
  const auto check = [](const StatusOr<std::vector<Label>>& labels) {
    ASSERT_TRUE(labels.ok()) << labels.status();
    ASSERT_EQ(labels->size(), 2u);
    EXPECT_EQ((*labels)[0].prediction_id, "0000000000001");
    EXPECT_EQ((*labels)[0].value, 1);
    EXPECT_EQ((*labels)[0].observed_at, *ParseTime("2018-07-15T00:00:00Z"));
    EXPECT_EQ((*labels)[1].id, "tx-2");
    EXPECT_EQ((*labels)[1].value, 0.5);
    EXPECT_EQ((*labels)[1].observed_at, 0);
  };
  check(ParseJsonLabels(
      R"({"labels":[{"prediction_id":"0000000000001","label":true,"observed_at":"2018-07-15T00:00:00Z"},{"id":"tx-2","label":0.5}]})"));
  check(ParseNdjsonLabels(
      "{\"label\":1,\"prediction_id\":\"0000000000001\",\"observed_at\":\"2018-07-15T00:00:00Z\"}\n\n{\"id\":\"tx-2\",\"label\":5e-1}\n"));
  check(ParseCsvLabels("id,label,prediction_id,observed_at\n,1,0000000000001,2018-07-15T00:00:00Z\ntx-2,0.5,,\n"));
}

TEST(Labels, RefusalsNameThePlace) {
  EXPECT_EQ(PathOf(ParseJsonLabels(R"({"labels":[{"id":"a","label":1},{"label":1}]})").status()), "labels[1]");
  EXPECT_EQ(PathOf(ParseJsonLabels(R"({"labels":[{"id":"a"}]})").status()), "labels[0]");
  EXPECT_EQ(PathOf(ParseJsonLabels(R"({"labels":[{"id":"a","label":"x"}]})").status()), "labels[0]");
  EXPECT_EQ(PathOf(ParseJsonLabels(R"({"labels":[{"id":"a","label":1,"observed_at":"x"}]})").status()), "labels[0].observed_at");
  EXPECT_THAT(std::string(MessageOf(ParseJsonLabels(R"({"labels":[{"id":"a","labels":1}]})").status())),
              HasSubstr("did you mean \"label\""));
  EXPECT_EQ(PathOf(ParseJsonLabels(R"({"lables":[]})").status()), "lables");
  EXPECT_FALSE(ParseJsonLabels("{}").ok());
  EXPECT_FALSE(ParseJsonLabels(R"({"labels":[]}x)").ok());
  EXPECT_EQ(PathOf(ParseNdjsonLabels("{\"id\":\"a\",\"label\":1}\n[]\n").status()), "line 2");
  EXPECT_EQ(PathOf(ParseCsvLabels("id,label\na,1\nb,\n").status()), "line 3");
  EXPECT_EQ(PathOf(ParseCsvLabels("id,lable\na,1\n").status()), "line 1");
}

}  // namespace
}  // namespace vigil
