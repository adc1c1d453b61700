// Schemas and documents: what is accepted, and what errors say. tests/integration/test_graphql_reference.py compares all of it with npm
// graphql.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "frontends/graphql/language/execute.h"
#include "frontends/words.h"

namespace vigil::graphql {
namespace {

constexpr char kSdl[] =
    "type Query { model(name: String!): Model models(first: Int): [Model!]! } type Model { name: String! versions: [Int!] }";

std::string First(const std::string& query, Limits limits = {}) {
  const auto schema = Schema::FromSdl(kSdl);
  const Prepared prepared = Prepare(**schema, query, limits);
  if (prepared.document != nullptr) return "";
  const Error& error = prepared.errors.front();
  return Concat(error.message, " @", error.locations.front().line, ":", error.locations.front().column);
}
std::string Refused(const std::string& sdl) {
  const auto schema = Schema::FromSdl(sdl);
  return schema.ok() ? "" : std::string(MessageOf(schema.status()));
}

TEST(GraphqlDocument, ErrorsAreGraphqlJs) {
  EXPECT_EQ(First("{ models { name } }"), "");
  EXPECT_EQ(First("{ models { name }"), "Syntax Error: Expected Name, found <EOF>. @1:18");
  EXPECT_EQ(First("{\n  models { nme } }"), "Cannot query field \"nme\" on type \"Model\". Did you mean \"name\"? @2:12");
  EXPECT_EQ(First("{ model { name } }"),
            "Field \"model\" argument \"name\" of type \"String!\" is required, but it was not provided. @1:3");
  EXPECT_EQ(First("{ model(name: 3) { name } }"), "String cannot represent a non string value: 3 @1:15");
  EXPECT_EQ(First("query ($n: String) { model(name: $n) { name } }"),
            "Variable \"$n\" of type \"String\" used in position expecting type \"String!\". @1:8");
  EXPECT_EQ(
      First("{ models { x: name x: versions } }"),
      "Fields \"x\" conflict because \"name\" and \"versions\" are different fields. Use different aliases on the fields to fetch both if "
      "this was intentional. @1:12");
}

// Found by fuzzing: forms of argument values are kept while others are made.
TEST(GraphqlDocument, ManyArgumentsAreCompared) {
  std::string query = "{";
  for (int i = 0; i < 60; ++i) query += " a: model(name: \"x\") { name }";
  EXPECT_THAT(First(query + "}"), testing::HasSubstr("60 aliases"));
  Limits limits;
  limits.aliases_max = 100;
  EXPECT_EQ(First(query + "}", limits), "");
}

TEST(GraphqlDocument, ColumnsCountUtf16) {
  EXPECT_EQ(First("{ model(name: \"\xF0\x9F\x98\x80\") { x } }"), "Cannot query field \"x\" on type \"Model\". @1:23");
}

TEST(GraphqlDocument, SuggestionsCanBeSwitchedOff) {
  Limits limits;
  limits.suggestions = false;
  EXPECT_EQ(First("{ models { nme } }", limits), "Cannot query field \"nme\" on type \"Model\". @1:12");
}

TEST(GraphqlDocument, KnowsItsOperations) {
  const auto schema = Schema::FromSdl(Concat(kSdl, " type Mutation { go: Int }"));
  const Prepared prepared = Prepare(**schema, "query A { models { name } } mutation B { go }");
  ASSERT_NE(prepared.document, nullptr);
  EXPECT_EQ(prepared.document->KindOf("A"), OperationKind::kQuery);
  EXPECT_EQ(prepared.document->KindOf("B"), OperationKind::kMutation);
  EXPECT_EQ(prepared.document->KindOf(""), std::nullopt);
}

TEST(GraphqlSchema, NamesWhatIsWrongAndWhere) {
  EXPECT_THAT(Refused("type Query {"), testing::HasSubstr("line 1, column 13: Syntax Error: Expected Name, found <EOF>."));
  EXPECT_THAT(Refused("type Query { a: Strin }"),
              testing::HasSubstr("line 1, column 17: Unknown type \"Strin\". Did you mean \"String\"?"));
  EXPECT_THAT(Refused("type A { a: Int }"), testing::HasSubstr("Query root type must be provided."));
  EXPECT_THAT(Refused("interface I { a: Int } type Query implements I { b: Int }"),
              testing::HasSubstr("Interface field I.a expected but Query does not provide it."));
  EXPECT_THAT(Refused("type Query { a(b: Int = \"x\"): Int }"),
              testing::HasSubstr("The default of \"b\" is no value of type \"Int\": \"x\"."));
  EXPECT_THAT(Refused("input A { a: A! } type Query { a(b: A): Int }"), testing::HasSubstr("through a series of non-null fields: \"a\""));
  EXPECT_THAT(Refused("input A { a: A = {} } type Query { a(b: A): Int }"), testing::HasSubstr("which need it"));
  EXPECT_THAT(Refused("type Query { a: Int a: Int }"), testing::HasSubstr("Field \"Query.a\" can only be defined once."));
  EXPECT_THAT(Refused("extend type Quer { a: Int } type Query { a: Int }"), testing::HasSubstr("Did you mean \"Query\"?"));
  EXPECT_EQ(Refused("type Query { a: Int } extend type Query { b: String @deprecated }"), "");
}

}  // namespace
}  // namespace vigil::graphql
