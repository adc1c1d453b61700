// A RestHandler with fakes on every side, for tests of the dialects.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "frontends/rest/rest_handler.h"
#include "frontends/testing/fake_http.h"
#include "frontends/testing/fake_operations.h"
#include "frontends/testing/fake_predict.h"

namespace vigil::testing {

using Headers = std::vector<std::pair<std::string, std::string>>;

class RestFixture : public ::testing::Test {
 protected:
  RestFixture() {
    auto predict = std::make_unique<FakePredict>();
    predict_ = predict.get();
    handler_ = std::make_unique<RestHandler>(shared_, loop_, std::move(predict));
    operations_.model.name = "fraud";
    operations_.model.ready = true;
    operations_.version.facts.model = "fraud";
    operations_.version.facts.version = "3";
    operations_.alert.id = "a1";
    operations_.rollout.id = "r1";
    operations_.job.id = "j1";
  }

  // Whole answers, including those that a worker gives.
  FakeAnswer Send(net::Method method, std::string target, std::string body = "", Headers headers = {}) {
    FakeAnswer answer;
    net::HttpRequest request;
    request.method = method;
    request.target = target;
    const std::string_view view = target;
    request.path = view.substr(0, view.find('?'));
    request.query = view.find('?') == std::string_view::npos ? std::string_view{} : view.substr(view.find('?') + 1);
    for (const auto& [name, value] : headers) request.headers.push_back({name, value});
    request.body = body;
    FakeExchange exchange(&answer);
    handler_->OnRequest(request, exchange);
    if (hold_) return answer;
    if (answer.count == 0) {
      EXPECT_TRUE(loop_.RunOne()) << target;
    }
    EXPECT_EQ(answer.count, 1) << target;
    EXPECT_FALSE(answer.header("X-Request-Id").empty()) << target;
    return answer;
  }
  FakeAnswer Get(std::string target, Headers headers = {}) { return Send(net::Method::kGet, std::move(target), "", std::move(headers)); }
  FakeAnswer Post(std::string target, std::string body, std::string type = "application/json", Headers headers = {}) {
    headers.emplace_back("Content-Type", std::move(type));
    return Send(net::Method::kPost, std::move(target), std::move(body), std::move(headers));
  }
  static Json Body(const FakeAnswer& answer) {
    StatusOr<Json> value = ParseJson(answer.body, "answer");
    EXPECT_TRUE(value.ok()) << answer.body;
    return value.ok() ? *value : Json();
  }
  // Our own error shape.
  static void ExpectProblem(const FakeAnswer& answer, int status, std::string_view code) {
    EXPECT_EQ(answer.status, status) << answer.body;
    EXPECT_EQ(answer.content_type, "application/problem+json");
    const Json problem = Body(answer);
    EXPECT_EQ(problem.value("code", ""), code) << answer.body;
    EXPECT_EQ(problem.value("status", 0), status);
    EXPECT_FALSE(problem.value("detail", "").empty());
    EXPECT_EQ(problem.value("request_id", ""), answer.header("X-Request-Id"));
  }

  RestOptions Options() {
    RestOptions options;
    options.ready = [this] { return ready_; };
    return options;
  }

  FakeOperations operations_;
  Metrics metrics_;
  FakeClock clock_{1'000'000'000};
  OffloadPool pool_{OffloadOptions{1, 16}};
  bool ready_ = true;  // beside the models
  RestShared shared_{operations_, pool_, metrics_, clock_, Options()};
  FakeLoop loop_;
  FakePredict* predict_ = nullptr;
  std::unique_ptr<RestHandler> handler_;
  bool hold_ = false;  // do not wait for late answers
};

}  // namespace vigil::testing
