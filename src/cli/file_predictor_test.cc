// `vigil predict` on the fake runtime: every column type in, every output type out, in every format.
#include "cli/file_predictor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "base/testing/paths.h"
#include "cli/answer_table.h"
#include "runtime/testing/fake_model.h"
#include "storage/tables.h"

namespace vigil::cli {
namespace {

using ::testing::HasSubstr;

class FilePredictorTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& text) {
    std::ofstream(dir_.file(name), std::ios::binary) << text;
    return dir_.file(name);
  }
  std::string Predict(const testing::FakeModelOptions& model, const std::string& input, const std::string& output = "out.csv",
                      const std::string& schema = "") {
    FilePredictOptions options;
    options.inputs = {input};
    options.output = dir_.file(output);
    options.schema = schema;
    const StatusOr<int64_t> rows = PredictFile(testing::FakeModel(model, clock_), options);
    if (!rows.ok()) return std::string(rows.status().message());
    rows_ = *rows;
    if (output.ends_with(".parquet")) return "";
    std::ostringstream text;
    text << std::ifstream(options.output, std::ios::binary).rdbuf();
    return text.str();
  }

  testing::TempDir dir_;
  FakeClock clock_{0};
  int64_t rows_ = 0;
};

constexpr char kHeader[] = "label,probabilities_0,probabilities_1,note,shares[no],shares[yes]\n";

TEST_F(FilePredictorTest, EveryColumnTypeInAndOutputTypeOut) {
  const std::string csv =
      Write("rows.csv",
            "rate,channel,extra,count,night,pair_0,pair_1,amount\n0.1,007,x,7,true,4,5.5,1\n0.25,\"a,b\",y,8,false,1,2,\n"
            ",,z,9,true,1,1e300,0.1\n");
  EXPECT_EQ(Predict(testing::MixedColumns(), csv), std::string(kHeader) +
                                                       "7,0.9,0.1,007/0.1/7/1,5,5.5\n8,0.75,0.25,\"a,b/0.25/8/0\",nan,2\n"
                                                       "9,nan,nan,/nan/9/1,1.1,inf\n");
  EXPECT_EQ(rows_, 3);
  const std::string ndjson =
      Write("rows.ndjson", R"({"amount":1,"channel":"web","count":7,"rate":0.1,"pair_0":4,"pair_1":5.5,"night":true})"
                           "\n"
                           R"({"amount":2,"channel":null,"count":-3,"rate":0.30000000000000004,"pair_0":4,"pair_1":5.5,"night":false})"
                           "\n");
  EXPECT_EQ(
      Predict(testing::MixedColumns(), ndjson, "out.ndjson"),
      R"({"label":7,"probabilities_0":0.9,"probabilities_1":0.1,"note":"web/0.1/7/1","shares[no]":5,"shares[yes]":5.5})"
      "\n"
      R"({"label":-3,"probabilities_0":0.7,"probabilities_1":0.3,"note":"/0.30000000000000004/-3/0","shares[no]":6,"shares[yes]":5.5})"
      "\n");
}

TEST_F(FilePredictorTest, ParquetKeepsTheTypes) {
  const std::string csv = Write("rows.csv", "amount,channel,count,rate,pair_0,pair_1,night\n1,007,7,0.1,4,5.5,true\n");
  Predict(testing::MixedColumns(), csv, "out.parquet");
  std::vector<std::string> lines;
  const Status status = QueryTables("SELECT typeof(label) AS a, typeof(probabilities_0) AS b, typeof(note) AS c, note FROM t",
                                    {{"t", {dir_.file("out.parquet")}}}, [&](std::string_view line) {
                                      lines.emplace_back(line);
                                      return absl::OkStatus();
                                    });
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(lines[0], R"({"a":"BIGINT","b":"FLOAT","c":"VARCHAR","note":"007/0.1/7/1"})") << "a text stays as it is written";
  const testing::FakeModelOptions sum = testing::SumOfDoubles(2);
  const std::string doubles = Write("doubles.csv", "f0,f1\n0.1,0.2\n");
  Predict(sum, doubles, "doubles.parquet");
  EXPECT_EQ(Predict(sum, doubles), "prediction\n0.30000000000000004\n");
}

TEST_F(FilePredictorTest, AMatrixWithoutNamesTakesTheFilesOrderUnlessToldOtherwise) {
  testing::FakeModelOptions first = testing::SumOfDoubles(2);
  first.score = [](const Batch& batch, Outputs* outputs) {
    outputs->tensors.resize(1);
    const int64_t shape[] = {static_cast<int64_t>(batch.rows())};
    outputs->tensors[0].Reset("prediction", DType::kFloat64, shape);
    for (size_t r = 0; r < batch.rows(); ++r)
      outputs->tensors[0].As<double>()[r] = static_cast<const double*>(batch.tensors()[0].data)[2 * r];
    return absl::OkStatus();
  };
  EXPECT_EQ(Predict(first, Write("a.csv", "b,a\n1,2\n")), "prediction\n1\n");
  EXPECT_EQ(Predict(first, Write("f.csv", "f1,f0\n1,2\n")), "prediction\n2\n") << "named as the model makes them up";
  EXPECT_EQ(Predict(first, Write("a.csv", "b,a\n1,2\n"), "out.csv", Write("s.json", R"(["a","b"])")), "prediction\n2\n");
  EXPECT_EQ(Predict(first, Write("w.csv", "x,b,a\n9,1,2\n"), "out.csv", Write("p.json", R"({"columns":[{"name":"a"},{"name":"b"}]})")),
            "prediction\n2\n");
  EXPECT_THAT(Predict(first, Write("w.csv", "x,b,a\n9,1,2\n")), HasSubstr("3 columns; the model takes 2 in its own order"));
  EXPECT_THAT(Predict(first, Write("a.csv", "b,a\n1,2\n"), "out.csv", Write("s.json", R"(["a"])")),
              HasSubstr("1 columns; the model takes 2"));
}

