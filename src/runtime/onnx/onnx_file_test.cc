#include "runtime/onnx/onnx_file.h"

#include <limits>

#include "gtest/gtest.h"
#include "runtime/cat.h"
#include "runtime/onnx/onnx_checks.h"
#include "runtime/onnx/tree_ensemble.h"
#include "runtime/onnx/wire.h"
#include "runtime/testing/onnx_trees.h"
#include "runtime/testing/onnx_writer.h"

namespace vigil::onnx {
namespace {

using testing::Floats;
using testing::Int;
using testing::Ints;
using testing::OnnxWriter;
using testing::ProtoWriter;
using testing::RawTensor;
using testing::Texts;

bool Says(const Status& status, std::string_view part) { return status.message().find(AbslView(part)) != absl::string_view::npos; }

TEST(WireReaderTest, FieldsOfEveryTypePackedOrNot) {
  const std::string bytes = ProtoWriter()
                                .Number(1, -5)
                                .Bytes(2, "text")
                                .Float(3, 1.5f)
                                .Packed(4, {1, 300, -1})
                                .Number(4, 7)
                                .PackedFixed<double>(5, {0.25})
                                .bytes();
  std::vector<int64_t> integers;
  std::vector<double> doubles;
  std::string text;
  float real = 0;
  int64_t negative = 0;
  const Status status = ForEachField(bytes, [&](const WireReader& r) -> Status {
    if (r.field() == 1) negative = r.integer();
    if (r.field() == 2) text = std::string(r.bytes());
    if (r.field() == 3) real = r.float32();
    if (r.field() == 4) return AppendIntegers(r, &integers);
    if (r.field() == 5) return AppendDoubles(r, &doubles);
    return absl::OkStatus();
  });
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(negative, -5);
  EXPECT_EQ(text, "text");
  EXPECT_EQ(real, 1.5f);
  EXPECT_EQ(integers, (std::vector<int64_t>{1, 300, -1, 7}));
  EXPECT_EQ(doubles, std::vector<double>{0.25});
}

TEST(WireReaderTest, LengthsThatTheBytesDoNotBearOutAreRefused) {
  const auto read = [](std::string_view bytes) { return ForEachField(bytes, [](const WireReader&) { return absl::OkStatus(); }); };
  EXPECT_TRUE(Says(read(std::string_view("\x0a\xff\xff\xff\xff\x7f"
                                         "abc",
                                         9)),
                   "34359738367 bytes where 3 are left"));
  EXPECT_FALSE(read("\x0a").ok()) << "a length is missing";
  EXPECT_FALSE(read("\x08\xff").ok()) << "a number that does not end";
  EXPECT_FALSE(read(std::string_view("\x0d\x00\x00", 3)).ok()) << "half a float";
  EXPECT_FALSE(read("\x0b").ok()) << "a group";
  EXPECT_FALSE(read(std::string_view("\x02\x00", 2)).ok()) << "field 0";
  EXPECT_FALSE(read("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01").ok()) << "a number of eleven bytes";
}

TEST(OnnxFileTest, AGraphWithItsTypesAndSubgraphs) {
  const std::string inner = ProtoWriter().Bytes(1, ProtoWriter().Bytes(4, "Neg").bytes()).bytes();
  OnnxWriter writer;
  writer.Opset("", 17).Opset("ai.onnx", 17).Input("x", 1, {-1, 3}).Output("y", 1, {-1, 3});
  writer.Initializer(RawTensor<int64_t>("picked", 7, {3}, {2, 0, -1}));
  writer.Node("If", "", {"x"}, {"y"}, {ProtoWriter().Bytes(1, "then_branch").Bytes(6, inner).bytes(), Int("axis", -2)});
  const std::string bytes = writer.Build();
  const auto file = ReadOnnxFile(bytes);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->Opset(""), 17);
  EXPECT_EQ(file->graph.inputs[0].dims, (std::vector<int64_t>{-1, 3}));
  ASSERT_EQ(file->graph.subgraphs.size(), 1u);
  EXPECT_EQ(file->graph.subgraphs[0].nodes[0].place, "graph.node[0] If.then_branch.node[0] Neg");
  EXPECT_EQ(*Integer(file->graph.nodes[0], "axis", 0), -2);
  EXPECT_EQ(*Integer(file->graph.nodes[0], "absent", 9), 9);
  EXPECT_EQ(*ReadNumbers(file->graph.initializers[0]), (std::vector<double>{2, 0, -1}));
}

TEST(OnnxFileTest, NestedGraphsEnd) {
  std::string graph = ProtoWriter().Bytes(1, ProtoWriter().Bytes(4, "Neg").bytes()).bytes();
  for (int depth = 0; depth < 2000; ++depth) {
    const std::string attribute = ProtoWriter().Bytes(1, "body").Bytes(6, graph).bytes();
    graph = ProtoWriter().Bytes(1, ProtoWriter().Bytes(4, "Loop").Bytes(5, attribute).bytes()).bytes();
  }
  EXPECT_TRUE(Says(ReadOnnxFile(ProtoWriter().Bytes(7, graph).bytes()).status(), "nested deeper than 8"));
}

// A regressor of one split, with one attribute exchanged.
Status Judge(const std::string& name, const std::string& attribute, int64_t width = 2) {
  const std::pair<std::string, std::string> sound[] = {{"nodes_treeids", Ints("nodes_treeids", {0, 0, 0})},
                                                       {"nodes_nodeids", Ints("nodes_nodeids", {0, 1, 2})},
                                                       {"nodes_featureids", Ints("nodes_featureids", {1, 0, 0})},
                                                       {"nodes_values", Floats("nodes_values", {0.5f, 0, 0})},
                                                       {"nodes_truenodeids", Ints("nodes_truenodeids", {1, 0, 0})},
                                                       {"nodes_falsenodeids", Ints("nodes_falsenodeids", {2, 0, 0})},
                                                       {"nodes_modes", Texts("nodes_modes", {"BRANCH_LEQ", "LEAF", "LEAF"})},
                                                       {"target_treeids", Ints("target_treeids", {0, 0})},
                                                       {"target_nodeids", Ints("target_nodeids", {1, 2})},
                                                       {"target_ids", Ints("target_ids", {0, 0})},
                                                       {"target_weights", Floats("target_weights", {1, 2})},
                                                       {"n_targets", Int("n_targets", 1)}};
  std::vector<std::string> attributes;
  for (const auto& [key, value] : sound) attributes.push_back(key == name ? attribute : value);
  OnnxWriter writer;
  writer.Opset("ai.onnx.ml", 3).Input("X", 1, {-1, width}).Output("Y", 1, {-1, 1});
  const std::string bytes = writer.Node("TreeEnsembleRegressor", "ai.onnx.ml", {"X"}, {"Y"}, attributes).Build();
  const auto file = ReadOnnxFile(bytes);
  return file.ok() ? CheckOnnxFile(*file, "") : file.status();
}

TEST(TreeEnsembleTest, WhatNoWalkWouldSurviveIsRefusedByPlace) {
  ASSERT_TRUE(Judge("", "").ok()) << Judge("", "");
  const std::pair<Status, const char*> cases[] = {
      {Judge("nodes_truenodeids", Ints("nodes_truenodeids", {9, 0, 0})), "tree 0, node 0: its true branch is node 9"},
      {Judge("nodes_falsenodeids", Ints("nodes_falsenodeids", {0, 0, 0})), "cycle"},
      {Judge("nodes_falsenodeids", Ints("nodes_falsenodeids", {1, 0, 0})), "two parents"},
      {Judge("nodes_featureids", Ints("nodes_featureids", {2, 0, 0})), "feature 2 of 2"},
      {Judge("nodes_featureids", Ints("nodes_featureids", {-1, 0, 0}), -1), "feature -1"},
      {Judge("nodes_nodeids", Ints("nodes_nodeids", {0, 1, 1})), "node 1 is there twice"},
      {Judge("nodes_treeids", Ints("nodes_treeids", {0, 1, 0})), "do not lie beside each other"},
      {Judge("nodes_values", Floats("nodes_values", {0.5f, 0})), "nodes_values has 2 entries for 3 nodes"},
      {Judge("nodes_values", Floats("nodes_values", {std::numeric_limits<float>::quiet_NaN(), 0, 0})), "not a number"},
      {Judge("nodes_modes", Texts("nodes_modes", {"BRANCH_LEG", "LEAF", "LEAF"})), "BRANCH_LEQ"},
      {Judge("target_ids", Ints("target_ids", {0, 4})), "output 4 of 1"},
      {Judge("target_nodeids", Ints("target_nodeids", {1, 7})), "node 7 of tree 0"},
      {Judge("target_weights", Floats("target_weights", {1})), "differ in length"},
      {Judge("n_targets", Int("n_targets", 0)), "n_targets is 0"}};
  for (const auto& [status, part] : cases) {
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << part;
    EXPECT_TRUE(Says(status, part)) << part << ": " << status;
    EXPECT_TRUE(Says(status, "graph.node[0] TreeEnsembleRegressor")) << status;
  }
}

TEST(TreeEnsembleTest, TheColumnsOfAFreeWidthAreKnownFromTheTrees) {
  OnnxWriter writer;
  testing::OnnxTreesOptions options;
  options.features = 7;
  const std::string trees = testing::RandomOnnxTrees(options, 1);
  const auto source = ReadOnnxFile(trees);
  ASSERT_TRUE(source.ok());
  std::vector<std::string> attributes;
  for (const OnnxAttribute& attribute : source->graph.nodes[0].attributes) attributes.emplace_back(attribute.message);
  writer.Opset("ai.onnx.ml", 3).Input("X", 1, {-1, -1}).Output("Y", 1, {-1, 1});
  const std::string bytes = writer.Node("TreeEnsembleRegressor", "ai.onnx.ml", {"X"}, {"Y"}, attributes).Build();
  const auto file = ReadOnnxFile(bytes);
  ASSERT_TRUE(file.ok());
  const auto facts = GatherFacts(*file);
  ASSERT_TRUE(facts.ok());
  EXPECT_EQ(facts->width_min.at("X"), 7);
}

}  // namespace
}  // namespace vigil::onnx
