// SageMaker, Vertex AI and Azure ML over the handler.
#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "frontends/testing/rest_fixture.h"

namespace vigil {
namespace {

using testing::FakeAnswer;
using ::testing::HasSubstr;
using testing::RestFixture;

constexpr char kIrisRows[] = R"([[1,1,1,1],[2,2,2,2]])";

class Sagemaker : public RestFixture {
 protected:
  Sagemaker() { predict_->default_model = "iris"; }
  static void ExpectError(const FakeAnswer& answer, int status, std::string_view type, std::string_view text) {
    EXPECT_EQ(answer.status, status) << answer.body;
    const Json body = Body(answer);
    EXPECT_EQ(body.value("code", 0), status);
    EXPECT_EQ(body.value("type", ""), type);
    EXPECT_THAT(body.value("message", ""), HasSubstr(std::string(text)));
  }
};

TEST_F(Sagemaker, CsvHasAHeaderOrNot) {
  const auto csv = [&](std::string body, std::string type = "text/csv") { return Post("/invocations", std::move(body), std::move(type)); };
  EXPECT_EQ(csv("1,1,1,1\n2,2,2,2\n").body, R"({"predictions":[[14,15,16],[18,19,20]]})");
  EXPECT_EQ(csv("petal_width,sepal_length,sepal_width,petal_length\n,1,1,1\n").body, R"({"predictions":[[13,14,15]]})");
  EXPECT_EQ(csv(",1,1,1\n").body, R"({"predictions":[[13,14,15]]})");
  EXPECT_EQ(csv("1,1,1,1\n", "text/csv; header=absent").body, R"({"predictions":[[14,15,16]]})");
  EXPECT_THAT(csv("1,1,1\n").body, HasSubstr("3 cells, the model takes 4"));
  EXPECT_EQ(csv("1,1,1,1\n", "text/csv; header=present").status, 400);
  EXPECT_EQ(csv("1,1,1,1\n1,1\n").status, 400);
  EXPECT_EQ(csv("1,1,1,1\n", "text/csv; header=perhaps").status, 415);
  EXPECT_EQ(csv("a,b,c,d\n1,1,1,1\n").status, 400);
}

TEST_F(Sagemaker, AcceptChoosesTheForm) {
  const auto answer = [&](std::string accept) {
    return Post("/invocations", R"({"instances":[[1,1,1,1],[2,2,2,2]]})", "application/json", {{"Accept", std::move(accept)}});
  };
  EXPECT_EQ(answer("text/csv").body, "14,15,16\n18,19,20\n");
  EXPECT_THAT(answer("text/csv").content_type, HasSubstr("text/csv"));
  EXPECT_EQ(answer("text/csv, */*").body, "14,15,16\n18,19,20\n");
  EXPECT_EQ(answer("application/jsonlines").body, "{\"predictions\":[14,15,16]}\n{\"predictions\":[18,19,20]}\n");
  EXPECT_EQ(answer("application/jsonlines").content_type, "application/jsonlines");
  for (const char* json : {"*/*", "application/json, text/csv", "application/json", "text/*", "text/csv;q=0, */*", "application/x-npy"}) {
    EXPECT_EQ(answer(json).content_type, "application/json") << json;
  }
}

TEST_F(Sagemaker, TextsInCsvAreQuotedAndMissingNumbersAreWords) {
  predict_->AddMixed();
  const FakeAnswer answer =
      Post("/invocations", R"({"inputs":[{"amount":null,"channel":"a,\"b","count":7,"rate":0.5,"pair":[4,5.5],"night":true}]})",
           "application/json", {{"Accept", "text/csv"}, {"X-Vigil-Model", "mixed"}});
  EXPECT_EQ(answer.body, "7,0.5,0.5,\"a,\"\"b/0.5/7/1\",nan,5.5\n");
  // Lines in the model's order, each text kept beyond its line.
  const FakeAnswer lines = Post("/invocations", "[1,\"web\",7,0.5,4,5.5,true]\n[1,\"shop\",8,0.5,4,5.5,false]\n", "application/jsonlines",
                                {{"Accept", "text/csv"}, {"X-Vigil-Model", "mixed"}});
  EXPECT_EQ(lines.body, "7,0.5,0.5,web/0.5/7/1,5,5.5\n8,0.5,0.5,shop/0.5/8/0,5,5.5\n");
  // A first line with texts in columns of texts may be a row too.
  const FakeAnswer csv = Post("/invocations", "1,web,7,0.5,4,5.5,true\n", "text/csv", {{"Accept", "text/csv"}, {"X-Vigil-Model", "mixed"}});
  EXPECT_EQ(csv.body, "7,0.5,0.5,web/0.5/7/1,5,5.5\n");
}

