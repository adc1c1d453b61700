// TensorFlow Serving over the handler.
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "frontends/tensors/tfs_answer.h"
#include "frontends/testing/rest_fixture.h"

namespace vigil {
namespace {

using testing::FakeAnswer;
using ::testing::HasSubstr;
using testing::RestFixture;

class Tfs : public RestFixture {
 protected:
  static void ExpectError(const FakeAnswer& answer, int status, std::string_view text) {
    EXPECT_EQ(answer.status, status) << answer.body;
    const Json body = Body(answer);
    ASSERT_EQ(body.size(), 1u) << answer.body;
    EXPECT_THAT(body.value("error", ""), HasSubstr(std::string(text)));
  }
};

TEST_F(Tfs, PredictsRowsAndColumns) {
  EXPECT_EQ(Post("/v1/models/fraud:predict", R"({"instances":[[1,2],[3,4.5]]})").body, R"({"predictions":[33.0,37.5]})");
  EXPECT_EQ(Post("/v1/models/fraud:predict", R"({"instances":[{"hour":1,"amount":2},{"amount":NaN,"hour":1}]})").body,
            R"({"predictions":[33.0,31.0]})");
  EXPECT_EQ(Post("/v1/models/fraud:predict", R"({"inputs":{"amount":[1],"hour":[[2]]}})").body, R"({"outputs":[33.0]})");
  EXPECT_EQ(Post("/v1/models/iris:predict", R"({"inputs":{"input":[[1,1,1,1]]}})").body, R"({"outputs":[[14.0,15.0,16.0]]})");
  EXPECT_EQ(Post("/v1/models/fraud:predict", R"({"instances":[[1,2]]})", "application/x-www-form-urlencoded").status, 200);
}

TEST_F(Tfs, AddressesVersionsInAnyCase) {
  EXPECT_EQ(Post("/v1/models/fraud/versions/1:predict", R"({"instances":[[1,2]]})").body, R"({"predictions":[13.0]})");
  EXPECT_EQ(Post("/V1/Models/fraud/Versions/1:Predict", R"({"instances":[[1,2]]})").body, R"({"predictions":[13.0]})");
  EXPECT_EQ(Get("/V1/MODELS/fraud/METADATA").status, 200);
  ExpectError(Post("/v1/models/FRAUD:predict", R"({"instances":[[1,2]]})"), 404, "no model \"FRAUD\"");
  ExpectError(Post("/v1/models/fraud/versions/9:predict", R"({"instances":[[1,2]]})"), 404, "no version \"9\"");
  ExpectError(Post("/v1/models/fraud/labels/stable:predict", R"({"instances":[[1,2]]})"), 400, "label: stable");
  ExpectError(Get("/v1/models/fraud/labels/stable/metadata"), 400, "label: stable");
  ExpectError(Get("/v1/models/fraud/labels/stable"), 400, "label: stable");
  ExpectError(Post("/v1/models/fraud:predct", "{}"), 405, "not offered here");
  ExpectError(Get("/v1/nothing"), 404, "no route");
}

TEST_F(Tfs, LabelsAreVersions) {
  predict_->SetLabel("fraud", "stable", "1");
  operations_.model.labels["stable"] = "3";
  operations_.version.loaded = true;
  EXPECT_EQ(Post("/v1/models/fraud/labels/stable:predict", R"({"instances":[[1,2]]})").body, R"({"predictions":[13.0]})");
  EXPECT_EQ(Body(Get("/v1/models/fraud/labels/stable/metadata"))["model_spec"]["version"], "1");
  EXPECT_EQ(Body(Get("/v1/models/fraud/labels/stable"))["model_version_status"][0]["version"], "3");
  ExpectError(Get("/v1/models/fraud/labels/stabel"), 400, "did you mean \"stable\"");
  ExpectError(Get("/v1/models/nothing"), 404, "Could not find any versions of model nothing");
}

TEST_F(Tfs, ClassifiesAndRegresses) {
  EXPECT_EQ(Post("/v1/models/fraud:regress", R"({"context":{"hour":1},"examples":[{"amount":1},{"amount":[2],"hour":5}]})").body,
            R"({"results":[32.0,37.0]})");
  const std::string iris = R"({"examples":[{"sepal_length":1,"sepal_width":1,"petal_length":1,"petal_width":1}]})";
  EXPECT_EQ(Post("/v1/models/iris:classify", iris).body, R"({"results":[[["0",14.0],["1",15.0],["2",16.0]]]})");
  ExpectError(Post("/v1/models/iris:regress", iris), 400, "3 numbers a row");
  ExpectError(Post("/v1/models/fraud:classify", R"({"examples":[{"amount":1,"hour":1}]})"), 400, "scores of classes");
  ExpectError(Post("/v1/models/fraud:regress", R"({"examples":[{"amount":1}]})"), 400, "hour");
}

TEST_F(Tfs, MixedModelsAnswerByName) {
  predict_->AddMixed();
  const std::string row = R"({"amount":1,"channel":"web","count":7,"rate":0.25,"pair":[2,3],"night":true})";
  const FakeAnswer rows = Post("/v1/models/mixed:predict", R"({"instances":[)" + row + "]}");
  ASSERT_EQ(rows.status, 200) << rows.body;
  const Json prediction = Body(rows)["predictions"][0];
  EXPECT_EQ(prediction["probabilities"], Json::array({0.75, 0.25}));
  EXPECT_TRUE(prediction["note"].is_string());
  EXPECT_EQ(prediction["shares"].size(), 2u);
  const FakeAnswer columns = Post("/v1/models/mixed:predict",
                                  R"({"inputs":{"amount":[1],"channel":["web"],"count":[3],"rate":[0.25],"pair":[[2,3]],"night":[true]}})");
  ASSERT_EQ(columns.status, 200) << columns.body;
  EXPECT_EQ(Body(columns)["outputs"]["probabilities"], Json::array({Json::array({0.75, 0.25})}));
  EXPECT_EQ(Body(columns)["outputs"]["label"], Json::array({3}));
}

TEST_F(Tfs, RowsHaveIdsInHeaders) {
  EXPECT_EQ(Post("/v1/models/fraud:predict", R"({"instances":[[1,2],[3,4]]})", "application/json", {{"X-Vigil-Ids", "x,y"}}).status, 200);
  EXPECT_THAT(predict_->last_ids, ::testing::ElementsAre("x", "y"));
}

TEST_F(Tfs, ErrorsAreOneText) {
  ExpectError(Post("/v1/models/fraud:predict", "{"), 400, "JSON");
  ExpectError(Post("/v1/models/fraud:predict", R"({"instances":[[1,2,3]]})"), 400, "unexpected shape");
  ExpectError(Post("/v1/models/fraud:predict", R"({"instances":[{"amount":1}]})"), 400, "hour");
  ExpectError(Post("/v1/models/fraud:predict", R"({"signature_name":"nope","instances":[[1,2]]})"), 400, "\"serving_default\"");
  predict_->fail = absl::UnavailableError("busy");
  const FakeAnswer busy = Post("/v1/models/fraud:predict", R"({"instances":[[1,2]]})");
  ExpectError(busy, 503, "busy");
  EXPECT_EQ(busy.header("Retry-After"), "1");
}

TEST_F(Tfs, StatusAndMetadata) {
  operations_.version.loaded = true;
  EXPECT_EQ(
      Body(Get("/v1/models/fraud")),
      Json::parse(R"({"model_version_status":[{"version":"3","state":"AVAILABLE","status":{"error_code":"OK","error_message":""}}]})"));
  EXPECT_EQ(Get("/v1/models/fraud/versions/3").status, 200);
  ExpectError(Get("/v1/models/fraud/versions/9"), 404, "no version \"9\"");
  operations_.version.loaded = false;
  EXPECT_EQ(Body(Get("/v1/models/fraud"))["model_version_status"][0]["state"], "END");
  operations_.model.on_demand = true;  // a request would load it
  EXPECT_EQ(Body(Get("/v1/models/fraud"))["model_version_status"][0]["state"], "AVAILABLE");
  const Json metadata = Body(Get("/v1/models/iris/metadata"));
  EXPECT_EQ(metadata["model_spec"], Json::parse(R"({"name":"iris","signature_name":"","version":"1"})"));
  const Json& signature = metadata["metadata"]["signature_def"]["signature_def"]["serving_default"];
  EXPECT_EQ(signature["method_name"], "tensorflow/serving/predict");
  EXPECT_EQ(signature["inputs"]["input"]["dtype"], "DT_FLOAT");
  EXPECT_EQ(signature["inputs"]["input"]["tensor_shape"]["dim"][0]["size"], "-1");
  EXPECT_EQ(signature["inputs"]["input"]["tensor_shape"]["dim"][1]["size"], "4");
  EXPECT_TRUE(signature["outputs"].contains("prediction"));
}

TEST_F(Tfs, TextsAreBase64WhereTheirNameSaysSo) {
  OwnedTensor owned;
  owned.Reset("image_bytes", DType::kString, {2, 1});
  owned.strings = {"hello", std::string("\xFF\x00", 2)};
  TensorSpec spec{"image_bytes", DType::kString, {-1, 1}};
  AnswerTensor tensor{&spec, DType::kString, {2, 1}, nullptr, &owned};
  std::string out;
  AppendTfsRows({&tensor, 1}, 2, &out);
  EXPECT_EQ(out, R"([{"b64":"aGVsbG8="}],[{"b64":"/wA="}])");
  spec.name = "image";
  out.clear();
  AppendTfsColumns({&tensor, 1}, &out);
  EXPECT_THAT(out, HasSubstr("[\"hello\"]"));
}

TEST_F(Tfs, FloatsAreWrittenAsFloats) {
  std::string out;
  for (const float value : {3.0f, 0.1f, 1e20f, -0.0f, NAN, INFINITY, -INFINITY}) {
    AppendTfsNumber(value, &out);
    out.push_back(' ');
  }
  EXPECT_EQ(out, "3.0 0.1 1e+20 -0.0 NaN Infinity -Infinity ");
}

}  // namespace
}  // namespace vigil
