// Our own API and the handler itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "frontends/testing/count_allocations.h"
#include "frontends/testing/rest_fixture.h"
#include "frontends/ui/bundle.h"
#include "net/content_coding.h"

namespace vigil {
namespace {

using net::Method;
using testing::FakeAnswer;
using testing::FakeExchange;
using testing::FakeLoop;
using testing::FakePredict;
using ::testing::HasSubstr;
using testing::RestFixture;

constexpr char kPredict[] = "/api/v1/models/fraud/predict";
constexpr char kTwoRows[] = R"({"rows":[{"amount":1.5,"hour":2},{"amount":4,"hour":null}],"ids":["tx-1","tx-2"]})";

class RestTest : public RestFixture {};

// ---- predictions ----

TEST_F(RestTest, PredictAnswersInTheContractsShape) {
  const FakeAnswer answer = Post(kPredict, kTwoRows);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.content_type, "application/json");
  EXPECT_EQ(answer.body,
            R"({"model":"fraud","version":"3","prediction_ids":["0000000000001","0000000000002"],"predictions":[33.5,34],"warnings":[]})");
  EXPECT_EQ(predict_->last_ids, (std::vector<std::string>{"tx-1", "tx-2"}));
}

TEST_F(RestTest, PredictTakesEveryForm) {
  const struct {
    const char* type;
    const char* body;
  } kForms[] = {{"application/json", R"({"amount":1.5,"hour":2})"},
                {"application/json; charset=utf-8", R"({"hour":2,"amount":1.5})"},
                {"", R"({"columns":["hour","amount"],"data":[[2,1.5]]})"},
                {"text/csv", "hour,amount\n2,1.5\n"},
                {"application/x-ndjson", "{\"hour\":2,\"amount\":1.5}\n"}};
  for (const auto& form : kForms) {
    const FakeAnswer answer = Post(kPredict, form.body, form.type);
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(Body(answer)["predictions"], Json::array({33.5})) << form.type;
  }
}

TEST_F(RestTest, PredictOfSeveralOutputsGivesLists) {
  const FakeAnswer answer = Post("/api/v1/models/iris/predict", R"({"rows":[[1,1,1,1]]})");
  EXPECT_EQ(Body(answer)["predictions"], Json::parse("[[14,15,16]]"));
}

TEST_F(RestTest, PredictByVersionAndWithSeveralArms) {
  EXPECT_EQ(Body(Post(std::string(kPredict) + "?version=1", kTwoRows))["version"], "1");
  predict_->two_versions = true;
  const Json body = Body(Post(kPredict, kTwoRows));
  EXPECT_EQ(body["versions"], Json::parse(R"(["3","1"])"));
}

TEST_F(RestTest, RefusedRowsAre422WithEveryCell) {
  const FakeAnswer answer = Post(kPredict, R"({"rows":[[1,2],["a",2],[1,"b"]]})");
  ExpectProblem(answer, 422, "schema_violation");
  const Json body = Body(answer);
  EXPECT_EQ(body["error_count"], 2);
  EXPECT_EQ(body["errors"][0], Json::parse(R"({"row":1,"column":"amount","value":"a","rule":"type"})"));
  EXPECT_EQ(body["errors"][1]["row"], 2);
}

TEST_F(RestTest, PartialAnswersTheOtherRows) {
  const FakeAnswer answer = Post(kPredict, R"({"partial":true,"rows":[[1,2],["a",2]]})");
  EXPECT_EQ(answer.status, 200);
  const Json body = Body(answer);
  EXPECT_EQ(body["predictions"], Json::parse("[33,null]"));
  EXPECT_EQ(body["error_count"], 1);
  EXPECT_EQ(body["errors"][0]["column"], "amount");
}

TEST_F(RestTest, AColumnThatNoRowHasIsRefusedByName) {
  const FakeAnswer answer = Post(kPredict, R"({"rows":[{"amount":1},{"amount":2}],"partial":true})");
  ExpectProblem(answer, 422, "schema_violation");
  const Json body = Body(answer);
  EXPECT_EQ(body["errors"][0], Json::parse(R"({"row":0,"column":"hour","value":null,"rule":"missing"})"));
  EXPECT_THAT(body["detail"].get<std::string>(), HasSubstr("hour"));
}

TEST_F(RestTest, UnknownColumnsAreWarnings) {
  const Json body = Body(Post(kPredict, R"({"rows":[{"amount":1,"hour":2,"amuont":3}]})"));
  EXPECT_THAT(body["warnings"][0].get<std::string>(), HasSubstr("did you mean \"amount\""));
}

TEST_F(RestTest, BodiesAreUnpackedAndLongAnswersPacked) {
  std::string body = "{\"rows\":[[1,2]";
  for (int i = 0; i < 1000; ++i) body += ",[3,4]";
  body += "]}";
  for (const net::Coding coding : {net::Coding::kGzip, net::Coding::kDeflate}) {
    std::string packed;
    net::Encode(coding, body, &packed);
    const std::string name(net::CodingName(coding));
    const FakeAnswer answer = Post(kPredict, packed, "application/json", {{"Content-Encoding", name}, {"Accept-Encoding", name}});
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.header("Content-Encoding"), name);
    EXPECT_EQ(answer.header("Vary"), "Accept-Encoding");
    std::string unpacked;
    ASSERT_TRUE(net::Decode(coding, answer.body, 1 << 20, &unpacked).ok());
    EXPECT_EQ(Json::parse(unpacked)["predictions"].size(), 1001u);
  }
  const FakeAnswer small = Post(kPredict, R"({"rows":[[1,2]]})", "application/json", {{"Accept-Encoding", "gzip"}});
  EXPECT_EQ(small.header("Content-Encoding"), "") << "too short to be worth it";
}

