// config.pbtxt as people write it, and how each wrong thing is refused.
#include "runtime/repository/triton_config.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/repository/text_proto.h"

namespace vigil::repository {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kWhole[] = R"(# a comment
name: "fraud" platform: 'onnx' "runtime_onnx";
max_batch_size: 256
input [ { name: "x" data_type: TYPE_FP32 dims: [ 15 ] } ]
output { name: "p", data_type: TYPE_FP64, dims: 3 dims: -1, reshape: { shape: [ 3, 4 ] } }
dynamic_batching < preferred_batch_size: [ 16, 64 ] max_queue_delay_microseconds: 200 >
instance_group [ { count: 2 kind: KIND_CPU }, { count: 1 } ]
version_policy: { specific { versions: [3, 1] } }
parameters { key: "threshold" value: { string_value: "0.5\x21\041" } }
model_warmup { name: "w" batch_size: 2 count: 3 inputs { key: "x" value { data_type: TYPE_FP32 dims: [15] random_data: true } } }
optimization { graph { level: 1 } }
)";

TEST(TritonConfig, ReadsWhatIsThere) {
  const auto config = ParseTritonConfig(kWhole, "config.pbtxt");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->name, "fraud");
  EXPECT_EQ(config->platform, "onnxruntime_onnx");
  EXPECT_EQ(config->max_batch_size, 256);
  ASSERT_EQ(config->inputs.size(), 1u);
  EXPECT_EQ(config->inputs[0].name, "x");
  EXPECT_EQ(config->inputs[0].line, 4);
  EXPECT_THAT(config->inputs[0].dims, ElementsAre(-1, 15)) << "the batch is left out of a configuration with a maximum";
  EXPECT_THAT(config->outputs[0].dims, ElementsAre(-1, 3, 4)) << "the model's own shape";
  EXPECT_EQ(config->outputs[0].dtype, DType::kFloat64);
  EXPECT_THAT(config->preferred_batch_sizes, ElementsAre(16, 64));
  EXPECT_EQ(config->queue_delay_max_us, 200);
  EXPECT_EQ(config->instances, 3);
  EXPECT_THAT(config->policy.versions, ElementsAre(1, 3));
  EXPECT_EQ(config->parameters[0], (std::pair<std::string, std::string>("threshold", "0.5!!")));
  ASSERT_EQ(config->warm_ups.size(), 1u);
  EXPECT_EQ(config->warm_ups[0].count, 3);
  EXPECT_EQ(config->warm_ups[0].inputs[0].data, WarmUpInput::Data::kRandom);
}

TEST(TritonConfig, WrongThingsAreNamedWithTheirLine) {
  const struct {
    std::string text, said;
  } cases[] = {
      {"name: \"a\"\nmax_batch_size: -5", "c:2: max_batch_size: '-5' is not a whole number from 0"},
      {"max_batch_size: 99999999", "max_batch_size"},
      {"max_batch_size: \"8\"", "max_batch_size"},
      {"nmae: \"a\"", "unknown field 'nmae' (did you mean \"name\"?)"},
      {"input [ { name: \"x\" data_type: TYPE_FP33 dims: [ 1 ] } ]", "unknown data_type 'TYPE_FP33' (did you mean \"TYPE_FP32\"?)"},
      {"input [ { name: \"x\" data_type: TYPE_FP32 dims: [ 0 ] } ]", "dims: 0 is no size"},
      {"input [ { name: \"x\" data_type: TYPE_FP32 dims: [ -2 ] } ]", "dims: '-2'"},
      {"input [ { name: \"x\" data_type: TYPE_FP32 } ]", "input 'x': has no dims"},
      {"input [ { name: \"x\" dims: 1 } ]", "input 'x': has no data_type"},
      {"input [ { data_type: TYPE_FP32 dims: 1 } ]", "input: has no name"},
      {"input { name: \"x\" data_type: TYPE_FP32 dims: 1 } input { name: \"x\" data_type: TYPE_FP32 dims: 1 }",
       "two inputs are called 'x'"},
      {"input: 3", "input: a '{' was expected"},
      {"name: fraud", "name: a text in quotes was expected"},
      {"version_policy { newest { } }", "'newest' is not latest, all or specific"},
      {"version_policy { latest { num_versions: 0 } }", "num_versions: '0'"},
      {"input [ { name: \"x\"\n", "ends inside the bracket of line 1"},
      {"input [ { } ", "a ',' or a ']' was expected, not the end"},
      {"name \"a\"", "a ':' or a '{' was expected"},
      {"name: \"a\n\"", "closing quote"},
      {"name: \"\\q\"", "an escape that is none"},
      {"name: ", "a value was expected, not the end of the text"},
      {"}", "a field's name was expected, not '}'"},
      {"[x.y]: 1", "a field's name was expected, not '['"},
      {"model_warmup { name: \"w\" }", "has no inputs"},
      {"model_warmup { inputs { key: \"x\" value { data_type: TYPE_FP32 dims: -1 zero_data: true } } }", "sizes must be given"},
  };
  for (const auto& c : cases) {
    const Status status = ParseTritonConfig(c.text, "c").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << c.text << ": " << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.said)) << c.text;
    EXPECT_THAT(std::string(status.message()), HasSubstr("c:")) << c.text;
  }
  for (const std::string text : {"backend: \"python\"", "platform: \"ensemble\"", "ensemble_scheduling { }", "sequence_batching { }"}) {
    EXPECT_EQ(ParseTritonConfig(text, "c").status().code(), absl::StatusCode::kUnimplemented) << text;
  }
}