TEST_F(Sagemaker, LinesAreRows) {
  const auto lines = [&](std::string body) { return Post("/invocations", std::move(body), "application/jsonlines"); };
  EXPECT_EQ(lines("[1,1,1,1]\n\n{\"sepal_length\":2,\"sepal_width\":2,\"petal_length\":2,\"petal_width\":2,\"note\":1}\n").body,
            R"({"predictions":[[14,15,16],[18,19,20]]})");
  EXPECT_THAT(lines("[1,1,1,1]\n[1,1]\n").body, HasSubstr("line 2"));
  EXPECT_EQ(lines("[1,1,1,1] x\n").status, 400);
  EXPECT_EQ(lines("7\n").status, 400);
  EXPECT_EQ(Post("/invocations", "x", "application/x-npy").status, 415);
}

TEST_F(Sagemaker, BinaryTensors) {
  const std::string json =
      R"({"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","parameters":{"binary_data_size":16}}],"parameters":{"binary_data_output":true}})";
  const float row[] = {1, 1, 1, 1};
  const std::string prefix = "application/vnd.sagemaker-triton.binary+json;json-header-size=";
  const std::string body = json + std::string(reinterpret_cast<const char*>(row), sizeof(row));
  const FakeAnswer answer = Post("/invocations", body, prefix + std::to_string(json.size()));
  ASSERT_EQ(answer.status, 200) << answer.body;
  ASSERT_TRUE(answer.content_type.starts_with(prefix)) << answer.content_type;
  EXPECT_EQ(answer.header("Inference-Header-Content-Length"), "");
  const size_t head = std::stoul(answer.content_type.substr(prefix.size()));
  EXPECT_EQ(Json::parse(answer.body.substr(0, head))["outputs"][0]["shape"], Json::parse("[1,3]"));
  float scores[3];
  ASSERT_EQ(answer.body.size(), head + sizeof(scores));
  std::memcpy(scores, answer.body.data() + head, sizeof(scores));
  EXPECT_EQ(scores[2], 16);
  // All JSON: the answer says how much of it that is.
  const std::string plain = R"({"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[1,1,1,1]}]})";
  const FakeAnswer text = Post("/models/iris/invoke", plain, "application/vnd.sagemaker-triton.binary+json");
  EXPECT_EQ(text.content_type, prefix + std::to_string(text.body.size()));
  const FakeAnswer bad = Post("/invocations", body, prefix + "x");
  EXPECT_EQ(bad.status, 400);
  EXPECT_FALSE(Body(bad).value("error_code", "").empty());
}

TEST_F(Sagemaker, ModelsComeAndGo) {
  operations_.model.ready = false;
  EXPECT_EQ(Get("/models").body, R"({"models":[]})");
  EXPECT_EQ(Post("/models", R"({"model_name":"m1","url":"/opt/ml/models/1/model","extra":1})").status, 200);
  EXPECT_EQ(operations_.registered.model, "m1");
  ExpectError(Post("/models", R"({"model_name":"m1","url":"/opt/ml/models/1/model"})"), 409, "ConflictStatusException", "served already");
  EXPECT_EQ(Body(Get("/models/m1")), Json::parse(R"({"modelName":"m1","modelUrl":"/opt/ml/models/1/model"})"));
  EXPECT_EQ(Body(Get("/models"))["models"].size(), 1u);
  EXPECT_EQ(Body(Get("/models?next_page_token=m1"))["models"].size(), 0u);
  EXPECT_EQ(Send(net::Method::kDelete, "/models/m1").status, 200);
  ExpectError(Get("/models/m1"), 404, "ModelNotFoundException", "not loaded");
  ExpectError(Send(net::Method::kDelete, "/models/m1"), 404, "ModelNotFoundException", "m1");
}

TEST_F(Sagemaker, Invoke) {
  const FakeAnswer answer = Post("/models/iris/invoke", "1,1,1,1\n", "text/csv", {{"X-Amzn-SageMaker-Target-Model", "iris.tar.gz"}});
  EXPECT_EQ(answer.body, R"({"predictions":[[14,15,16]]})");
  ExpectError(Post("/models/ghost/invoke", "1,1,1,1\n", "text/csv"), 404, "ModelNotFoundException", "no model");
  ExpectError(Post("/models/iris/invoke", R"({"inputs":[["a",1,1,1]]})"), 400, "BadRequestException", "sepal_length");
  ExpectError(Get("/models/iris/invoke"), 405, "MethodNotAllowedException", "POST");
}

