#include "frontends/graphql/http.h"

#include <gtest/gtest.h>

#include "frontends/errors.h"
#include "frontends/graphql/connection.h"
#include "frontends/graphql/ids.h"
#include "frontends/graphql/problems.h"
#include "frontends/graphql/shapes.h"

namespace vigil::graphql {
namespace {

TEST(GraphqlHttp, FormsByAccept) {
  const auto get = [](std::string_view accept) { return ChooseForm(accept, true); };
  const auto post = [](std::string_view accept) { return ChooseForm(accept, false); };
  EXPECT_EQ(post(""), Form::kJson);
  EXPECT_EQ(post("*/*"), Form::kJson);
  EXPECT_EQ(post("application/*"), Form::kJson);
  EXPECT_EQ(post("application/json"), Form::kJson);
  EXPECT_EQ(post("application/graphql-response+json"), Form::kResponse);
  EXPECT_EQ(post("application/graphql-response+json; charset=utf-8, application/json; charset=utf-8"), Form::kResponse);
  EXPECT_EQ(post("application/graphql-response+json;q=0.5, application/json"), Form::kJson);
  EXPECT_EQ(post("text/event-stream"), Form::kEvents);
  EXPECT_EQ(post("text/event-stream;q=0.1, application/json"), Form::kJson);
  EXPECT_EQ(post("text/html"), Form::kNone);
  EXPECT_EQ(post("image/png"), Form::kNone);
  EXPECT_EQ(get("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), Form::kPage);
  EXPECT_EQ(get("application/json, text/html;q=0.5"), Form::kJson);
  EXPECT_EQ(get("application/graphql-response+json, text/html;q=0.5"), Form::kResponse);
}

TEST(GraphqlHttp, BodiesAndQueries) {
  const StatusOr<Asked> asked = ReadBody(R"({"query":"{a}","operationName":null,"variables":{"x":[1]},"extensions":{}})");
  ASSERT_TRUE(asked.ok()) << asked.status();
  EXPECT_EQ(asked->query, "{a}");
  EXPECT_EQ(asked->operation_name, "");
  EXPECT_EQ(asked->variables, (Json{{"x", {1}}}));
  const StatusOr<Asked> get = ReadQueryString("query=%7Ba%7D&operationName=A&variables=%7B%22x%22%3A1%7D");
  ASSERT_TRUE(get.ok()) << get.status();
  EXPECT_EQ(get->query, "{a}");
  EXPECT_EQ(get->operation_name, "A");
  EXPECT_EQ(get->variables, (Json{{"x", 1}}));
}

TEST(GraphqlHttp, RefusalsNameTheParameter) {
  const auto refused = [](std::string_view body, std::string_view where) {
    const StatusOr<Asked> asked = ReadBody(body);
    ASSERT_FALSE(asked.ok()) << body;
    EXPECT_EQ(ErrorInfo(CodeOf(asked.status())).http, 400) << body;
    EXPECT_EQ(PathOf(asked.status()), where) << body;
  };
  refused("", "");
  refused("{", "");
  refused("1", "");
  refused(R"([{"query":"{a}"}])", "body");
  refused("{}", "query");
  refused(R"({"query":1})", "query");
  refused(R"({"query":"{a}","operationName":1})", "operationName");
  refused(R"({"query":"{a}","variables":[]})", "variables");
  refused(R"({"query":"{a}","extensions":"x"})", "extensions");
  EXPECT_EQ(PathOf(ReadQueryString("query=a&variables=%7B").status()), "variables");
  EXPECT_EQ(PathOf(ReadQueryString("").status()), "query");
}

TEST(GraphqlHttp, ContentTypesThatAForeignPageMaySend) {
  EXPECT_TRUE(CheckContentType("application/json").ok());
  EXPECT_TRUE(CheckContentType("Application/JSON; charset=\"UTF-8\"").ok());
  for (const char* type :
       {"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json; charset=latin1"}) {
    EXPECT_EQ(CodeOf(CheckContentType(type)), ErrorCode::kUnsupportedMediaType) << type;
  }
}

TEST(GraphqlHttp, Events) { EXPECT_EQ(EventsOf(R"({"data":null})"), "event: next\ndata: {\"data\":null}\n\nevent: complete\ndata:\n\n"); }

TEST(GraphqlIds, RoundTrip) {
  for (const std::string name : {"a", "a/b", "\"", "ä", ""}) {
    const StatusOr<GlobalId> id = ReadId(MakeId("Version", {name, "3"}));
    ASSERT_TRUE(id.ok()) << id.status();
    EXPECT_EQ(id->type, "Version");
    EXPECT_EQ(id->parts, (std::vector<std::string>{name, "3"}));
  }
  for (const std::string key : {"1", "12", "123", "a/b?"}) {
    const StatusOr<std::string> read = ReadCursor(MakeCursor(key), "after");
    ASSERT_TRUE(read.ok());
    EXPECT_EQ(*read, key);
  }
}

TEST(GraphqlIds, RefuseWhatWasNeverGiven) {
  for (const char* id : {"", "!", "a", "AA", "W10", "WyJhIl0", "eyJhIjoxfQ"}) EXPECT_FALSE(ReadId(id).ok()) << id;
  EXPECT_FALSE(ReadId(MakeCursor("[1,2]")).ok());
  EXPECT_FALSE(ReadId(std::string(2 * kOpaqueBytesMax, 'A')).ok());
  for (const char* cursor : {"", "=", "A", "AB"}) EXPECT_EQ(PathOf(ReadCursor(cursor, "after").status()), "after") << cursor;
}

TEST(GraphqlShapes, Names) {
  EXPECT_EQ(Camel("duration_min_s"), "durationMinS");
  EXPECT_EQ(Camel("_a_"), "A_");
  EXPECT_EQ(Snake("expectedEpoch"), "expected_epoch");
  EXPECT_EQ(EnumName("not_ready"), "NOT_READY");
  EXPECT_EQ(EnumWord("NOT_READY"), "not_ready");
}

TEST(GraphqlShapes, SeriesAreCutWhereTheyChange) {
  Finding a;
  a.version = "1";
  a.metric = "psi";
  a.column = "amount";
  a.value = 0.5;
  Finding b = a;
  b.column = "hour";
  b.value = std::numeric_limits<double>::infinity();
  const Json list = SeriesList({a, a, b});
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0]["column"], "amount");
  EXPECT_EQ(list[0]["points"].size(), 2u);
  EXPECT_EQ(list[0]["points"][0]["value"], 0.5);
  EXPECT_TRUE(list[1]["points"][0]["value"].is_null());
  EXPECT_EQ(SeriesList({}), Json::array());
}

TEST(GraphqlProblems, ADocumentAndBack) {
  const RowError row{3, "amount", "-1", "minimum 0"};
  const Status given = Failure(ErrorCode::kSchemaViolation, "rows were refused", "rows[3]");
  const Status status = ProblemStatus(ProblemBody(given, "id", {{&row, 1}, 7}));
  EXPECT_EQ(CodeOf(status), ErrorCode::kSchemaViolation);
  EXPECT_EQ(status.message(), "rows were refused");
  const Json extensions = ProblemExtensions(status);
  EXPECT_EQ(extensions["code"], "schema_violation");
  EXPECT_EQ(extensions["path"], "rows[3]");
  EXPECT_EQ(extensions["errorCount"], 7);
  EXPECT_EQ(extensions["errors"][0]["column"], "amount");
  EXPECT_EQ(CodeOf(ProblemStatus("no JSON")), ErrorCode::kInternal);
  EXPECT_EQ(ProblemExtensions(absl::NotFoundError("no model \"a\" (did you mean \"b\"?)"))["nearest"], "b");
}

}  // namespace
}  // namespace vigil::graphql
