// The whole of /graphql over fakes of the control plane and of the models.
#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <string>
#include <thread>
#include <vector>

#include "frontends/graphql/api.h"
#include "frontends/graphql/ids.h"
#include "frontends/graphql/subscriptions.h"
#include "frontends/testing/rest_fixture.h"

namespace vigil {
namespace {

using testing::FakeAnswer;
using testing::Headers;

class GraphqlTest : public testing::RestFixture {
 protected:
  ~GraphqlTest() override { shared_.StopWorkers(); }

  // Runs the loop until the answer is there: a mutation's prediction comes to it in between.
  FakeAnswer Ask(net::Method method, std::string target, std::string body, Headers headers) {
    auto* answer = &answers_.emplace_back();
    bodies_.push_back({std::move(target), std::move(body), std::move(headers)});
    const Request& kept = bodies_.back();
    net::HttpRequest request;
    request.method = method;
    request.target = kept.target;
    request.path = request.target.substr(0, request.target.find('?'));
    request.query =
        request.target.find('?') == std::string_view::npos ? std::string_view() : request.target.substr(request.path.size() + 1);
    for (const auto& [name, value] : kept.headers) request.headers.push_back({name, value});
    request.body = kept.body;
    testing::FakeExchange exchange(answer);
    handler_->OnRequest(request, exchange);
    while (answer->count == 0 && loop_.RunOne()) {
    }
    EXPECT_EQ(answer->count, 1);
    EXPECT_FALSE(answer->header("X-Request-Id").empty());
    last_ = answer;
    return *answer;
  }
  FakeAnswer Post(const Json& body, std::string accept = "application/graphql-response+json", Headers headers = {}) {
    headers.emplace_back("Content-Type", "application/json");
    headers.emplace_back("Accept", std::move(accept));
    return Ask(net::Method::kPost, "/graphql", DumpJson(body), std::move(headers));
  }
  // The data of a document that must not fail.
  Json Data(const std::string& document, const Json& variables = nullptr) {
    const FakeAnswer answer = Post({{"query", document}, {"variables", variables}});
    EXPECT_EQ(answer.status, 200) << answer.body;
    const Json body = Body(answer);
    EXPECT_FALSE(body.contains("errors")) << answer.body;
    return body.value("data", Json());
  }
  // The first error of a document.
  Json FailureOf(const std::string& document, const Json& variables = nullptr) {
    const Json body = Body(Post({{"query", document}, {"variables", variables}}));
    EXPECT_TRUE(body.contains("errors")) << body;
    return body.contains("errors") ? body["errors"][0] : Json::object();
  }

  struct Request {
    std::string target, body;
    Headers headers;
  };
  std::deque<FakeAnswer> answers_;
  std::deque<Request> bodies_;
  FakeAnswer* last_ = nullptr;
};

TEST(GraphqlApi, EveryFieldFits) {
  const auto api = graphql::Api::Make();
  ASSERT_TRUE(api.ok()) << api.status();
}

TEST_F(GraphqlTest, ReadsModelsAndTheirVersions) {
  operations_.model.roles[Role::kChampion] = {"3", 7, 1'000'000, "me", "better"};
  operations_.version.facts.metrics["average_precision"] = 0.5;
  const Json data = Data(R"({ models { totalCount nodes { id name ready champion { version state metrics { name value } }
      roles { role epoch by assigned { version } } versions { edges { cursor node { version model { name } } } } } } })");
  const Json& model = data["models"]["nodes"][0];
  EXPECT_EQ(model["name"], "fraud");
  EXPECT_EQ(model["champion"]["version"], "3");
  EXPECT_EQ(model["champion"]["state"], "REGISTERED");
  EXPECT_EQ(model["champion"]["metrics"][0]["value"], 0.5);
  EXPECT_EQ(model["roles"][0]["role"], "CHAMPION");
  EXPECT_EQ(model["roles"][0]["epoch"], 7);
  EXPECT_EQ(model["roles"][0]["assigned"]["version"], "3");
  EXPECT_EQ(model["versions"]["edges"][0]["node"]["model"]["name"], "fraud");
  EXPECT_TRUE(Data("{ model(name: \"fruad\") { name } }")["model"].is_null());
}

