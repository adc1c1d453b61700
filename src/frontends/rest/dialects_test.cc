// Open Inference Protocol and MLflow over the handler.
#include <algorithm>
#include <cstring>
#include <functional>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "frontends/testing/rest_fixture.h"
#include "net/content_coding.h"

namespace vigil {
namespace {

using testing::FakeAnswer;
using ::testing::HasSubstr;
using testing::RestFixture;

class Oip : public RestFixture {
 protected:
  static void ExpectError(const FakeAnswer& answer, int status, std::string_view text) {
    EXPECT_EQ(answer.status, status) << answer.body;
    EXPECT_EQ(answer.content_type, "application/json");
    const Json body = Body(answer);
    ASSERT_EQ(body.size(), 1u) << answer.body;
    EXPECT_THAT(body.value("error", ""), HasSubstr(std::string(text)));
  }
};

TEST_F(Oip, HealthAlwaysHasBothFields) {
  EXPECT_EQ(Get("/v2/health/live").body, R"({"live":true,"ready":true})");
  EXPECT_EQ(Get("/v2/health/ready").status, 200);
  predict_->AddUnready();
  EXPECT_EQ(Get("/v2/health/live").status, 200);
  const FakeAnswer ready = Get("/v2/health/ready");
  EXPECT_EQ(ready.status, 503);
  EXPECT_EQ(ready.body, R"({"live":true,"ready":false})");
  EXPECT_EQ(Get("/ping").status, 503);
}

TEST_F(Oip, ReadinessFollowsTheServer) {
  ready_ = false;
  EXPECT_EQ(Get("/v2/health/ready").status, 503);
  ready_ = true;
  EXPECT_EQ(Get("/v2/health/ready").status, 200);
}

TEST_F(Oip, Metadata) {
  const Json server = Body(Get("/v2"));
  EXPECT_EQ(server["name"], "vigil");
  EXPECT_TRUE(server["extensions"].is_array());
  EXPECT_EQ(Get("/v2/models").body, R"({"models":["fraud","iris"]})");
  EXPECT_EQ(Get("/v2/models/fraud").body,
            R"({"name":"fraud","versions":["1","3"],"platform":"linear","inputs":[{"name":"input","datatype":"FP32","shape":[-1,2]}],)"
            R"("outputs":[{"name":"prediction","datatype":"FP32","shape":[-1]}]})");
  EXPECT_EQ(Get("/v2/models/fraud/versions/1?verbose=1").status, 200);
  EXPECT_EQ(Body(Get("/v2/models/fraud/ready"))["ready"], true);
  ExpectError(Get("/v2/models/frauds"), 404, "did you mean \"fraud\"");
  ExpectError(Get("/v2/models/fraud/versions/9/ready"), 404, "no version");
  predict_->AddUnready();
  const FakeAnswer unready = Get("/v2/models/empty/ready");
  EXPECT_EQ(unready.status, 503);
  EXPECT_EQ(Body(unready)["ready"], false);
  EXPECT_EQ(Body(unready)["name"], "empty");
}

TEST_F(Oip, Infer) {
  const FakeAnswer answer =
      Post("/v2/models/fraud/infer",
           R"({"id":"42","inputs":[{"name":"any","shape":[2,2],"datatype":"FP32","data":[1,2,3,4]}],"parameters":{"ids":["a","b"]}})");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body,
            R"({"model_name":"fraud","model_version":"3","id":"42","parameters":{"prediction_ids":"0000000000001,0000000000002"},)"
            R"("outputs":[{"name":"prediction","datatype":"FP32","shape":[2],"data":[33,37]}]})");
  EXPECT_EQ(predict_->last_ids, (std::vector<std::string>{"a", "b"}));
  const Json version =
      Body(Post("/v2/models/fraud/versions/1/infer",
                R"({"inputs":[{"name":"x","shape":[1,2],"datatype":"INT32","data":[[1,2]]}],"outputs":[{"name":"prediction"}]})"));
  EXPECT_EQ(version["model_version"], "1");
  EXPECT_FALSE(version.contains("id"));
  const Json iris = Body(Post("/v2/models/iris/infer", R"({"inputs":[{"name":"x","shape":[1,4],"datatype":"FP64","data":[1,1,1,1]}]})"));
  EXPECT_EQ(iris["outputs"][0]["shape"], Json::parse("[1,3]"));
  EXPECT_EQ(iris["outputs"][0]["data"], Json::parse("[14,15,16]"));
}

TEST_F(Oip, InferErrors) {
  const std::string good = R"({"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,2]}]})";
  ExpectError(Post("/v2/models/ghost/infer", good), 404, "no model");
  ExpectError(Post("/v2/models/fraud/versions/9/infer", good), 404, "no version");
  ExpectError(Post("/v2/models/fraud/infer", "{"), 400, "JSON");
  ExpectError(Post("/v2/models/fraud/infer", "{}"), 400, "inputs");
  ExpectError(Post("/v2/models/fraud/infer", R"({"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,"b"]}]})"), 400,
              "element 1: \"b\" is no number");
  ExpectError(Post("/v2/models/fraud/infer", R"({"inputs":[{"name":"amount","shape":[1],"datatype":"FP32","data":[1]}]})"), 400,
              "\"hour\"");
  ExpectError(Post("/v2/models/fraud/infer", R"({"inputs":[{"name":"x","shape":[0,2],"datatype":"FP32","data":[]}]})"), 400, "no rows");
  ExpectError(Post("/v2/models/fraud/infer", good.substr(0, good.size() - 1) + R"(,"outputs":[{"name":"score"}]})"), 400, "score");
  ExpectError(Post("/v2/models/fraud/infer", good, "application/octet-stream", {{"Inference-Header-Content-Length", "1000"}}), 400,
              "1000 bytes of JSON");
  ExpectError(Get("/v2/models/fraud/infer"), 405, "POST");
  ExpectError(Get("/v2/modles/fraud"), 404, "did you mean \"/v2/models/fraud\"");
}

