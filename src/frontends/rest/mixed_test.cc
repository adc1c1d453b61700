// A model with a tensor a column and several outputs, and one of doubles, through every dialect.
#include "frontends/testing/rest_fixture.h"

namespace vigil {
namespace {

class MixedDialects : public testing::RestFixture {
 protected:
  MixedDialects() { predict_->AddMixed(); }
  std::string Predictions(const std::string& model, const std::string& body, const std::string& type = "application/json") {
    const testing::FakeAnswer answer = Post("/api/v1/models/" + model + "/predict", body, type);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.status == 200 ? DumpJson(Body(answer)["predictions"]) : answer.body;
  }
};

constexpr char kAnswer[] = R"({"label":7,"probabilities":[0.9,0.1],"note":"web/0.1/7/1","shares":{"no":5,"yes":5.5}})";

TEST_F(MixedDialects, OurRowsAnswerAnObjectByOutputName) {
  const std::string row = R"({"amount":1,"channel":"web","count":7,"rate":0.1,"pair_0":4,"pair_1":5.5,"night":true})";
  EXPECT_EQ(Predictions("mixed", R"({"rows":[)" + row + "]}"), std::string("[") + kAnswer + "]");
  EXPECT_EQ(Predictions("mixed", row), std::string("[") + kAnswer + "]");
  EXPECT_EQ(Predictions("mixed", row + "\n" + row, "application/x-ndjson"), std::string("[") + kAnswer + "," + kAnswer + "]");
  EXPECT_EQ(Predictions("mixed", R"({"rows":[{"night":1,"channel":"web","rate":0.1,"count":7,"pair":[4,5.5],"amount":1}]})"),
            std::string("[") + kAnswer + "]")
      << "in another order, and a tensor of two columns by its own name";
  EXPECT_EQ(
      Predictions("mixed", R"({"columns":["channel","amount","count","rate","pair_0","pair_1","night"],"data":[["web",1,7,0.1,4,5.5,1]]})"),
      std::string("[") + kAnswer + "]");
  EXPECT_EQ(Predictions("mixed", "channel,amount,count,rate,pair_0,pair_1,night\nweb,1,7,0.1,4,5.5,true\n", "text/csv"),
            std::string("[") + kAnswer + "]");
}

TEST_F(MixedDialects, DoublesComeAndGoExactly) {
  EXPECT_EQ(Predictions("doubles", R"({"rows":[{"f0":0.1,"f1":0.2}]})"), "[0.30000000000000004]");
  EXPECT_EQ(Predictions("doubles", R"({"rows":[[0.1,0.2]]})"), "[0.30000000000000004]");
  EXPECT_EQ(Predictions("doubles", "f1,f0\n0.2,0.1\n", "text/csv"), "[0.30000000000000004]");
  const testing::FakeAnswer answer =
      Post("/v2/models/doubles/infer", R"({"inputs":[{"name":"input","datatype":"FP64","shape":[1,2],"data":[0.1,0.2]}]})");
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(DumpJson(Body(answer)["outputs"]), R"([{"name":"prediction","datatype":"FP64","shape":[1],"data":[0.30000000000000004]}])");
}

TEST_F(MixedDialects, ATypeErrorNamesRowColumnValueAndRule) {
  const testing::FakeAnswer answer = Post(
      "/api/v1/models/mixed/predict", R"({"rows":[{"amount":"much","channel":5,"count":7,"rate":0.1,"pair_0":4,"pair_1":5,"night":1}]})");
  EXPECT_EQ(answer.status, 422) << answer.body;
  EXPECT_EQ(
      DumpJson(Body(answer)["errors"]),
      R"([{"row":0,"column":"amount","value":"much","rule":"type FP32"},{"row":0,"column":"channel","value":"5","rule":"type BYTES"}])");
}

TEST_F(MixedDialects, OpenInferenceTakesATensorAColumn) {
  const std::string head =
      R"({"name":"amount","datatype":"FP32","shape":[2],"data":[1,2]},{"name":"channel","datatype":"BYTES","shape":[2,1],"data":["web","a\"b"]},)"
      R"({"name":"count","datatype":"INT64","shape":[2],"data":[7,8]},{"name":"rate","datatype":"FP64","shape":[2,1],"data":[[0.1],[0.5]]},)"
      R"({"name":"night","datatype":"BOOL","shape":[2],"data":[true,false]})";
  const std::string tensor = R"(,{"name":"pair","datatype":"FP32","shape":[2,2],"data":[[4,5.5],[6,7]]})";
  const std::string columns =
      R"(,{"name":"pair_0","datatype":"FP32","shape":[2],"data":[4,6]},{"name":"pair_1","datatype":"FP32","shape":[2],"data":[5.5,7]})";
  for (const std::string& pair : {tensor, columns}) {
    const testing::FakeAnswer answer = Post(
        "/v2/models/mixed/infer", R"({"inputs":[)" + head + pair + R"(],"outputs":[{"name":"note"},{"name":"shares"},{"name":"label"}]})");
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(
        DumpJson(Body(answer)["outputs"]),
        R"([{"name":"label","datatype":"INT64","shape":[2],"data":[7,8]},{"name":"note","datatype":"BYTES","shape":[2],"data":["web/0.1/7/1","a\"b/0.5/8/0"]},)"
        R"({"name":"shares","datatype":"FP32","shape":[2,2],"parameters":{"keys":"[\"no\",\"yes\"]"},"data":[5,5.5,8,7]}])");
  }
}