TEST(TritonConfig, SizeDepthAndNumberAreLimited) {
  EXPECT_THAT(std::string(ParseTextProto(std::string(kTextProtoBytesMax + 1, ' '), "c").status().message()), HasSubstr("larger than"));
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "a{";
  EXPECT_THAT(std::string(ParseTextProto(deep, "c").status().message()), HasSubstr("nested deeper than 32"));
  std::string many;
  for (size_t i = 0; i <= kTextProtoFieldsMax; ++i) many += "a:1 ";
  EXPECT_THAT(std::string(ParseTextProto(many, "c").status().message()), HasSubstr("more than 100000 fields"));
}

TEST(TritonConfig, ASignatureIsHeldToIt) {
  const auto config = [](const std::string& input, const std::string& output) {
    return *ParseTritonConfig("max_batch_size: 8\ninput [{ " + input + " }]\noutput [{ " + output + " }]", "c");
  };
  const std::string x = "name: \"x\" data_type: TYPE_FP32 dims: 2", y = "name: \"y\" data_type: TYPE_FP32 dims: 1";
  Signature graph;
  graph.inputs = {{"x", DType::kFloat32, {-1, 2}}};
  graph.outputs = {{"y", DType::kFloat32, {-1, 1}}, {"z", DType::kInt64, {-1}}};
  const auto apply = [&](const TritonConfig& c) { return std::string(ApplyTritonConfig(c, "c", &graph).message()); };
  EXPECT_EQ(apply(config(x, y)), "");
  EXPECT_THAT(apply(config("name: \"X\" data_type: TYPE_FP32 dims: 2", y)),
              HasSubstr("c:2: input 'X' is none of the model's (did you mean \"x\"?)"));
  EXPECT_THAT(apply(config("name: \"x\" data_type: TYPE_FP32 dims: 3", y)), HasSubstr("has dims [-1,3]; the model's are [-1,2]"));
  EXPECT_THAT(apply(config(x, "name: \"z\" data_type: TYPE_INT32 dims: 1")), HasSubstr("c:3: output 'z' is INT32; the model's is INT64"));
  Signature trees;
  trees.inputs = {{"input", DType::kFloat32, {-1, 2}}};
  trees.outputs = {{"prediction", DType::kFloat32, {-1}}};
  ASSERT_TRUE(ApplyTritonConfig(config(x, y), "c", &trees).ok());
  EXPECT_EQ(trees.inputs[0].name, "x");
  EXPECT_EQ(trees.outputs[0].name, "y");
}

TEST(VersionPolicies, AreReadWrittenAndChosenBy) {
  const struct {
    std::string text;
    std::vector<int64_t> chosen;
    std::string again;
  } cases[] = {{"latest", {7}, "latest 1"}, {"latest 2", {5, 7}, "latest 2"}, {"latest 9", {2, 5, 7}, "latest 9"},
               {"all", {2, 5, 7}, "all"},   {"7, 2 4", {2, 7}, "2 4 7"},      {"3", {}, "3"}};
  for (const auto& c : cases) {
    const auto policy = ParseVersionPolicy(c.text);
    ASSERT_TRUE(policy.ok()) << policy.status();
    EXPECT_EQ(ChooseVersions(*policy, {2, 5, 7}), c.chosen) << c.text;
    EXPECT_EQ(VersionPolicyText(*policy), c.again);
  }
  for (const std::string text : {"", "newest", "latest 0", "latest x", "all 3", "1 x", "-1"}) {
    EXPECT_THAT(std::string(ParseVersionPolicy(text).status().message()), HasSubstr("expected \"latest\"")) << text;
  }
}

}  // namespace
}  // namespace vigil::repository