TEST_F(Oip, BinaryBothWays) {
  const std::string json =
      R"({"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","parameters":{"binary_data_size":8}}],"parameters":{"binary_data_output":true}})";
  const float row[] = {1, 2};
  const std::string bytes(reinterpret_cast<const char*>(row), sizeof(row));
  const FakeAnswer answer = Post("/v2/models/fraud/infer", json + bytes, "application/octet-stream",
                                 {{"Inference-Header-Content-Length", std::to_string(json.size())}});
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.content_type, "application/octet-stream");
  const size_t head = std::stoul(answer.header("Inference-Header-Content-Length"));
  const Json said = Json::parse(answer.body.substr(0, head));
  EXPECT_EQ(said["outputs"][0]["parameters"]["binary_data_size"], 4);
  EXPECT_FALSE(said["outputs"][0].contains("data"));
  float prediction = 0;
  ASSERT_EQ(answer.body.size(), head + sizeof(prediction));
  std::memcpy(&prediction, answer.body.data() + head, sizeof(prediction));
  EXPECT_EQ(prediction, 33);
  // A body of bytes alone is one row; its answer is binary too.
  const FakeAnswer raw = Post("/v2/models/fraud/infer", bytes, "application/octet-stream", {{"Inference-Header-Content-Length", "0"}});
  EXPECT_EQ(raw.status, 200) << raw.body;
  EXPECT_FALSE(raw.header("Inference-Header-Content-Length").empty());
  ExpectError(Post("/v2/models/fraud/infer", json, "", {{"Inference-Header-Content-Length", "-1"}}), 400, "no number of bytes");
}

TEST_F(Oip, Classification) {
  const Json best = Body(Post("/v2/models/iris/infer", R"({"inputs":[{"name":"x","shape":[1,4],"datatype":"FP64","data":[1,1,1,1]}],)"
                                                       R"("outputs":[{"name":"prediction","parameters":{"classification":2}}]})"));
  EXPECT_EQ(best["outputs"][0]["datatype"], "BYTES");
  EXPECT_EQ(best["outputs"][0]["shape"], Json::parse("[1,2]"));
  EXPECT_EQ(best["outputs"][0]["data"], Json::parse(R"(["16:2","15:1"])"));
}