TEST_F(FilePredictorTest, WhatCannotBeScoredIsNamed) {
  const std::string head = "amount,channel,count,rate,pair_0,pair_1,night\n";
  EXPECT_THAT(Predict(testing::MixedColumns(), Write("a.csv", head + "1,web,,0.1,4,5,true\n")),
              HasSubstr("row 0, column \"count\": a missing value does not fit the model's INT64"));
  EXPECT_THAT(Predict(testing::MixedColumns(), Write("b.csv", head + "1,web,7,0.1,4,5,true\n1,web,7.5,0.1,4,5,true\n")),
              HasSubstr("row 1, column \"count\": 7.5 does not fit"));
  EXPECT_THAT(Predict(testing::MixedColumns(), Write("c.csv", "amount,chanel,count,rate,pair_0,pair_1,night\n1,web,7,0.1,4,5,true\n")),
              HasSubstr("no column \"channel\", which the model needs (did you mean \"chanel\"?)"));
}

TEST_F(FilePredictorTest, WhatTheModelHasNotIsNamed) {
  const std::string input = Write("a.csv", "f0,f1\n1,2\n");
  const auto asking = [&](bool FilePredictOptions::*flag) {
    FilePredictOptions options;
    options.inputs = {input};
    options.output = dir_.file("out.csv");
    options.*flag = true;
    return PredictFile(testing::FakeModel(testing::SumOfDoubles(2), clock_), options).status().ToString();
  };
  EXPECT_EQ(asking(&FilePredictOptions::margin), "UNIMPLEMENTED: --margin: a model of format fake has none");
  EXPECT_EQ(asking(&FilePredictOptions::contributions), "UNIMPLEMENTED: --contributions: a model of format fake has none");
  EXPECT_EQ(asking(&FilePredictOptions::leaves), "UNIMPLEMENTED: --leaves: a model of format fake has none");
}

TEST_F(FilePredictorTest, ContributionsAreNamedAfterTheFeaturesAndLeavesAfterTheTrees) {
  Signature signature;
  signature.outputs = {{"prediction", DType::kFloat32, {-1, 2}}};
  Outputs outputs;
  outputs.tensors.resize(4);
  outputs.tensors[0].Reset("prediction", DType::kFloat32, {0, 2});
  outputs.tensors[1].Reset("margin", DType::kFloat32, {0, 2});
  outputs.tensors[2].Reset("contributions", DType::kFloat64, {0, 2, 2});
  outputs.tensors[3].Reset("leaves", DType::kInt32, {0, 1});
  const auto names = [&] {
    std::vector<std::string> list;
    for (const TableColumn& column : AnswerColumns(signature, {"amount"}, outputs, 0)) list.push_back(column.name);
    return list;
  };
  EXPECT_THAT(names(), ::testing::ElementsAre("prediction_0", "prediction_1", "margin_0", "margin_1", "contribution_0_amount",
                                              "contribution_0_bias", "contribution_1_amount", "contribution_1_bias", "leaf_0"));
  signature.outputs[0].shape = {-1};
  outputs.tensors.erase(outputs.tensors.begin() + 1);
  outputs.tensors[0].Reset("prediction", DType::kFloat32, {0});
  outputs.tensors[1].Reset("contributions", DType::kFloat64, {0, 2});
  EXPECT_THAT(names(), ::testing::ElementsAre("prediction", "contribution_amount", "contribution_bias", "leaf_0"));
}

TEST_F(FilePredictorTest, AFileWithoutRowsHasTheAnswersColumns) {
  EXPECT_EQ(Predict(testing::MixedColumns(), Write("a.csv", "amount,channel,count,rate,pair_0,pair_1,night\n")), kHeader);
  EXPECT_EQ(rows_, 0);
}

TEST_F(FilePredictorTest, RowsStreamInOrderWhateverTheirNumber) {
  std::string csv = "f0,f1\n", want = "prediction\n";
  for (int i = 0; i < 10'000; ++i) {
    csv += std::to_string(i) + ",0.5\n";
    want += std::to_string(i) + ".5\n";
  }
  EXPECT_EQ(Predict(testing::SumOfDoubles(2), Write("a.csv", csv)), want);
  EXPECT_EQ(rows_, 10'000);
}

}  // namespace
}  // namespace vigil::cli