TEST_F(MixedDialects, WhatTheTensorsCannotBeNamesTheChoices) {
  const auto error = [&](const std::string& inputs) {
    const testing::FakeAnswer answer = Post("/v2/models/mixed/infer", R"({"inputs":[)" + inputs + "]}");
    EXPECT_EQ(answer.status, 400) << answer.body;
    return Body(answer).value("error", "");
  };
  EXPECT_NE(error(R"({"name":"x","datatype":"FP32","shape":[1,7],"data":[1,2,3,4,5,6,7]})")
                .find("column \"channel\" is BYTES, not FP32; send one tensor a column"),
            std::string::npos);
  const std::string choices =
      error(R"({"name":"amont","datatype":"FP32","shape":[1],"data":[1]},{"name":"rate","datatype":"FP64","shape":[1],"data":[1]})");
  EXPECT_NE(choices.find("did you mean \"amount\""), std::string::npos) << choices;
  EXPECT_NE(choices.find("\"channel\" (BYTES [-1, 1])"), std::string::npos) << choices;
  EXPECT_NE(error(R"({"name":"pair","datatype":"FP32","shape":[1,3],"data":[1,2,3]})").find("\"pair\" (FP32 [-1, 2])"), std::string::npos);
  const testing::FakeAnswer output = Post(
      "/v2/models/doubles/infer", R"({"inputs":[{"name":"input","datatype":"FP64","shape":[1,2],"data":[1,2]}],"outputs":[{"name":"p"}]})");
  EXPECT_NE(output.body.find("the model gives \\\"prediction\\\""), std::string::npos) << output.body;
}

TEST_F(MixedDialects, MlflowsFourFormsAnswer) {
  const testing::Headers model = {{"X-Vigil-Model", "mixed"}};
  const std::string wanted = std::string(R"({"predictions":[)") + kAnswer + "]}";
  for (
      const std::string body : {
          R"({"dataframe_split":{"columns":["channel","amount","count","rate","pair_0","pair_1","night"],"data":[["web",1,7,0.1,4,5.5,true]]}})",
          R"({"dataframe_records":[{"channel":"web","amount":1,"count":7,"rate":0.1,"pair_0":4,"pair_1":5.5,"night":true}]})",
          R"({"instances":[{"channel":["web"],"amount":1,"count":7,"rate":[0.1],"pair":[4,5.5],"night":true}]})",
          R"({"inputs":{"channel":["web"],"amount":[1],"count":[7],"rate":[[0.1]],"pair":[[4,5.5]],"night":[true]}})",
      }) {
    const testing::FakeAnswer answer = Post("/invocations", body, "application/json", model);
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(DumpJson(Body(answer)), wanted) << body;
  }
  const testing::FakeAnswer csv =
      Post("/invocations", "channel,amount,count,rate,pair_0,pair_1,night\nweb,1,7,0.1,4,5.5,1\n", "text/csv", model);
  EXPECT_EQ(DumpJson(Body(csv)), wanted);
  const testing::FakeAnswer wide = Post("/invocations", R"({"inputs":{"pair":[[4,5,6]]}})", "application/json", model);
  EXPECT_EQ(wide.status, 400) << wide.body;
}

TEST_F(MixedDialects, MetadataListsEveryTensor) {
  const Json body = Body(Get("/v2/models/mixed"));
  EXPECT_EQ(body["inputs"].size(), 6u);
  EXPECT_EQ(DumpJson(body["inputs"][1]), R"({"name":"channel","datatype":"BYTES","shape":[-1,1]})");
  EXPECT_EQ(body["outputs"].size(), 4u);
}

}  // namespace
}  // namespace vigil