TEST_F(Oip, StatisticsCountRequestsAndRows) {
  Post("/v2/models/fraud/infer", R"({"inputs":[{"name":"x","shape":[2,2],"datatype":"FP32","data":[1,2,3,4]}]})");
  Post("/v2/models/fraud/infer", "{}");
  const Json all = Body(Get("/v2/models/stats"));
  EXPECT_EQ(all["model_stats"].size(), 3u);
  const Json stats = Body(Get("/v2/models/fraud/versions/3/stats"))["model_stats"][0];
  EXPECT_EQ(stats["inference_count"], 2);
  EXPECT_EQ(stats["inference_stats"]["success"]["count"], 1);
  EXPECT_EQ(stats["inference_stats"]["fail"]["count"], 1);
  ExpectError(Get("/v2/models/ghost/stats"), 404, "no model");
}

TEST_F(Oip, Config) {
  const Json config = Body(Get("/v2/models/iris/config"));
  EXPECT_EQ(config["input"], Json::parse(R"([{"name":"input","data_type":"TYPE_FP32","dims":[4]}])"));
  EXPECT_EQ(config["output"][0]["dims"], Json::parse("[3]"));
  EXPECT_GT(config["max_batch_size"], 0);
}

TEST_F(Oip, Repository) {
  const auto index = [&] { return Body(Post("/v2/repository/index", "")); };
  operations_.version.loaded = true;
  EXPECT_EQ(index()[0]["state"], "READY");
  EXPECT_EQ(Post("/v2/repository/models/fraud/unload", R"({"parameters":{"unload_dependents":false}})").status, 200);
  EXPECT_EQ(index()[0]["state"], "UNAVAILABLE");
  EXPECT_EQ(Body(Post("/v2/repository/index", R"({"ready":true})")).size(), 0u);
  EXPECT_EQ(Post("/v2/repository/models/fraud/load", "{}").status, 200);
  EXPECT_EQ(index()[0]["state"], "READY");
  ExpectError(Post("/v2/repository/models/ghost/load", ""), 404, "failed to load \"ghost\"");
  ExpectError(Post("/v2/repository/models/fraud/load", R"({"parameters":{"config":"{}"}})"), 501, "register another version");
}

TEST_F(Oip, AModelOnDemandIsReadyAndLoadedForWhoeverAsksWhatOnlyItKnows) {
  const std::string request = R"({"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,2]}]})";
  std::string packed;
  net::Encode(net::Coding::kGzip, request, &packed);
  const std::vector<std::function<int()>> askers = {
      [&] { return Post("/v2/models/lazy/infer", request).status; },
      [&] {
        return Post("/v2/models/lazy/versions/1/infer", packed, "application/json", {{"Content-Encoding", "gzip"}}).status;
      },
      [&] { return Get("/v2/models/lazy").status; }, [&] { return Get("/v2/models/lazy/versions/1/config").status; }};
  int loads = 0;
  for (const auto& ask : askers) {
    predict_->AddOnDemand();
    EXPECT_EQ(Get("/v2/health/ready").status, 200);
    EXPECT_EQ(Body(Get("/v2/models/lazy/ready"))["ready"], true);
    EXPECT_EQ(Body(Get("/v2/models/lazy/versions/1/ready"))["ready"], true);
    EXPECT_EQ(Get("/v2/models/lazy/versions/9/ready").status, 503);
    EXPECT_EQ(Body(Get("/v2/models/lazy/stats"))["model_stats"][0]["inference_count"], std::min(loads, 2)) << "without loading it";
    EXPECT_EQ(predict_->loads, loads);
    EXPECT_EQ(ask(), 200);
    EXPECT_EQ(predict_->loads, ++loads);
  }
}