TEST_F(GraphqlTest, NodesAreFoundByTheirIds) {
  operations_.rollout.model = "fraud";
  const Json ids = Data(
      "{ model(name: \"fraud\") { id version(version: \"3\") { id } } alerts { nodes { id alertId state labels { name } } } "
      "jobs { nodes { id } } timeline { nodes { id } } }");
  std::vector<std::string> wanted{ids["model"]["id"],
                                  ids["model"]["version"]["id"],
                                  ids["alerts"]["nodes"][0]["id"],
                                  ids["jobs"]["nodes"][0]["id"],
                                  ids["timeline"]["nodes"][0]["id"],
                                  graphql::MakeId("Rollout", {"fraud", "r1"}),
                                  graphql::MakeId("Job", {"gone"})};
  const Json nodes = Data("query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }", Json{{"ids", wanted}})["nodes"];
  const char* types[] = {"Model", "Version", "Alert", "Job", "TimelineEvent", "Rollout"};
  for (size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(nodes[i]["__typename"], types[i]);
    EXPECT_EQ(nodes[i]["id"], wanted[i]);
  }
  EXPECT_TRUE(nodes[6].is_null());
  EXPECT_EQ(FailureOf("{ node(id: \"x\") { id } }")["extensions"]["code"], "invalid");
}

TEST_F(GraphqlTest, TheTimelineIsPagedByCursor) {
  const Json first =
      Data("{ timeline(first: 2) { nodes { sequence kind } pageInfo { hasNextPage hasPreviousPage endCursor } } }")["timeline"];
  EXPECT_EQ(first["nodes"][0]["sequence"], 5);
  EXPECT_EQ(first["pageInfo"]["hasNextPage"], true);
  EXPECT_EQ(first["pageInfo"]["hasPreviousPage"], false);
  const Json rest =
      Data("query($after: String) { timeline(first: 10, after: $after) { edges { node { sequence } } pageInfo { hasNextPage } } }",
           {{"after", first["pageInfo"]["endCursor"]}})["timeline"];
  ASSERT_EQ(rest["edges"].size(), 3u);
  EXPECT_EQ(rest["edges"][0]["node"]["sequence"], 3);
  EXPECT_EQ(rest["pageInfo"]["hasNextPage"], false);
  EXPECT_EQ(FailureOf("{ timeline(after: \"!\") { nodes { kind } } }")["extensions"]["path"], "after");
  EXPECT_EQ(FailureOf("{ timeline(first: 0) { nodes { kind } } }")["extensions"]["path"], "first");
}

TEST_F(GraphqlTest, MonitoringAsksAsRestDoes) {
  Finding finding;
  finding.version = "3";
  finding.metric = "psi";
  finding.column = "amount";
  finding.value = 0.25;
  operations_.findings = {finding};
  const Json series =
      Data(R"({ model(name: "fraud") { monitoring(kind: DRIFT, window: DAY, from: "2026-01-01T00:00:00Z", column: "amount", points: 7) {
      metric column points { value n significant pValue } } } })")["model"]["monitoring"];
  EXPECT_EQ(series[0]["metric"], "psi");
  EXPECT_EQ(series[0]["points"][0]["value"], 0.25);
  EXPECT_EQ(operations_.series.kind, "drift");
  EXPECT_EQ(operations_.series.window, Window::kDay);
  EXPECT_EQ(operations_.series.column, "amount");
  EXPECT_EQ(operations_.series.points_max, 7u);
  EXPECT_EQ(operations_.series.from, 1'767'225'600'000'000);
  EXPECT_EQ(FailureOf("{ model(name: \"fraud\") { monitoring(kind: DRIFT, points: 0) { metric } } }")["extensions"]["path"], "points");
}

