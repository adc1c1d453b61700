#include "frontends/graphql/language/execute.h"

#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "frontends/errors.h"

namespace vigil::graphql {
namespace {

struct Model {
  std::string name;
};

// Models are objects of the program's own, their owner is JSON.
class GraphqlExecute : public testing::Test {
 protected:
  GraphqlExecute() {
    resolvers_
        .Field("Query.model",
               [this](const FieldCall& call) -> StatusOr<Value> {
                 asked_for_owner_ = call.Selects("owner");
                 const auto name = call.Argument("name")->get<std::string>();
                 if (name == "none") return Failure(ErrorCode::kNotFound, "no model \"none\"", "name");
                 return Value::Object(std::make_shared<const Model>(Model{name}));
               })
        .Field("Query.at", [](const FieldCall& call) -> StatusOr<Value> { return Value(Json(call.Argument("time")->get<int>() + 1)); })
        .Field("Model.name", [](const FieldCall& call) -> StatusOr<Value> { return Value(Json(call.Parent<Model>()->name)); })
        .Field("Model.owner",
               [](const FieldCall&) -> StatusOr<Value> {
                 return Value(Json({{"name", "ann"}}));
               })
        .Field("Mutation.add", [](const FieldCall& call) -> StatusOr<Value> { return Value(Json(++call.Context<int>())); })
        .Scalar("Time", {[](const Json& json) -> StatusOr<Json> {
                           if (!json.is_string()) return absl::InvalidArgumentError("a time is a text");
                           return Json(json.get<std::string>().size());
                         },
                         [](const Json& json) -> StatusOr<Json> { return Json("t" + std::to_string(json.get<int>())); }})
        .Opaque("Model");
  }

  std::string Run(const std::string& query, const Json& variables = nullptr, ExecuteOptions options = {}) {
    const Prepared prepared = Prepare(*schema_, query);
    if (prepared.document == nullptr) return ErrorsText(prepared.errors);
    options.variables = &variables;
    options.context = &counter_;
    return Execute(resolvers_, *prepared.document, options).Text();
  }

  std::unique_ptr<const Schema> schema_ = *Schema::FromSdl(
      "scalar Time type Owner { name: String! mail: String! } type Model { name: String! owner: Owner }"
      "type Query { model(name: String!): Model at(time: Time = \"abc\"): Time } type Mutation { add: Int! } type Subscription { tick(n: "
      "Int = 2): Int! }");
  Resolvers resolvers_{*schema_};
  int counter_ = 0;
  bool asked_for_owner_ = false;
};

TEST_F(GraphqlExecute, AnswersInTheOrderOfTheDocument) {
  ASSERT_TRUE(resolvers_.Check().ok());
  EXPECT_EQ(Run("{ b: model(name: \"x\") { name owner { name } __typename } at }"),
            R"({"data":{"b":{"name":"x","owner":{"name":"ann"},"__typename":"Model"},"at":"t4"}})");
  EXPECT_TRUE(asked_for_owner_);
  Run("{ model(name: \"x\") { name ... on Model @skip(if: true) { owner { name } } } }");
  EXPECT_FALSE(asked_for_owner_);
}

TEST_F(GraphqlExecute, NullGoesUpToWhatMayBeNull) {
  EXPECT_EQ(Run("{ model(name: \"x\") { owner { name mail } } }"),
            R"({"errors":[{"message":"Cannot return null for non-nullable field Owner.mail.","locations":[{"line":1,"column":35}],)"
            R"("path":["model","owner","mail"],"extensions":{"code":"INTERNAL_SERVER_ERROR"}}],"data":{"model":{"owner":null}}})");
}

TEST_F(GraphqlExecute, AResolversFailureKeepsItsCode) {
  EXPECT_EQ(Run("{ model(name: \"none\") { name } }"),
            R"({"errors":[{"message":"no model \"none\"","locations":[{"line":1,"column":3}],"path":["model"],)"
            R"("extensions":{"code":"not_found","path":"name"}}],"data":{"model":null}})");
}

TEST_F(GraphqlExecute, CustomScalarsAreParsedAndWritten) {
  EXPECT_EQ(Run("{ at(time: \"12\") }"), R"({"data":{"at":"t3"}})");
  EXPECT_THAT(Run("{ at(time: 12) }"), testing::HasSubstr("has invalid value 12: a time is a text"));
  EXPECT_THAT(Run("query ($t: Time) { at(time: $t) }", {{"t", 3}}), testing::HasSubstr("a time is a text"));
}

TEST_F(GraphqlExecute, VariablesThatDoNotFitAreNotExecuted) {
  EXPECT_EQ(Run("query ($n: String!) { model(name: $n) { name } }"),
            R"({"errors":[{"message":"Variable \"$n\" of required type \"String!\" was not provided.","locations":[{"line":1,"column":8}],)"
            R"("extensions":{"code":"BAD_USER_INPUT"}}]})");
}

TEST_F(GraphqlExecute, MutationsRunInOrderAndDeadlinesEnd) {
  EXPECT_EQ(Run("mutation { a: add b: add }"), R"({"data":{"a":1,"b":2}})");
  ExecuteOptions options;
  options.proceed = [this] { return counter_ < 3 ? absl::OkStatus() : absl::DeadlineExceededError("too late"); };
  EXPECT_THAT(Run("mutation { a: add b: add }", nullptr, options),
              testing::AllOf(testing::HasSubstr("too late"), testing::EndsWith("\"data\":null}")));
}

TEST_F(GraphqlExecute, ASubscriptionAnswersEachEvent) {
  const Prepared prepared = Prepare(*schema_, "subscription { t: tick }");
  const Subscribed subscribed = Subscribe(resolvers_, prepared.document, {});
  ASSERT_TRUE(subscribed.subscription.has_value());
  EXPECT_EQ(subscribed.subscription->field(), "tick");
  EXPECT_EQ(subscribed.subscription->arguments(), Json({{"n", 2}}));
  EXPECT_EQ(subscribed.subscription->Next(Json({{"tick", 5}}), {}).Text(), R"({"data":{"t":5}})");
}

TEST_F(GraphqlExecute, MistakesInRegisteringAreTold) {
  const auto nothing = [](const FieldCall&) -> StatusOr<Value> { return Value(); };
  EXPECT_THAT(std::string(Resolvers(*schema_).Field("Query.modle", nothing).Check().message()),
              testing::HasSubstr("Did you mean \"model\"?"));
  EXPECT_THAT(std::string(Resolvers(*schema_).Opaque("Owner").Check().message()), testing::HasSubstr("\"Owner.name\" has none"));
}

}  // namespace
}  // namespace vigil::graphql