TEST_F(Oip, AModelUnloadedByNameIsNotReadyAndTheServerIs) {
  predict_->AddOnDemand(true);
  EXPECT_EQ(Get("/v2/health/ready").status, 200);
  EXPECT_EQ(Get("/v2/models/lazy/ready").status, 503);
  ExpectError(Get("/v2/models/lazy"), 503, "was unloaded");
  ExpectError(Post("/v2/models/lazy/infer", "{}"), 503, "was unloaded");
  ExpectError(Get("/v2/models/lazy/stats"), 503, "no champion");
  EXPECT_EQ(predict_->loads, 0);
}

class Mlflow : public RestFixture {
 protected:
  Mlflow() { predict_->default_model = "iris"; }
  static void ExpectError(const FakeAnswer& answer, int status, std::string_view text) {
    EXPECT_EQ(answer.status, status) << answer.body;
    const Json body = Body(answer);
    EXPECT_FALSE(body.value("error_code", "").empty());
    EXPECT_THAT(body.value("message", ""), HasSubstr(std::string(text)));
  }
};

constexpr char kSplit[] =
    R"({"dataframe_split":{"columns":["petal_width","sepal_length","sepal_width","petal_length"],"data":[[1,1,1,null]]}})";

TEST_F(Mlflow, Health) {
  for (const char* path : {"/ping", "/health"}) {
    EXPECT_EQ(Get(path).status, 200);
    EXPECT_EQ(Get(path).body, "{}");
  }
  EXPECT_EQ(Get("/version").body, "0.1.0");
}

TEST_F(Mlflow, Invocations) {
  EXPECT_EQ(Post("/invocations", kSplit).body, R"({"predictions":[[13,14,15]]})");
  EXPECT_EQ(Post("/invocations", kSplit, "application/json; charset=utf-8").status, 200);
  EXPECT_EQ(Post("/invocations", "sepal_length,sepal_width,petal_length,petal_width,note\n1,1,1,1,x\n", "text/csv; charset=utf-8").body,
            R"({"predictions":[[14,15,16]]})");
  EXPECT_EQ(Post("/invocations", R"({"dataframe_split":{"columns":["amount","hour"],"data":[[1,2]]}})", "application/json",
                 {{"X-Vigil-Model", "fraud"}})
                .body,
            R"({"predictions":[33]})");
}

TEST_F(Mlflow, HeadersCarryIds) {
  Post("/invocations", R"({"inputs":[[1,1,1,1],[2,2,2,2]]})", "application/json",
       {{"X-Vigil-Ids", "a, b"}, {"X-Vigil-Entities", "c,d"}, {"X-Vigil-Times", "2018-01-01T00:00:00Z,2018-01-02T00:00:00Z"}});
  EXPECT_EQ(predict_->last_ids, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(predict_->last_entities, (std::vector<std::string>{"c", "d"}));
  EXPECT_EQ(predict_->last_times.size(), 2u);
  ExpectError(Post("/invocations", R"({"inputs":[[1,1,1,1]]})", "application/json", {{"X-Vigil-Ids", "a,b"}}), 400, "X-Vigil-Ids");
}

TEST_F(Mlflow, Errors) {
  ExpectError(Post("/invocations", "{"), 400, "JSON");
  ExpectError(Post("/invocations", ""), 400, "empty");
  ExpectError(Post("/invocations", R"({"foo":1})"), 400, "exactly one");
  ExpectError(Post("/invocations", R"({"dataframe_split":{"columns":["sepal_length","sepal_width","petal_length"],"data":[[1,1,1]]}})"),
              400, "petal_width");
  ExpectError(Post("/invocations", R"({"inputs":[["a",3,1,0]]})"), 400, "sepal_length");
  for (const char* type : {"application/xml", "text/plain", "application/json; format=pandas-split", ""}) {
    ExpectError(Post("/invocations", "x", type), 415, "");
  }
  ExpectError(Get("/invocations"), 405, "POST");
  predict_->default_model.clear();
  ExpectError(Post("/invocations", kSplit), 400, "name a model");
}

}  // namespace
}  // namespace vigil