TEST_F(RestTest, PredictErrors) {
  ExpectProblem(Post("/api/v1/models/frauds/predict", kTwoRows), 404, "not_found");
  EXPECT_EQ(Body(Post("/api/v1/models/frauds/predict", kTwoRows))["nearest"], "fraud");
  ExpectProblem(Post(std::string(kPredict) + "?version=9", kTwoRows), 404, "not_found");
  ExpectProblem(Post(kPredict, "{"), 400, "malformed");
  ExpectProblem(Post(kPredict, ""), 400, "malformed");
  ExpectProblem(Post(kPredict, R"({"rows":[]})"), 400, "invalid");
  ExpectProblem(Post(kPredict, "x", "application/xml"), 415, "unsupported_media_type");
  ExpectProblem(Post(kPredict, "x", "text/csv; charset=utf-16"), 415, "unsupported_media_type");
  ExpectProblem(Post(kPredict, kTwoRows, "application/json", {{"content-encoding", "br"}}), 415, "unsupported_media_type");
  ExpectProblem(Post(kPredict, kTwoRows, "application/json", {{"content-encoding", "gzip"}}), 400, "malformed");
  EXPECT_EQ(Post(kPredict, kTwoRows, "application/json", {{"Content-Encoding", "Identity"}}).status, 200);
  ExpectProblem(Get(kPredict), 405, "method_not_allowed");
  EXPECT_EQ(Get(kPredict).header("Allow"), "POST, OPTIONS");
  predict_->fail = absl::DeadlineExceededError("late");
  ExpectProblem(Post(kPredict, kTwoRows), 504, "deadline_exceeded");
  predict_->fail = absl::UnavailableError("shedding");
  const FakeAnswer shed = Post(kPredict, kTwoRows);
  ExpectProblem(shed, 503, "unavailable");
  EXPECT_EQ(shed.header("Retry-After"), "1");
  predict_->fail = absl::InternalError("bug");
  ExpectProblem(Post(kPredict, kTwoRows), 500, "internal");
}

TEST_F(RestTest, ALaterRuntimeIsAnsweredLater) {
  predict_->later = true;
  const FakeAnswer answer = Post(kPredict, kTwoRows, "application/json", {{"X-Request-Id", "late-1"}});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("X-Request-Id"), "late-1");
  EXPECT_EQ(Body(answer)["predictions"], Json::parse("[33.5,34]"));
  const FakeAnswer refused = Post(kPredict, R"({"rows":[["a",2]]})");
  ExpectProblem(refused, 422, "schema_violation");
}

