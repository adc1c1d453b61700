// XGBoost models of a few stumps, as text, for tests of what stands around a model file.
#pragma once

#include <fstream>
#include <string>

#include "base/json.h"

namespace vigil::testing {

struct SmallModelShape {
  std::string objective = "binary:logistic";
  bool named = true;  // columns a and b
  int classes = 0;    // of multi:softprob
  double leaf = 1;    // row b < 0.5 has margin -leaf in every tree, others leaf; class k's tree has (k + 1) * leaf
  int rounds = 2;
  int best_iteration = -1;  // an attribute, when not negative
};

inline std::string SmallXgboostModel(const SmallModelShape& shape = {}) {
  const int trees_per_round = shape.classes > 0 ? shape.classes : 1;
  Json trees = Json::array(), classes = Json::array(), rounds = Json::array({0});
  for (int t = 0; t < shape.rounds * trees_per_round; ++t) {
    const double leaf = shape.leaf * (t % trees_per_round + 1);
    trees.push_back({{"left_children", {1, -1, -1}},
                     {"right_children", {2, -1, -1}},
                     {"split_indices", {1, 0, 0}},
                     {"split_conditions", {0.5, -leaf, leaf}},
                     {"default_left", {1, 0, 0}},
                     {"split_type", {0, 0, 0}},
                     {"tree_param", {{"num_nodes", "3"}, {"num_feature", "2"}, {"size_leaf_vector", "1"}}}});
    classes.push_back(t % trees_per_round);
  }
  for (int r = 1; r <= shape.rounds; ++r) rounds.push_back(r * trees_per_round);
  Json learner;
  learner["attributes"] = Json::object();
  if (shape.best_iteration >= 0) learner["attributes"]["best_iteration"] = std::to_string(shape.best_iteration);
  learner["feature_names"] = shape.named ? Json({"a", "b"}) : Json::array();
  learner["feature_types"] = Json::array();
  learner["gradient_booster"] = {{"name", "gbtree"},
                                 {"model",
                                  {{"gbtree_model_param", {{"num_trees", std::to_string(trees.size())}, {"num_parallel_tree", "1"}}},
                                   {"iteration_indptr", rounds},
                                   {"tree_info", classes},
                                   {"trees", trees}}}};
  learner["learner_model_param"] = {
      {"base_score", "5E-1"}, {"num_class", std::to_string(shape.classes)}, {"num_feature", "2"}, {"num_target", "1"}};
  learner["objective"] = {{"name", shape.objective}};
  return DumpJson({{"learner", learner}, {"version", {3, 2, 0}}});
}

inline void WriteText(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

}  // namespace vigil::testing
