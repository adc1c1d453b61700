#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "alerting/notifiers/log.h"
#include "alerting/notifiers/webhook.h"
#include "base/text.h"

namespace vigil {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

Alert NewAlert(const std::string& id) {
  Alert alert;
  alert.id = id;
  alert.rule = "feature_drift";
  alert.model = "fraud";
  alert.severity = Severity::kCritical;
  alert.labels = {{"alertname", "model_health"}, {"model", "fraud"}, {"version", id}};
  alert.annotations = {{"summary", "psi of amount is 0.9"}};
  alert.fired = 1'530'000'000'000'000;
  return alert;
}

TEST(AlertmanagerPayload, HasTheShapeOfVersionFour) {
  const Json payload = AlertmanagerPayload({NewAlert("a"), NewAlert("b")}, "pager", "http://vigil:8080", false);
  EXPECT_EQ(payload.at("version"), "4");
  EXPECT_EQ(payload.at("status"), "firing");
  EXPECT_EQ(payload.at("receiver"), "pager");
  EXPECT_EQ(payload.at("externalURL"), "http://vigil:8080");
  EXPECT_EQ(payload.at("truncatedAlerts"), 0);
  EXPECT_EQ(payload.at("groupKey"), "{}:{alertname=\"model_health\", model=\"fraud\"}");
  EXPECT_EQ(payload.at("groupLabels"), Json({{"alertname", "model_health"}, {"model", "fraud"}}));
  EXPECT_EQ(payload.at("commonLabels"), Json({{"alertname", "model_health"}, {"model", "fraud"}, {"severity", "critical"}}));
  EXPECT_EQ(payload.at("commonAnnotations"), Json({{"summary", "psi of amount is 0.9"}}));
  const Json& first = payload.at("alerts").at(0);
  EXPECT_EQ(first.at("status"), "firing");
  EXPECT_EQ(first.at("startsAt"), "2018-06-26T08:00:00Z");
  EXPECT_EQ(first.at("endsAt"), "0001-01-01T00:00:00Z");
  EXPECT_EQ(first.at("labels").at("version"), "a");
  EXPECT_EQ(first.at("fingerprint"), "a");
  EXPECT_THAT(first.at("generatorURL").get<std::string>(), HasSubstr("http://vigil:8080/"));
}

TEST(AlertmanagerPayload, ResolvedAndTruncated) {
  std::vector<Alert> many;
  for (size_t i = 0; i < kPayloadAlertsMax + 7; ++i) many.push_back(NewAlert(absl::StrCat(i)));
  for (Alert& alert : many) alert.ended = alert.fired + kHourUs;
  const Json payload = AlertmanagerPayload(many, "pager", "", true);
  EXPECT_EQ(payload.at("status"), "resolved");
  EXPECT_THAT(payload.at("alerts"), SizeIs(kPayloadAlertsMax));
  EXPECT_EQ(payload.at("truncatedAlerts"), 7);
  EXPECT_EQ(payload.at("alerts").at(0).at("endsAt"), "2018-06-26T09:00:00Z");
}

TEST(LogNotifier, WritesALineAnAlert) {
  std::vector<std::string> lines;
  LogNotifier notifier([&](Severity severity, std::string_view line) {
    lines.push_back(absl::StrCat(SeverityName(severity).data(), " ", std::string(line)));
  });
  ASSERT_TRUE(notifier.Notify({NewAlert("a")}, false).ok());
  ASSERT_TRUE(notifier.Notify({NewAlert("a")}, true).ok());
  EXPECT_THAT(lines, ElementsAre("critical alert a firing model=fraud rule=feature_drift: psi of amount is 0.9",
                                 "info alert a resolved model=fraud rule=feature_drift: psi of amount is 0.9"));
}

// Answers from a script; then 200.
struct Endpoint {
  std::mutex mutex;
  std::deque<StatusOr<int>> script;
  std::vector<std::string> bodies, keys, targets;
  std::mutex* block = nullptr;
};

class FakeClient final : public net::HttpClient {
 public:
  explicit FakeClient(Endpoint* endpoint) : endpoint_(endpoint) {}
  void SetTimeouts(int64_t, int64_t) override {}
  bool MayHaveReached() const override { return true; }
  bool CertificateRefused() const override { return false; }
  StatusOr<net::ClientResponse> Send(std::string_view method, std::string_view target, std::string_view content_type, std::string_view body,
                                     const std::vector<std::string>& headers) override {
    if (endpoint_->block != nullptr) std::lock_guard wait(*endpoint_->block);
    std::lock_guard lock(endpoint_->mutex);
    EXPECT_EQ(method, "POST");
    EXPECT_EQ(content_type, "application/json");
    endpoint_->bodies.emplace_back(body);
    endpoint_->targets.emplace_back(target);
    for (const std::string& header : headers) {
      if (header.starts_with("Idempotency-Key: ")) endpoint_->keys.push_back(header.substr(17));
    }
    StatusOr<int> answer = 200;
    if (!endpoint_->script.empty()) {
      answer = endpoint_->script.front();
      endpoint_->script.pop_front();
    }
    if (!answer.ok()) return answer.status();
    net::ClientResponse response;
    response.status = *answer;
    return response;
  }
  StatusOr<net::ClientResponse> Receive(std::string_view, std::string_view, const std::vector<std::string>&, net::BodySink&) override {
    return absl::UnimplementedError("a notifier only sends");
  }

