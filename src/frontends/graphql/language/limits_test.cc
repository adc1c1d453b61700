// Documents that want too much are refused, each by its limit, and at once.
#include "frontends/graphql/language/limits.h"

#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "frontends/graphql/language/execute.h"
#include "frontends/words.h"

namespace vigil::graphql {
namespace {

std::string Repeat(std::string_view text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out.append(text);
  return out;
}

class GraphqlLimits : public testing::Test {
 protected:
  std::string Refusal(const std::string& query, const Limits& limits = {}) {
    const auto begin = std::chrono::steady_clock::now();
    const Prepared prepared = Prepare(*schema_, query, limits);
    const Response response = prepared.document == nullptr ? Response() : Execute(resolvers_, *prepared.document, {});
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
    const std::vector<Error>& errors = prepared.document == nullptr ? prepared.errors : response.errors;
    return errors.empty() ? "" : Concat(errors.back().message, " ", errors.back().extensions.value("code", ""));
  }

  std::unique_ptr<const Schema> schema_ = *Schema::FromSdl(
      "type Query { a(x: Int): Query name: String items(first: Int): [Query!] page(first: Int): Page } type Page { edges: [Edge!] } type "
      "Edge { node: Query }");
  Resolvers resolvers_{*schema_};
};

TEST_F(GraphqlLimits, EachIsNamed) {
  EXPECT_THAT(Refusal(Repeat("{a", 100'000)), testing::HasSubstr("nests deeper than 100 levels. LIMIT_EXCEEDED"));
  EXPECT_THAT(Refusal(Concat("{", Repeat(" name", 6'000), "}")), testing::HasSubstr("more than 5000 tokens. LIMIT_EXCEEDED"));
  EXPECT_THAT(Refusal(Concat("{ name(x: ", Repeat("[", 200), ")}")), testing::HasSubstr("nests deeper"));
  EXPECT_THAT(Refusal(Repeat(" ", 300'000)), testing::HasSubstr("more than 262144 bytes"));
  EXPECT_THAT(Refusal(Concat(Repeat("{ a ", 15), "{ name }", Repeat("}", 15))), testing::HasSubstr("16 levels of fields; at most 15"));
  EXPECT_EQ(Refusal(Concat(Repeat("{ a ", 14), "{ name }", Repeat("}", 14))), "");
  EXPECT_THAT(Refusal(Concat("{", Repeat(" b: name", 31), "}")), testing::HasSubstr("31 aliases; at most 30"));
  EXPECT_THAT(Refusal(Concat("{ name ", Repeat("@include(if: true) ", 51), "}")), testing::HasSubstr("51 directives; at most 50"));
  EXPECT_THAT(Refusal("{ items(first: 100) { items(first: 100) { name } } }"), testing::HasSubstr("may cost 10101; at most 10000"));
  EXPECT_THAT(Refusal("{ page(first: 20000) { edges { node { name } } } }"), testing::HasSubstr("may cost 40002"));
  EXPECT_EQ(Refusal("{ page(first: 50) { edges { node { items(first: 9) { name } } } } }"), "");
}

TEST_F(GraphqlLimits, FragmentsThatMultiplyAreMeasuredNotWalked) {
  std::string document = "{ ...F0 } fragment F60 on Query { name }";
  for (int i = 0; i < 60; ++i) document += Concat(" fragment F", i, " on Query { ...F", i + 1, " ...F", i + 1, " }");
  EXPECT_THAT(Refusal(document), testing::HasSubstr("far too many selections"));
}

TEST_F(GraphqlLimits, IntrospectionInCirclesIsRefused) {
  EXPECT_THAT(Refusal(Concat("{ __schema { types ", Repeat("{ fields { type ", 60), "{ name }", Repeat(" } }", 60), " } }")),
              testing::HasSubstr("LIMIT_EXCEEDED"));
  EXPECT_THAT(Refusal(Concat("{ __schema { types ", Repeat("{ fields { type ", 3), "{ name }", Repeat(" } }", 3), " } }")),
              testing::HasSubstr("Maximum introspection depth exceeded"));
}

TEST_F(GraphqlLimits, MergingAndErrorsAreBounded) {
  Limits limits;
  limits.fields_max = limits.aliases_max = 100'000;
  EXPECT_THAT(Refusal(Concat("{", Repeat(" a(x: 1) { name }", 450), "}"), limits),
              testing::HasSubstr("Validation aborted. LIMIT_EXCEEDED"));
  std::string unknown = "{";
  for (int i = 0; i < 200; ++i) unknown += Concat(" zzz", i);
  EXPECT_THAT(Refusal(unknown + "}", limits), testing::HasSubstr("error limit reached"));
}

}  // namespace
}  // namespace vigil::graphql