TEST_F(RestTest, AWarmPredictionAllocatesNothing) {
  testing::SilentExchange exchange;
  net::HttpRequest request;
  request.method = Method::kPost;
  request.target = request.path = kPredict;
  const std::string body = R"({"rows": [{"amount": 1.5, "hour": 2}, {"amount": 4, "hour": null}], "ids": ["tx-1", "tx-2"]})";
  request.body = body;
  request.headers.push_back({"Content-Type", "application/json"});
  predict_->turns = 0;
  const auto send = [&] {
    handler_->OnRequest(request, exchange);
    EXPECT_EQ(exchange.last_status, 200);
  };
  for (int i = 0; i < 3; ++i) send();
  // What the fake itself allocates: the copies of ids that it keeps for tests are short strings in warm vectors.
  EXPECT_EQ(testing::CountAllocations([&] {
              for (int i = 0; i < 100; ++i) send();
            }),
            0);
}

// ---- the envelope of every answer ----

TEST_F(RestTest, RequestIdsAreEchoedWhenSaneAndMadeOtherwise) {
  EXPECT_EQ(Get("/ping", {{"x-request-id", "abc-123"}}).header("X-Request-Id"), "abc-123");
  for (const std::string& bad : {std::string("a b"), std::string("a\x7f"), std::string(200, 'x'), std::string()}) {
    const std::string made = Get("/ping", {{"X-Request-Id", bad}}).header("X-Request-Id");
    EXPECT_EQ(made.size(), 16u);
    EXPECT_NE(made, Get("/ping").header("X-Request-Id"));
  }
}

TEST_F(RestTest, LoopsNeverMakeTheSameRequestId) {
  std::set<std::string> ids;
  for (uint32_t index = 0; index < 8; ++index) {
    FakeLoop loop(index);
    RestHandler handler(shared_, loop, std::make_unique<FakePredict>());
    for (int i = 0; i < 50; ++i) {
      FakeAnswer answer;
      net::HttpRequest request;
      request.method = net::Method::kGet;
      request.target = request.path = "/ping";
      FakeExchange exchange(&answer);
      handler.OnRequest(request, exchange);
      ids.insert(answer.header("X-Request-Id"));
    }
  }
  EXPECT_EQ(ids.size(), 8u * 50u);
}