TEST_F(Sagemaker, LoadErrors) {
  for (const char* body : {"{", "{}", R"({"model_name":"x"})", R"({"url":"x"})"}) {
    ExpectError(Post("/models", body), 400, "BadRequestException", "");
  }
  operations_.fail = absl::ResourceExhaustedError("2 bytes, and 1 are left in memory");
  ExpectError(Post("/models", R"({"model_name":"m","url":"/x"})"), 507, "InsufficientStorageException", "left in memory");
  operations_.fail = absl::NotFoundError("no file /x");
  ExpectError(Post("/models", R"({"model_name":"m","url":"/x"})"), 404, "ModelNotFoundException", "/x");
}

class Vertex : public RestFixture {
 protected:
  Vertex() {
    RestOptions options;
    options.vertex = {"/v1/models/iris", "/invocations"};
    vertex_ = std::make_unique<RestShared>(operations_, pool_, metrics_, clock_, options);
    auto predict = std::make_unique<testing::FakePredict>();
    predict_ = predict.get();
    predict_->default_model = "iris";
    handler_ = std::make_unique<RestHandler>(*vertex_, loop_, std::move(predict));
  }
  ~Vertex() override { handler_.reset(); }
  std::unique_ptr<RestShared> vertex_;
};

TEST_F(Vertex, RoutesWinWhereTheyAre) {
  EXPECT_EQ(Get("/v1/models/iris").status, 200);
  EXPECT_EQ(Post("/invocations", R"({"instances":[[1,1,1,1]],"parameters":{"confidence":0.5}})").body, R"({"predictions":[[14,15,16]]})");
  EXPECT_EQ(
      Post("/invocations", R"({"parameters":null,"instances":[{"sepal_length":1,"sepal_width":1,"petal_length":1,"petal_width":1}]})").body,
      R"({"predictions":[[14,15,16]]})");
  EXPECT_THAT(vertex_->openapi, HasSubstr("vertexPredict"));
}

TEST_F(Vertex, Errors) {
  for (const char* body :
       {"{", "{}", R"({"instances":3})", R"({"instances":[{"nope":1}]})", R"({"instances":[]})", R"({"inputs":[[1,1,1,1]]})"}) {
    const FakeAnswer answer = Post("/invocations", body);
    EXPECT_EQ(answer.status, 400) << body;
    EXPECT_FALSE(Body(answer).value("error", "").empty()) << answer.body;
  }
  EXPECT_EQ(Post("/invocations", "1,1,1,1", "text/csv").status, 415);
}

TEST(VertexRoutes, ArePathsOrRefused) {
  const auto read = [](std::string path) { return ReadVertexRoutes({{"AIP_PREDICT_ROUTE", std::move(path)}}); };
  EXPECT_EQ(read("/a/b:predict")->predict, "/a/b:predict");
  EXPECT_TRUE(read("")->predict.empty());
  EXPECT_TRUE(ReadVertexRoutes({})->health.empty());
  for (const char* bad : {"predict", "/{x}", "/a?b", "/a b", "/a#", "/%41"}) {
    EXPECT_THAT(std::string(read(bad).status().message()), HasSubstr("AIP_PREDICT_ROUTE")) << bad;
  }
}

class Azure : public RestFixture {
 protected:
  Azure() { predict_->default_model = "iris"; }
  static void ExpectError(const FakeAnswer& answer, int status, std::string_view text) {
    EXPECT_EQ(answer.status, status) << answer.body;
    EXPECT_THAT(Body(answer).value("message", ""), HasSubstr(std::string(text)));
  }
};