TEST_F(GraphqlTest, PredictsLikeRest) {
  const std::string document =
      "mutation($input: PredictInput!) { predict(input: $input) { model version predictions predictionIds warnings errors { row rule } "
      "errorCount } }";
  const Json answer = Data(document, {{"input",
                                       {{"model", "fraud"},
                                        {"rows", {{{"amount", 1.5}, {"hour", 2}}, {{"amount", 3}, {"hour", 4}}}},
                                        {"ids", {"a", "b"}},
                                        {"entities", {"x", "y"}},
                                        {"times", {"2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"}}}}})["predict"];
  EXPECT_EQ(answer["version"], "3");
  EXPECT_EQ(answer["predictions"], (Json{33.5, 37}));
  EXPECT_EQ(answer["predictionIds"].size(), 2u);
  EXPECT_EQ(answer["errorCount"], 0);
  EXPECT_EQ(predict_->last_ids, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(predict_->last_entities, (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(predict_->last_times[1] - predict_->last_times[0], kDayUs);
  EXPECT_EQ(predict_->last_context.shard, 0u);
  EXPECT_EQ(shared_.statistics->SumOf("fraud").rows, 2);
  const std::string metrics = metrics_.Expose(ExpositionFormat::kPrometheusText);
  EXPECT_NE(metrics.find("vigil_predictions_total{model=\"fraud\",version=\"3\"} 2"), std::string::npos) << metrics;
  EXPECT_NE(metrics.find("vigil_requests_total{dialect=\"graphql\",code=\"200\"} 1"), std::string::npos) << metrics;
  EXPECT_EQ(metrics.find("dialect=\"vigil\",code="), std::string::npos) << "a prediction within a request is no request of its own";
}

TEST_F(GraphqlTest, PredictionsThatAnswerLater) {
  predict_->later = true;
  EXPECT_EQ(
      Data("mutation { predict(input: {model: \"fraud\", version: \"1\", rows: [[1, 2]]}) { version predictions } }")["predict"]
                                                                                                                     ["predictions"][0],
      13);
}

TEST_F(GraphqlTest, PredictionsWaitForTheirModel) {
  predict_->AddOnDemand();
  EXPECT_EQ(
      Data("mutation { predict(input: {model: \"lazy\", rows: [{amount: 1, hour: 2}]}) { predictions } }")["predict"]["predictions"][0],
      13);
  EXPECT_EQ(predict_->loads, 1);
}

TEST_F(GraphqlTest, SeveralPredictionsInTheirOrder) {
  const Json data = Data(
      "mutation { a: predict(input: {model: \"fraud\", rows: [[1, 2]]}) { predictions } "
      "b: predict(input: {model: \"iris\", rows: [[1, 2, 3, 4]]}) { predictions } }");
  EXPECT_EQ(data["a"]["predictions"][0], 33);
  EXPECT_EQ(data["b"]["predictions"][0], (Json{20, 21, 22}));
}

TEST_F(GraphqlTest, RefusedRowsAreNamed) {
  const Json error = FailureOf("mutation { predict(input: {model: \"fraud\", rows: [{amount: \"many\", hour: 2}]}) { predictions } }");
  EXPECT_EQ(error["extensions"]["code"], "schema_violation");
  EXPECT_EQ(error["extensions"]["errors"][0]["column"], "amount");
  EXPECT_EQ(error["path"], Json{"predict"});
  const Json partial = Data(
      "mutation { predict(input: {model: \"fraud\", partial: true, rows: [[\"many\", 2], [1, 2]]}) "
      "{ predictions errors { row column rule } errorCount } }")["predict"];
  EXPECT_EQ(partial["predictions"], (Json{nullptr, 33}));
  EXPECT_EQ(partial["errors"][0]["row"], 0);
  EXPECT_EQ(partial["errorCount"], 1);
  EXPECT_EQ(FailureOf("mutation { predict(input: {model: \"fruad\", rows: [[1, 2]]}) { version } }")["extensions"]["nearest"], "fraud");
  EXPECT_EQ(
      FailureOf("mutation { predict(input: {model: \"fraud\", version: \"1\", label: \"a\", rows: [[1, 2]]}) { version } }")["extensions"]
                                                                                                                            ["code"],
      "invalid");
  EXPECT_EQ(FailureOf("mutation { predict(input: {model: \"fraud\", label: \"gone\", rows: [[1, 2]]}) { version } }")["extensions"]["code"],
            "not_found");
}

TEST_F(GraphqlTest, OperationsAreRests) {
  Json role = Data(
      "mutation { setRole(input: {model: \"fraud\", role: SHADOW, version: \"4\", expectedEpoch: 7, reason: \"try\"}) "
      "{ role version epoch reason } }")["setRole"];
  EXPECT_EQ(role["role"], "SHADOW");
  EXPECT_EQ(role["epoch"], 8);
  EXPECT_EQ(operations_.role.role, Role::kShadow);
  EXPECT_EQ(operations_.role.reason, "try");
  EXPECT_EQ(operations_.role.by, "anonymous");
  const Json stale = FailureOf("mutation { promote(input: {model: \"fraud\", version: \"4\", expectedEpoch: 1}) { epoch } }");
  EXPECT_EQ(stale["extensions"]["code"], "stale_epoch");
  EXPECT_EQ(Data("mutation { rollback(input: {model: \"fraud\"}) { role version } }")["rollback"]["version"], "2");
  EXPECT_EQ(Data("mutation { registerVersion(input: {model: \"fraud\", uri: \"/m.json\"}) { version } }")["registerVersion"]["version"],
            "3");
  EXPECT_EQ(operations_.registered.uri, "/m.json");
  const Json rollout = Data(
      "mutation { createRollout(input: {model: \"fraud\", candidate: \"4\", guardrail: BRIER, "
      "steps: [{share: 0.5, durationMinS: 60, entitiesMin: 10}]}) { rolloutId state guardrail } }")["createRollout"];
  EXPECT_EQ(rollout["rolloutId"], "r1");
  EXPECT_EQ(operations_.created.options.guardrail, "brier");
  ASSERT_EQ(operations_.created.options.steps.size(), 1u);
  EXPECT_EQ(operations_.created.options.steps[0].duration_min_us, 60'000'000);
  Data("mutation { resumeRollout(model: \"fraud\", rolloutId: \"r1\") { paused } }");
  EXPECT_EQ(operations_.action, RolloutAction::kResume);
  EXPECT_EQ(Data("mutation { retrain(model: \"fraud\", reason: \"why not\") { reason state modelName } }")["retrain"]["reason"], "why not");
  Data("mutation { silenceAlert(input: {alertId: \"a1\", until: \"2026-01-01T00:00:00Z\"}) { silencedUntil } }");
  EXPECT_EQ(operations_.alert.silenced_until, 1'767'225'600'000'000);
  EXPECT_EQ(FailureOf("mutation { silenceAlert(input: {alertId: \"a1\"}) { alertId } }")["extensions"]["path"], "until");
  EXPECT_EQ(FailureOf("mutation { acknowledgeAlert(alertId: \"none\") { alertId } }")["extensions"]["code"], "not_found");
  Data("mutation { unloadModel(model: \"fraud\") { name } }");
  EXPECT_FALSE(operations_.version.loaded);
  const Json counts = Data(
      "mutation { importLabels(labels: [{id: \"a\", label: 1, observedAt: \"2026-01-01T00:00:00Z\"}]) "
      "{ accepted unmatched duplicate } }")["importLabels"];
  EXPECT_EQ(counts, (Json{{"accepted", 1}, {"unmatched", 2}, {"duplicate", 1}}));
  EXPECT_EQ(operations_.labels[0].observed_at, 1'767'225'600'000'000);
}

TEST_F(GraphqlTest, StatusesByForm) {
  const Json bad{{"query", "{ nope }"}};
  const FakeAnswer refused = Post(bad);
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.content_type, "application/graphql-response+json; charset=utf-8");
  EXPECT_FALSE(Body(refused).contains("data"));
  EXPECT_EQ(Post(bad, "application/json").status, 200);
  EXPECT_EQ(Post(bad, "application/json").content_type, "application/json; charset=utf-8");
  EXPECT_EQ(Post({{"query", "{"}}).status, 400);
  EXPECT_EQ(Post({{"query", 1}}, "application/json").status, 400);
  EXPECT_EQ(Post(Json::array({bad}), "application/json").status, 400);
  EXPECT_EQ(Post(bad, "image/png").status, 406);
  const FakeAnswer events = Post({{"query", "{ __typename }"}}, "text/event-stream");
  EXPECT_EQ(events.body, "event: next\ndata: {\"data\":{\"__typename\":\"Query\"}}\n\nevent: complete\ndata:\n\n");
  EXPECT_NE(Post(bad, "text/event-stream").body.find("\"errors\""), std::string::npos);
  EXPECT_EQ(Post({{"query", "subscription { alerts { alertId } }"}}, "application/json").status, 406);
  EXPECT_EQ(Ask(net::Method::kPost, "/graphql", "{}", {{"Content-Type", "text/plain"}}).status, 415);
  EXPECT_EQ(Ask(net::Method::kPut, "/graphql", "{}", {}).status, 405);
}

TEST_F(GraphqlTest, NothingIsChangedByGet) {
  EXPECT_EQ(Ask(net::Method::kGet, "/graphql?query=%7B__typename%7D", "", {}).status, 200);
  const FakeAnswer refused = Ask(net::Method::kGet, "/graphql?query=mutation%7BunloadModel(model%3A%22fraud%22)%7Bname%7D%7D", "", {});
  EXPECT_EQ(refused.status, 405);
  EXPECT_EQ(refused.header("Allow"), "POST");
}

TEST_F(GraphqlTest, DeadlinesHold) {
  // The loop takes the prediction up only after the request's time is over.
  clock_.Advance(1000);
  predict_->fail = absl::DeadlineExceededError("too late");
  const Json error = FailureOf("mutation { predict(input: {model: \"fraud\", rows: [[1, 2]]}) { version } }");
  EXPECT_EQ(error["extensions"]["code"], "deadline_exceeded");
  EXPECT_EQ(error["message"], "too late");
}

class GraphqlSubscriptions : public GraphqlTest {
 protected:
  FakeAnswer& Listen(const std::string& document) {
    Post({{"query", document}}, "text/event-stream");
    EXPECT_EQ(last_->status, 200) << last_->body;
    EXPECT_EQ(last_->content_type, "text/event-stream; charset=utf-8");
    return *last_;
  }
  size_t open() const { return shared_.graphql->listeners.load(); }
  // The worker that began a subscription may be the last to let go of it.
  void ExpectNoneOpen() const {
    for (int turn = 0; open() > 0 && turn < 5000; ++turn) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    EXPECT_EQ(open(), 0u);
  }
  // One look: the loop's timer, the worker, the loop again.
  void Look(int64_t ms = 500) {
    clock_.Advance(ms * 1000);
    loop_.RunTimers();
    if (open() > 0) loop_.RunOne();
  }
};

TEST_F(GraphqlSubscriptions, AlertsThatChange) {
  FakeAnswer& stream = Listen("subscription { alerts(model: \"fraud\") { alertId state } }");
  EXPECT_EQ(stream.body, ":\n\n");
  operations_.alert.model = "fraud";
  operations_.alert.state = AlertState::kFiring;
  Look();
  EXPECT_EQ(stream.body, ":\n\nevent: next\ndata: {\"data\":{\"alerts\":{\"alertId\":\"a1\",\"state\":\"FIRING\"}}}\n\n");
  const std::string before = stream.body;
  Look();
  EXPECT_EQ(stream.body, before) << "nothing has changed";
  handler_->OnDrain();
  EXPECT_TRUE(stream.body.ends_with("event: complete\ndata:\n\n"));
  EXPECT_TRUE(stream.ended);
}

TEST_F(GraphqlSubscriptions, MetricsOverTheInterval) {
  FakeAnswer& stream =
      Listen("subscription { metrics(model: \"fraud\", interval: 1) { requests rows seconds requestsPerSecond latencyMeanUs } }");
  Data("mutation { predict(input: {model: \"fraud\", rows: [[1, 2], [3, 4]]}) { version } }");
  Look();
  EXPECT_EQ(stream.body, ":\n\n") << "too early";
  Look();
  EXPECT_NE(stream.body.find(R"("requests":1,"rows":2,"seconds":1,"requestsPerSecond":1,)"), std::string::npos) << stream.body;
}

TEST_F(GraphqlSubscriptions, RefusalsAreEvents) {
  const FakeAnswer& unknown = Listen("subscription { metrics(model: \"fruad\") { rows } }");
  EXPECT_NE(unknown.body.find("\"nearest\":\"fraud\""), std::string::npos) << unknown.body;
  EXPECT_TRUE(unknown.body.ends_with("event: complete\ndata:\n\n"));
  EXPECT_NE(Listen("subscription { metrics(model: \"fraud\", interval: 0) { rows } }").body.find("\"path\":\"interval\""),
            std::string::npos);
  EXPECT_EQ(open(), 0u);
}

TEST_F(GraphqlSubscriptions, SlowAndGoneReadersAreLetGo) {
  FakeAnswer& slow = Listen("subscription { timeline { kind } }");
  FakeAnswer& gone = Listen("subscription { timeline { kind } }");
  EXPECT_EQ(open(), 2u);
  slow.unsent_bytes = (1 << 20) + 1;
  gone.client_gone = true;
  loop_.RunTimers();
  ExpectNoneOpen();
  EXPECT_FALSE(slow.ended) << "cut, not completed";
}

TEST_F(GraphqlSubscriptions, SilenceIsBroken) {
  FakeAnswer& stream = Listen("subscription { timeline { kind } }");
  Look(15'000);
  EXPECT_EQ(stream.body, ":\n\n:\n\n");
}

TEST_F(GraphqlSubscriptions, ThereIsAMost) {
  for (size_t i = 0; i < 256; ++i) Listen("subscription { timeline { kind } }");
  EXPECT_EQ(Post({{"query", "subscription { timeline { kind } }"}}, "text/event-stream").status, 503);
  handler_->OnDrain();
  ExpectNoneOpen();
}

}  // namespace
}  // namespace vigil