TEST_F(RestTest, TraceparentAndTimeoutReachTheContext) {
  Post(kPredict, kTwoRows, "application/json",
       {{"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}, {"X-Request-Timeout-Ms", "250"}});
  EXPECT_EQ(predict_->last_context.trace.trace_id[0], 0x4b);
  EXPECT_EQ(predict_->last_context.trace.span_id[7], 0xb7);
  EXPECT_TRUE(predict_->last_context.trace.sampled);
  EXPECT_EQ(predict_->last_context.deadline_ns, clock_.MonotonicNs() + 250'000'000);
  Post(kPredict, kTwoRows, "application/json", {{"X-Request-Timeout-Ms", "-5"}});
  EXPECT_EQ(predict_->last_context.deadline_ns, INT64_MAX);
}

TEST_F(RestTest, UnknownRoutesSuggestTheNearest) {
  const FakeAnswer answer = Post("/api/v1/models/fraud/predcit", "{}");
  ExpectProblem(answer, 404, "not_found");
  EXPECT_EQ(Body(answer)["nearest"], "/api/v1/models/fraud/predict");
  ExpectProblem(Get("/"
                    "nowhere/at/all"),
                404, "not_found");
  EXPECT_EQ(Get("/v2/models//ready").status, 404);
}

TEST_F(RestTest, OptionsAndHead) {
  const FakeAnswer options = Send(Method::kOptions, "/v2/health/live");
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(options.header("Allow"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(Send(Method::kHead, "/v2/health/live").status, 200);
}

TEST_F(RestTest, PercentEncodedNamesAreDecoded) { EXPECT_EQ(Post("/api/v1/models/fr%61ud/predict", kTwoRows).status, 200); }

TEST_F(RestTest, TransportErrorsAreProblemsToo) {
  EXPECT_EQ(handler_->ErrorRequestId("abc-123"), "abc-123");
  EXPECT_EQ(handler_->ErrorRequestId("").size(), 16u);
  EXPECT_EQ(handler_->ErrorRequestId("not sane").size(), 16u);
  const Json body = Json::parse(handler_->ErrorBody(431, "headers are larger than 32768 bytes", "abc-123"));
  EXPECT_EQ(body["request_id"], "abc-123");
  EXPECT_EQ(body["code"], "headers_too_large");
  EXPECT_EQ(body["status"], 431);
}

TEST_F(RestTest, TheTurnHookEndsThePipelinesTurn) {
  loop_.EndTurn();
  EXPECT_EQ(predict_->turns, 1);
  handler_.reset();
  loop_.EndTurn();  // the hook outlives the handler and does nothing
}

// ---- the control plane ----

TEST_F(RestTest, ModelsVersionsAndRoles) {
  EXPECT_EQ(Body(Get("/api/v1/models"))["models"][0]["name"], "fraud");
  EXPECT_EQ(Body(Get("/api/v1/models/fraud"))["ready"], true);
  const FakeAnswer unknown = Get("/api/v1/models/fruad");
  ExpectProblem(unknown, 404, "not_found");
  EXPECT_EQ(Body(unknown)["nearest"], "fraud");
  EXPECT_EQ(Body(Get("/api/v1/models/fraud/versions"))["versions"][0]["version"], "3");
  EXPECT_EQ(Body(Get("/api/v1/models/fraud/versions/3"))["state"], "registered");
  ExpectProblem(Get("/api/v1/models/fraud/versions/9"), 404, "not_found");

  const FakeAnswer made = Post("/api/v1/models/fraud/versions", R"({"uri":"/models/new.json","version":4})");
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(operations_.registered.uri, "/models/new.json");
  EXPECT_EQ(operations_.registered.version, "4");
  const FakeAnswer missing = Post("/api/v1/models/fraud/versions", "{}");
  ExpectProblem(missing, 400, "invalid");
  EXPECT_EQ(Body(missing)["path"], "uri");
  const FakeAnswer misspelt = Post("/api/v1/models/fraud/versions", R"({"url":"x"})");
  EXPECT_EQ(Body(misspelt)["nearest"], "uri");

  const FakeAnswer role =
      Send(Method::kPut, "/api/v1/models/fraud/roles/champion", R"({"version":"4","expected_epoch":7,"reason":"better"})");
  EXPECT_EQ(role.status, 200);
  EXPECT_EQ(Body(role)["epoch"], 8);
  EXPECT_EQ(*operations_.role.expected_epoch, 7);
  ExpectProblem(Send(Method::kPut, "/api/v1/models/fraud/roles/champion", R"({"version":"4","expected_epoch":6})"), 409, "stale_epoch");
  ExpectProblem(Send(Method::kPut, "/api/v1/models/fraud/roles/champion", R"({"version":"4","expected_epoch":"x"})"), 400, "invalid");
  const FakeAnswer no_role = Send(Method::kPut, "/api/v1/models/fraud/roles/champoin", R"({"version":"4"})");
  ExpectProblem(no_role, 404, "not_found");
  EXPECT_EQ(Body(no_role)["nearest"], "champion");
  EXPECT_EQ(Body(Post("/api/v1/models/fraud/rollback", R"({"reason":"bad"})"))["version"], "2");
  ExpectProblem(Send(Method::kPut, "/api/v1/models/fraud/roles/champion", "[]"), 400, "malformed");
  ExpectProblem(Post("/api/v1/models/fraud/rollback", "{}", "text/plain"), 415, "unsupported_media_type");
}

TEST_F(RestTest, LabelsInEveryForm) {
  const FakeAnswer json = Post("/api/v1/labels", R"({"labels":[{"id":"tx-1","label":1}]})");
  EXPECT_EQ(json.body, R"({"accepted":1,"unmatched":2,"duplicate":1})");
  EXPECT_EQ(operations_.labels.at(0).id, "tx-1");
  EXPECT_EQ(Post("/api/v1/labels", "id,label\na,1\nb,0\n", "text/csv").status, 200);
  EXPECT_EQ(operations_.labels.size(), 2u);
  EXPECT_EQ(Post("/api/v1/labels", "{\"id\":\"a\",\"label\":0}\n", "application/x-ndjson").status, 200);
  const FakeAnswer bad = Post("/api/v1/labels", R"({"labels":[{"label":1}]})");
  ExpectProblem(bad, 422, "schema_violation");
  EXPECT_EQ(Body(bad)["path"], "labels[0]");
  ExpectProblem(Post("/api/v1/labels", "x", "image/png"), 415, "unsupported_media_type");
}

TEST_F(RestTest, SeriesAreGroupedAndFiltered) {
  for (const char* metric : {"psi", "ks"}) {
    for (int i = 0; i < 2; ++i) {
      Finding finding;
      finding.version = "3";
      finding.metric = metric;
      finding.column = "amount";
      finding.window_start = i * kHourUs;
      finding.window_end = (i + 1) * kHourUs;
      finding.value = i + 0.5;
      operations_.findings.push_back(finding);
    }
  }
  operations_.findings[0].p_value = 0.25;
  operations_.findings[1].value = std::numeric_limits<double>::quiet_NaN();
  const FakeAnswer answer = Get(
      "/api/v1/models/fraud/monitoring/drift?from=1970-01-01&to=2018-07-15T00:00:00Z&window=day&version=3&segment=arm%3Dcanary&limit=50");
  ASSERT_EQ(answer.status, 200) << answer.body;
  const Json body = Body(answer);
  EXPECT_EQ(body["series"].size(), 2u);
  EXPECT_EQ(body["series"][0]["metric"], "ks");
  EXPECT_EQ(body["series"][1]["points"].size(), 2u);
  EXPECT_EQ(body["series"][1]["points"][0]["p_value"], 0.25);
  EXPECT_EQ(body["series"][1]["points"][1]["value"], nullptr);
  EXPECT_EQ(operations_.series.window, Window::kDay);
  EXPECT_EQ(operations_.series.segment, "arm=canary");
  EXPECT_EQ(operations_.series.from, 0);
  EXPECT_EQ(operations_.series.points_max, 50u);
  EXPECT_EQ(Body(Get("/api/v1/models/fraud/monitoring/drift?metric=psi"))["series"].size(), 1u);
  operations_.findings.clear();
  EXPECT_EQ(Body(Get("/api/v1/models/fraud/monitoring/traffic"))["series"].size(), 0u);
  const FakeAnswer kind = Get("/api/v1/models/fraud/monitoring/drif");
  ExpectProblem(kind, 404, "not_found");
  EXPECT_EQ(Body(kind)["nearest"], "drift");
  for (const char* query : {"window=week", "from=then", "from=2019-01-01&to=2018-01-01", "limit=0", "limit=x", "limit=999999999"}) {
    ExpectProblem(Get(std::string("/api/v1/models/fraud/monitoring/drift?") + query), 400, "invalid");
  }
}

TEST_F(RestTest, Alerts) {
  EXPECT_EQ(Body(Get("/api/v1/alerts?state=firing&model=fraud"))["alerts"][0]["id"], "a1");
  EXPECT_EQ(*operations_.alert_query.state, AlertState::kFiring);
  ExpectProblem(Get("/api/v1/alerts?state=burning"), 400, "invalid");
  EXPECT_EQ(Body(Post("/api/v1/alerts/a1/ack", ""))["acknowledged_by"], "anonymous");
  EXPECT_EQ(Body(Post("/api/v1/alerts/a1/ack", R"({"by":"ann"})"))["acknowledged_by"], "ann");
  ExpectProblem(Post("/api/v1/alerts/zz/ack", ""), 404, "not_found");
  EXPECT_EQ(Body(Post("/api/v1/alerts/a1/silence", R"({"until":"2018-07-15T00:00:00Z"})"))["silenced_until"], "2018-07-15T00:00:00Z");
  operations_.status.clock = "event";
  operations_.status.event_time = kDayUs;
  EXPECT_EQ(Body(Post("/api/v1/alerts/a1/silence", R"({"seconds":60})"))["silenced_until"], "1970-01-02T00:01:00Z");
  for (const char* body : {"{}", R"({"seconds":0})", R"({"seconds":1,"until":"2018-07-15"})", R"({"until":"x"})", R"({"seconds":1.5})"}) {
    ExpectProblem(Post("/api/v1/alerts/a1/silence", body), 400, "invalid");
  }
}

TEST_F(RestTest, Rollouts) {
  EXPECT_EQ(Body(Get("/api/v1/models/fraud/rollouts"))["rollouts"][0]["id"], "r1");
  EXPECT_EQ(Body(Get("/api/v1/models/fraud/rollouts/r1"))["id"], "r1");
  ExpectProblem(Get("/api/v1/models/fraud/rollouts/r9"), 404, "not_found");
  const FakeAnswer made = Post(
      "/api/v1/models/fraud/rollouts",
      R"({"candidate":4,"steps":[{"share":0},{"share":0.1,"duration_min_s":60,"entities_min":5}],"alpha":0.01,"ab_test":true,"guardrail":"brier"})");
  EXPECT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(operations_.created.candidate, "4");
  ASSERT_EQ(operations_.created.options.steps.size(), 2u);
  EXPECT_EQ(operations_.created.options.steps[1].duration_min_us, kMinuteUs);
  EXPECT_TRUE(operations_.created.options.ab_test);
  for (const char* body :
       {"{}", R"({"candidate":"4","alpha":1})", R"({"candidate":"4","steps":5})", R"({"candidate":"4","steps":[{"share":2}]})",
        R"({"candidate":"4","steps":[{"shar":1}]})", R"({"candidate":"4","guardrail":"accuracy"})", R"({"candidate":true})"}) {
    ExpectProblem(Post("/api/v1/models/fraud/rollouts", body), 400, "invalid");
  }
  EXPECT_EQ(Post("/api/v1/models/fraud/rollouts/r1/promote", "").status, 200);
  EXPECT_EQ(operations_.action, RolloutAction::kPromote);
  const FakeAnswer action = Post("/api/v1/models/fraud/rollouts/r1/promot", "");
  ExpectProblem(action, 404, "not_found");
  EXPECT_EQ(Body(action)["nearest"], "promote");
}

TEST_F(RestTest, JobsAndTimelineAndStatus) {
  const FakeAnswer asked = Post("/api/v1/models/fraud/retrain", R"({"reason":"why not"})");
  EXPECT_EQ(asked.status, 202);
  EXPECT_EQ(Body(asked)["reason"], "why not");
  EXPECT_EQ(Body(Get("/api/v1/jobs?state=done&limit=3"))["jobs"][0]["id"], "j1");
  EXPECT_EQ(operations_.job_query.limit, 3u);
  ExpectProblem(Get("/api/v1/jobs?state=odd"), 400, "invalid");
  EXPECT_EQ(Body(Get("/api/v1/jobs/j1"))["state"], "waiting");
  ExpectProblem(Get("/api/v1/jobs/j2"), 404, "not_found");

  const Json first = Body(Get("/api/v1/timeline?limit=2"));
  EXPECT_EQ(first["events"][0]["sequence"], 5);
  EXPECT_EQ(first["next"], "4");
  const Json last = Body(Get("/api/v1/timeline?limit=3&cursor=4"));
  EXPECT_EQ(last["events"][2]["sequence"], 1);
  EXPECT_EQ(last["next"], nullptr);
  ExpectProblem(Get("/api/v1/timeline?cursor=x"), 400, "invalid");

  operations_.status.version = "0.1.0";
  operations_.status.control_time = kDayUs;
  const Json status = Body(Get("/api/v1/status"));
  EXPECT_EQ(status["control_time"], "1970-01-02T00:00:00Z");
  EXPECT_EQ(status["models"][0]["name"], "fraud");
  operations_.fail = absl::DataLossError("catalog is broken");
  ExpectProblem(Get("/api/v1/status"), 500, "internal");
}

TEST_F(RestTest, AFullQueueIsRefusedAtOnce) {
  const auto release = std::make_shared<std::atomic<bool>>(false);
  const auto started = std::make_shared<std::atomic<bool>>(false);
  ASSERT_TRUE(pool_.TrySubmit([release, started] {
    *started = true;
    while (!*release) std::this_thread::yield();
  }));
  while (!*started) std::this_thread::yield();
  for (int i = 0; i < 16; ++i) ASSERT_TRUE(pool_.TrySubmit([] {}));
  const FakeAnswer refused = Get("/api/v1/models");
  ExpectProblem(refused, 503, "unavailable");
  EXPECT_EQ(refused.header("Retry-After"), "1");
  EXPECT_EQ(pool_.refused(), 1);
  *release = true;
}

TEST_F(RestTest, ARequestThatAWorkerAnswersAfterTheHandlerIsGoneIsDropped) {
  hold_ = true;
  Get("/api/v1/models");
  handler_.reset();
  EXPECT_TRUE(loop_.RunOne());
}

// ---- the server itself ----

TEST_F(RestTest, RootSendsBrowsersToThePage) {
  EXPECT_EQ(Get("/").body, "Healthy");
  const FakeAnswer browser = Get("/", {{"Accept", "text/html,application/xhtml+xml,*/*;q=0.8"}});
  EXPECT_EQ(browser.status, 302);
  EXPECT_EQ(browser.header("Location"), "/ui");
  EXPECT_EQ(Get("/", {{"Accept", "*/*"}}).status, 200);
}

TEST_F(RestTest, PagesAreFramedByNobodyAndTakenForNothingElse) {
  std::vector<std::string> pages = {"/docs"};
  if (!UiFiles().empty()) pages.insert(pages.end(), {"/ui", "/ui/alerts"});
  for (const std::string& page : pages) {
    const FakeAnswer answer = Get(page);
    EXPECT_EQ(answer.status, 200) << page;
    EXPECT_THAT(answer.content_type, HasSubstr("text/html"));
    EXPECT_THAT(answer.header("Content-Security-Policy"), HasSubstr("frame-ancestors 'none'"));
    EXPECT_EQ(answer.header("X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(answer.header("Referrer-Policy"), "no-referrer");
    EXPECT_EQ(answer.header("Cache-Control"), "no-cache");
  }
  if (pages.size() == 1) GTEST_SKIP() << "built without the page: /ui was not asked";
}

TEST_F(RestTest, MetricsByAccept) {
  Post(kPredict, kTwoRows);
  Post(kPredict, R"({"rows":[["x",1]]})");
  const FakeAnswer text = Get("/metrics");
  EXPECT_EQ(text.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_THAT(text.body, HasSubstr("vigil_predictions_total{model=\"fraud\",version=\"3\"} 2\n"));
  EXPECT_THAT(text.body, HasSubstr("vigil_refused_rows_total{model=\"fraud\",version=\"3\"} 1\n"));
  EXPECT_THAT(text.body, HasSubstr("vigil_requests_total{dialect=\"vigil\",code=\"422\"} 1\n"));
  EXPECT_THAT(text.body, HasSubstr("vigil_request_duration_seconds_bucket{dialect=\"vigil\",le=\"0.0001\"} 2\n"));
  const FakeAnswer open =
      Get("/metrics", {{"Accept", "application/openmetrics-text;version=1.0.0;q=0.9,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"}});
  EXPECT_THAT(open.content_type, HasSubstr("application/openmetrics-text"));
  EXPECT_TRUE(open.body.ends_with("# EOF\n"));
  EXPECT_THAT(Get("/metrics", {{"Accept", "*/*"}}).content_type, HasSubstr("text/plain"));
}

TEST_F(RestTest, UnknownModelsMakeNoSeries) {
  const size_t before = Get("/metrics").body.size();
  for (int i = 0; i < 200; ++i) Post("/v2/models/ghost" + std::to_string(i) + "/infer", "{}");
  EXPECT_LT(Get("/metrics").body.size(), before + 4000);
}

TEST_F(RestTest, DocsPageNeedsNobodyElse) {
  const FakeAnswer docs = Get("/docs");
  EXPECT_EQ(docs.status, 200);
  EXPECT_THAT(docs.content_type, HasSubstr("text/html"));
  EXPECT_EQ(docs.body.find("https://"), std::string::npos);
  EXPECT_EQ(docs.body.find("http://"), std::string::npos);
}

}  // namespace
}  // namespace vigil