TEST_F(Azure, EveryForm) {
  const std::string split = R"({"columns":["petal_width","sepal_length","sepal_width","petal_length"],"index":[0],"data":[[1,1,1,null]]})";
  EXPECT_EQ(Post("/score", R"({"input_data":)" + split + "}").body, "[[13,14,15]]");
  EXPECT_EQ(Post("/score", R"({"dataframe_split":)" + split + "}").body, "[[13,14,15]]");
  for (const char* key : {"data", "input_data"}) {
    EXPECT_EQ(Post("/score", std::string(R"({")") + key + R"(":)" + kIrisRows + "}").body, "[[14,15,16],[18,19,20]]") << key;
  }
  EXPECT_EQ(
      Post("/score", R"({"input_data":{"sepal_length":[1],"sepal_width":[1],"petal_length":[1],"petal_width":[1]},"params":{}})").body,
      "[[14,15,16]]");
  EXPECT_EQ(Get("/score?sepal_length=1&sepal_width=1&petal_length=1&petal_width=&x=y").body, "[[13,14,15]]");
}

TEST_F(Azure, Errors) {
  ExpectError(Post("/score", "{"), 400, "JSON");
  ExpectError(Post("/score", "{}"), 400, "\"input_data\", \"dataframe_split\", \"data\"");
  ExpectError(Post("/score", R"({"data":[[1]],"input_data":[[1]]})"), 400, "exactly one");
  ExpectError(Post("/score", R"({"input_data":{"columns":["sepal_length"]}})"), 400, "\"data\"");
  ExpectError(Post("/score", R"({"dataframe_split":[1]})"), 400, "columns and data");
  ExpectError(Post("/score", R"({"data":[[1,1,1]]})"), 400, "4 are expected");
  ExpectError(Post("/score", "x", "text/csv"), 415, "application/json");
  ExpectError(Get("/score"), 400, "/score?NAME=VALUE");
  ExpectError(Get("/score?sepal_length=1"), 400, "sepal_width");
  ExpectError(Get("/score?sepal_length=x&sepal_width=1&petal_length=1&petal_width=1"), 400, "sepal_length");
}

TEST_F(Azure, IdsComeBack) {
  const std::string body = std::string(R"({"data":)") + kIrisRows + "}";
  const FakeAnswer given = Post("/score", body, "application/json", {{"x-ms-request-id", "abc-1"}, {"X-MS-Client-Request-Id", "cli-2"}});
  EXPECT_EQ(given.header("x-ms-request-id"), "abc-1");
  EXPECT_EQ(given.header("x-ms-client-request-id"), "cli-2");
  EXPECT_EQ(given.header("X-Request-Id"), "abc-1");
  const FakeAnswer ours = Post("/score", body, "application/json", {{"x-ms-request-id", "abc-1"}, {"X-Request-Id", "mine"}});
  EXPECT_EQ(ours.header("X-Request-Id"), "mine");
  EXPECT_EQ(ours.header("x-ms-request-id"), "abc-1");
  const FakeAnswer made = Post("/score", "{");  // errors have them too
  EXPECT_EQ(made.header("x-ms-request-id"), made.header("X-Request-Id"));
  EXPECT_EQ(made.header("x-ms-client-request-id"), "");
  for (const char* name : {"x-ms-request-id", "x-ms-client-request-id", "x-request-id"}) {
    ExpectError(Post("/score", body, "application/json", {{name, std::string(5000, 'a')}}), 431, name);
  }
}

TEST_F(Azure, IdsComeBackLate) {
  predict_->later = true;
  const FakeAnswer late =
      Post("/score", std::string(R"({"data":)") + kIrisRows + "}", "application/json", {{"x-ms-client-request-id", "cli-2"}});
  EXPECT_EQ(late.status, 200) << late.body;
  EXPECT_EQ(late.header("x-ms-client-request-id"), "cli-2");
  EXPECT_EQ(late.header("x-ms-request-id"), late.header("X-Request-Id"));
}

TEST_F(Azure, Swagger) {
  const Json second = Body(Get("/swagger.json"));
  EXPECT_EQ(second["swagger"], "2.0");
  EXPECT_EQ(second["paths"]["/score"]["post"]["parameters"][0]["in"], "body");
  EXPECT_EQ(second["paths"]["/score"]["get"]["parameters"].size(), 4u);
  const Json third = Body(Get("/swagger.json?version=3"));
  EXPECT_EQ(third["openapi"], "3.0.3");
  EXPECT_EQ(third["components"]["schemas"]["ServiceInput"]["example"]["input_data"]["columns"][0], "sepal_length");
  ExpectError(Get("/swagger.json?version=9"), 404, "2 and 3");
  predict_->default_model.clear();  // which model is meant is not known: described without its columns
  EXPECT_EQ(Body(Get("/swagger.json"))["paths"]["/score"]["get"]["parameters"].size(), 0u);
}

TEST_F(Azure, NoOtherOriginIsAllowed) {
  const FakeAnswer options = Send(net::Method::kOptions, "/score", "", {{"Origin", "http://other.example"}});
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(options.header("Access-Control-Allow-Origin"), "");
  EXPECT_THAT(options.header("Allow"), HasSubstr("POST"));
}

}  // namespace
}  // namespace vigil
