// Random forests of every shape, for tests that compare engines.
#pragma once

#include <cmath>
#include <map>
#include <utility>
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
  trees::Precision inputs = trees::Precision::kFloat32;
  trees::Precision sums = trees::Precision::kFloat32;
  double set_chance = 0;       // of a split on an even feature to be on a set of codes
  bool missing_kinds = false;  // every third feature reads NaN as 0, every third takes 0 for missing too (but not those with sets)
  bool linear = false;         // leaves
  bool oblivious = false;      // every level asks one thing
};

// The arrays of one tree, as a file holds them.
struct RandomTree {
  std::vector<double> left, right, feature, value, default_left;
  std::vector<int32_t> set;
  std::vector<trees::Missing> missing;
  std::vector<trees::TreeArrays::Linear> linear;
  trees::TreeArrays arrays() const {
    trees::TreeArrays arrays{left, right, feature, value, default_left};
    arrays.set = set;
    arrays.missing = missing;
    arrays.linear = linear;
    return arrays;
  }
};

inline double PoolThreshold(int32_t feature, int32_t i) {
  // Irregular, signed, with zeros and a denormal among them.
  if (i == 0) return feature % 2 == 0 ? 0.0 : -0.0;
  if (i == 1) return 1e-40;
  return std::sin(i * 12.9898 + feature) * (1 + i % 7);
}

inline RandomTree MakeRandomTree(const RandomForestShape& shape, Random* random) {
  RandomTree tree;
  const auto add = [&] {
    tree.left.push_back(-1);
    tree.right.push_back(-1);
    tree.feature.push_back(0);
    tree.value.push_back(random->Normal() * 0.1);
    tree.default_left.push_back(0);
  };
  add();
  std::vector<std::pair<size_t, int32_t>> open = {{0, 0}};
  std::vector<size_t> level_first;  // of oblivious trees: the node whose question the level asks
  int32_t leaves = 1;
  const auto levels = static_cast<int32_t>(shape.oblivious && shape.depth > 0 ? 1 + random->Below(shape.depth) : shape.depth);
  while (!open.empty()) {
    // Deepest first or any: leaf-wise shapes come from small leaves_max with great depth.
    const size_t pick = shape.oblivious ? 0 : random->Below(open.size());
    const auto [node, level] = open[pick];
    open.erase(open.begin() + static_cast<int64_t>(pick));
    if (level >= levels) continue;
    if (!shape.oblivious && (leaves >= shape.leaves_max || (level > 0 && random->Uniform() >= shape.split_chance))) continue;
    const auto feature = static_cast<int32_t>(random->Below(shape.features));
    tree.feature[node] = feature;
    tree.value[node] = PoolThreshold(feature, static_cast<int32_t>(random->Below(shape.thresholds)));
    tree.default_left[node] = random->Below(2) == 0 ? 0 : 1;
    if (shape.oblivious && level < static_cast<int32_t>(level_first.size())) {
      tree.feature[node] = tree.feature[level_first[level]];
      tree.value[node] = tree.value[level_first[level]];
      tree.default_left[node] = tree.default_left[level_first[level]];
    } else if (shape.oblivious) {
      level_first.push_back(node);
    }
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

// Gives a tree what only some formats have.
class RandomExtras {
 public:
  RandomExtras(const RandomForestShape& shape, trees::ForestBuilder* builder, Random* random)
      : shape_(shape), builder_(*builder), random_(*random) {}

  void Add(RandomTree* tree) {
    std::map<std::pair<double, double>, int32_t> of_question;  // oblivious trees ask the same on a level
    for (size_t n = 0; n < tree->left.size(); ++n) {
      const auto feature = static_cast<int32_t>(tree->feature[n]);
      if (shape_.set_chance > 0) tree->set.push_back(-1);
      if (shape_.set_chance > 0 && tree->left[n] >= 0 && feature % 2 == 0) {
        const std::pair<double, double> question = {tree->feature[n], shape_.oblivious ? tree->value[n] : static_cast<double>(n)};
        if (of_question.count(question) == 0) of_question[question] = random_.Uniform() < shape_.set_chance ? Set() : -1;
        tree->set[n] = of_question[question];
      }
      if (shape_.missing_kinds) {
        const bool sets = shape_.set_chance > 0 && feature % 2 == 0;
        tree->missing.push_back(sets ? trees::Missing::kNan : static_cast<trees::Missing>(feature % 3));
      }
      if (shape_.linear) tree->linear.push_back({random_.Normal(), features_, coefficients_});
    }
  }

 private:
  int32_t Set() {
    std::vector<double> members;
    for (int code = 0; code < 20; ++code) {
      if (random_.Below(3) == 0) members.push_back(code);
    }
    const auto reading = static_cast<trees::SetReading>(random_.Below(3));
    const auto set = builder_.AddSet(members, reading, random_.Below(2) == 0);
    EXPECT_TRUE(set.ok()) << set.status();
    return *set;
  }

  const RandomForestShape& shape_;
  trees::ForestBuilder& builder_;
  Random& random_;
  const std::vector<int32_t> features_ = {0};
  const std::vector<double> coefficients_ = {0.25};
};

inline trees::Forest MakeRandomForest(const RandomForestShape& shape, uint64_t seed) {
  Random random(seed);
  std::vector<double> base;
  for (int32_t o = 0; o < shape.outputs; ++o) base.push_back(static_cast<float>(random.Normal()));
  trees::ForestBuilder builder(shape.features, base);
  builder.SetPrecision(shape.inputs, shape.sums);
  RandomExtras extras(shape, &builder, &random);
  for (int32_t t = 0; t < shape.trees; ++t) {
    RandomTree tree = MakeRandomTree(shape, &random);
    extras.Add(&tree);
    const Status status = builder.AddTree(tree.arrays(), t % shape.outputs, t / shape.trees_per_round);
    EXPECT_TRUE(status.ok()) << status;
  }
  return builder.Finish((shape.trees + shape.trees_per_round - 1) / shape.trees_per_round);
}

}  // namespace vigil::testing