 private:
  Endpoint* endpoint_;
};

WebhookOptions QuickOptions() {
  WebhookOptions options;
  options.target = "/hook";
  options.backoff_ms = 1;
  options.attempts_max = 4;
  return options;
}

TEST(WebhookNotifier, TriesAgainWithTheSameKey) {
  Endpoint endpoint;
  endpoint.script = {503, absl::UnavailableError("refused"), 429};
  WebhookNotifier notifier(QuickOptions(), std::make_unique<FakeClient>(&endpoint));
  ASSERT_TRUE(notifier.Notify({NewAlert("a")}, false).ok());
  ASSERT_TRUE(notifier.WaitIdle(5000));
  EXPECT_EQ(notifier.counters().sent, 1);
  EXPECT_EQ(notifier.counters().retried, 3);
  ASSERT_THAT(endpoint.keys, SizeIs(4));
  EXPECT_THAT(endpoint.keys, ::testing::Each(endpoint.keys[0]));
  EXPECT_THAT(endpoint.targets, ::testing::Each("/hook"));
  EXPECT_EQ((*ParseJson(endpoint.bodies[0], "body")).at("receiver"), "webhook");
}

TEST(WebhookNotifier, GivesUpOnRefusalAndAfterTheLastAttempt) {
  Endpoint endpoint;
  endpoint.script = {400, 500, 500, 500, 500};
  WebhookNotifier notifier(QuickOptions(), std::make_unique<FakeClient>(&endpoint));
  ASSERT_TRUE(notifier.Notify({NewAlert("a")}, false).ok());
  ASSERT_TRUE(notifier.Notify({NewAlert("b")}, false).ok());
  ASSERT_TRUE(notifier.Notify({NewAlert("c")}, false).ok());
  ASSERT_TRUE(notifier.WaitIdle(5000));
  EXPECT_EQ(notifier.counters().failed, 2);
  EXPECT_EQ(notifier.counters().sent, 1);
  EXPECT_THAT(endpoint.bodies, SizeIs(6)) << "1 refused, 4 attempts, 1 sent";
}

TEST(WebhookNotifier, AFullQueueRefusesAndNeverWaits) {
  Endpoint endpoint;
  std::mutex block;
  endpoint.block = &block;
  WebhookOptions options = QuickOptions();
  options.queue_max = 2;
  WebhookNotifier notifier(options, std::make_unique<FakeClient>(&endpoint));
  int refused = 0;
  {
    std::lock_guard hold(block);
    for (int i = 0; i < 10; ++i)
      refused += notifier.Notify({NewAlert(absl::StrCat(i))}, false).code() == absl::StatusCode::kResourceExhausted;
  }
  ASSERT_TRUE(notifier.WaitIdle(5000));
  EXPECT_GE(refused, 7) << "at most two wait and one is being sent";
  EXPECT_EQ(notifier.counters().refused, refused);
  EXPECT_EQ(notifier.counters().sent, 10 - refused);
}

TEST(WebhookNotifier, StopsAtOnceWhileBackingOff) {
  Endpoint endpoint;
  endpoint.script = {500};
  WebhookOptions options = QuickOptions();
  options.backoff_ms = 60'000;
  const auto begin = std::chrono::steady_clock::now();
  {
    WebhookNotifier notifier(options, std::make_unique<FakeClient>(&endpoint));
    ASSERT_TRUE(notifier.Notify({NewAlert("a")}, false).ok());
    EXPECT_FALSE(notifier.WaitIdle(50));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

}  // namespace
}  // namespace vigil
