// Random forests of every shape, for tests that compare engines.
#pragma once

#include <cmath>
#include <vector>

#include "base/random.h"
#include "gtest/gtest.h"
#include "runtime/trees/forest_builder.h"

namespace vigil::testing {

struct RandomForestShape {
  int32_t features = 10;
  int32_t outputs = 1;
  int32_t trees = 50;
  int32_t depth = 6;
  double split_chance = 1.0;  // of a node above the last level; the root always splits if depth > 0
  int32_t leaves_max = 1 << 20;
  int32_t thresholds = 200;  // distinct values a feature's thresholds are drawn from
  int32_t trees_per_round = 1;
};

// The arrays of one tree, as a file holds them.
struct RandomTree {
  std::vector<double> left, right, feature, value, default_left;
  trees::TreeArrays arrays() const { return {left, right, feature, value, default_left}; }
};

inline float PoolThreshold(int32_t feature, int32_t i) {
  // Irregular, signed, with zeros and a denormal among them.
  if (i == 0) return feature % 2 == 0 ? 0.0f : -0.0f;
  if (i == 1) return 1e-40f;
  return static_cast<float>(std::sin(i * 12.9898 + feature) * (1 + i % 7));
}

inline RandomTree MakeRandomTree(const RandomForestShape& shape, Random* random) {
  RandomTree tree;
  const auto add = [&] {
    tree.left.push_back(-1);
    tree.right.push_back(-1);
    tree.feature.push_back(0);
    tree.value.push_back(static_cast<float>(random->Normal() * 0.1));
    tree.default_left.push_back(0);
  };
  add();
  std::vector<std::pair<size_t, int32_t>> open = {{0, 0}};
  int32_t leaves = 1;
  while (!open.empty()) {
    // Deepest first or any: leaf-wise shapes come from small leaves_max with great depth.
    const size_t pick = random->Below(open.size());
    const auto [node, level] = open[pick];
    open.erase(open.begin() + static_cast<int64_t>(pick));
    if (level >= shape.depth || leaves >= shape.leaves_max || (level > 0 && random->Uniform() >= shape.split_chance)) continue;
    const auto feature = static_cast<int32_t>(random->Below(shape.features));
    tree.feature[node] = feature;
    tree.value[node] = PoolThreshold(feature, static_cast<int32_t>(random->Below(shape.thresholds)));
    tree.default_left[node] = random->Below(2) == 0 ? 0 : 1;
    tree.left[node] = static_cast<double>(tree.left.size());
    tree.right[node] = tree.left[node] + 1;
    for (int child = 0; child < 2; ++child) {
      open.emplace_back(tree.left.size(), level + 1);
      add();
    }
    ++leaves;
  }
  return tree;
}

inline trees::Forest MakeRandomForest(const RandomForestShape& shape, uint64_t seed) {
  Random random(seed);
  std::vector<double> base;
  for (int32_t o = 0; o < shape.outputs; ++o) base.push_back(static_cast<float>(random.Normal()));
  trees::ForestBuilder builder(shape.features, base);
  for (int32_t t = 0; t < shape.trees; ++t) {
    const Status status = builder.AddTree(MakeRandomTree(shape, &random).arrays(), t % shape.outputs, t / shape.trees_per_round);
    EXPECT_TRUE(status.ok()) << status;
  }
  return builder.Finish((shape.trees + shape.trees_per_round - 1) / shape.trees_per_round);
}

}  // namespace vigil::testing
