#include "runtime/testing/onnx_trees.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/random.h"
#include "runtime/testing/onnx_writer.h"

namespace vigil::testing {
namespace {

// Grows trees and writes them.
class OnnxTrees {
 public:
  OnnxTrees(const OnnxTreesOptions& options, uint64_t seed) : o_(options), random_(seed) {
    for (int64_t t = 0; t < o_.trees; ++t) {
      tree_first_.push_back(nodes_.size());
      tree_ = t;
      if (o_.leaves_max > 0) {
        GrowLeafWise();
      } else {
        Grow(0);
      }
    }
  }

  std::string Model() {
    OnnxWriter model;
    model.Opset("", 17).Opset("ai.onnx.ml", o_.version);
    const int64_t type = o_.doubles ? 11 : 1;
    model.Input("X", type, {-1, o_.features});
    if (o_.version == 5) {
      model.Output("Y", type, {-1, o_.targets}).Node("TreeEnsemble", "ai.onnx.ml", {"X"}, {"Y"}, Numbered());
    } else if (o_.classifier) {
      model.Output("label", o_.text_labels ? 8 : 7, {-1}).Output("scores", 1, {-1, o_.targets});
      model.Node("TreeEnsembleClassifier", "ai.onnx.ml", {"X"}, {"label", "scores"}, Named());
    } else {
      model.Output("Y", 1, {-1, o_.targets}).Node("TreeEnsembleRegressor", "ai.onnx.ml", {"X"}, {"Y"}, Named());
    }
    return model.Build();
  }

 private:
  struct Node {
    int mode = 7;
    int64_t feature = 0;
    double value = 0;
    int64_t on_true = 0, on_false = 0;  // within the tree
    int64_t missing_true = 0;
    std::vector<double> members;
    std::vector<std::pair<int64_t, double>> weights;
  };

  double Round(double x) const { return o_.doubles ? x : static_cast<double>(static_cast<float>(x)); }

  void MakeSplit(Node* node) {
    node->mode = o_.modes[random_.Below(o_.modes.size())];
    node->feature = static_cast<int64_t>(random_.Below(static_cast<uint64_t>(o_.features)));
    node->value = node->mode >= 4 ? static_cast<double>(random_.Below(6)) - 1
                                  : Round(std::round(random_.Normal() * 20) / 8 + (o_.doubles ? 1e-9 : 0));
    if (node->mode == 6) {
      const uint64_t n = 1 + random_.Below(4);
      for (uint64_t i = 0; i < n; ++i) node->members.push_back(static_cast<double>(random_.Below(12)));
      std::sort(node->members.begin(), node->members.end());
      node->members.erase(std::unique(node->members.begin(), node->members.end()), node->members.end());
    }
    node->missing_true = random_.Uniform() < o_.missing_true;
  }

  double Weight() {
    const double weight = Round(random_.Normal() / 4);
    return o_.positive_weights ? std::abs(weight) + 0.001 : weight;
  }

  void MakeLeaf(Node* node) {
    if (o_.version == 5) {
      node->weights.emplace_back(static_cast<int64_t>(random_.Below(static_cast<uint64_t>(o_.targets))), Round(Weight()));
      return;
    }
    switch (o_.weights) {
      case OnnxTreesOptions::Weights::kOneTarget: node->weights.emplace_back(0, Round(Weight())); return;
      case OnnxTreesOptions::Weights::kSecondOnly: node->weights.emplace_back(1, Round(Weight())); return;
      case OnnxTreesOptions::Weights::kOneATree: node->weights.emplace_back(tree_ % o_.targets, Round(Weight())); return;
      case OnnxTreesOptions::Weights::kMirrored: {
        const double weight = Round(Weight());
        node->weights.emplace_back(0, -weight);
        node->weights.emplace_back(1, weight);
        return;
      }
      case OnnxTreesOptions::Weights::kEveryTarget:
        for (int64_t k = 0; k < o_.targets; ++k) node->weights.emplace_back(k, Round(Weight()));
        return;
    }
  }

  int64_t Grow(int depth) {
    const size_t begin = tree_first_.back(), at = nodes_.size();
    nodes_.emplace_back();
    Node node;
    const bool leaf = depth >= o_.depth || (!o_.full && depth > 0 && random_.Uniform() < 0.2);
    if (leaf) {
      MakeLeaf(&node);
    } else {
      MakeSplit(&node);
      node.on_true = Grow(depth + 1);
      node.on_false = Grow(depth + 1);
    }
    nodes_[at] = node;
    return static_cast<int64_t>(at - begin);
  }

  // Splits random leaves until there are enough.
  void GrowLeafWise() {
    const size_t begin = tree_first_.back();
    std::vector<size_t> leaves = {nodes_.size()};
    nodes_.emplace_back();
    while (static_cast<int64_t>(leaves.size()) < o_.leaves_max) {
      const size_t pick = random_.Below(leaves.size()), at = leaves[pick], child = nodes_.size();
      nodes_.resize(child + 2);
      MakeSplit(&nodes_[at]);
      nodes_[at].on_true = static_cast<int64_t>(child - begin);
      nodes_[at].on_false = static_cast<int64_t>(child + 1 - begin);
      leaves[pick] = child;
      leaves.push_back(child + 1);
    }
    for (const size_t leaf : leaves) MakeLeaf(&nodes_[leaf]);
  }

  std::string Numbers(const std::string& name, const std::vector<double>& values) const {
    if (o_.doubles) {
      return TensorAttribute(name + "_as_tensor", RawTensor<double>("", 11, {static_cast<int64_t>(values.size())}, values));
    }
    return Floats(name, std::vector<float>(values.begin(), values.end()));
  }

  std::vector<double> BaseValues() {
    std::vector<double> values;
    for (int64_t k = 0; k < o_.base_values; ++k) values.push_back(Round(random_.Normal()));
    return values;
  }

  std::vector<std::string> Named() {
    static const char* const kModes[] = {"BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ", "", "LEAF"};
    static const char* const kPost[] = {"NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO", "PROBIT"};
    static const char* const kAggregate[] = {"AVERAGE", "SUM", "MIN", "MAX"};
    std::vector<int64_t> tree, id, feature, on_true, on_false, missing, weight_tree, weight_node, weight_target;
    std::vector<double> value, weight;
    std::vector<std::string> mode;
    for (size_t t = 0; t < tree_first_.size(); ++t) {
      const size_t end = t + 1 < tree_first_.size() ? tree_first_[t + 1] : nodes_.size();
      for (size_t n = tree_first_[t]; n < end; ++n) {
        const Node& node = nodes_[n];
        tree.push_back(static_cast<int64_t>(t));
        id.push_back(static_cast<int64_t>(n - tree_first_[t]));
        feature.push_back(node.feature);
        value.push_back(node.value);
        on_true.push_back(node.on_true);
        on_false.push_back(node.on_false);
        missing.push_back(node.missing_true);
        mode.push_back(kModes[node.mode]);
        for (const auto& [target, w] : node.weights) {
          weight_tree.push_back(tree.back());
          weight_node.push_back(id.back());
          weight_target.push_back(target);
          weight.push_back(w);
        }
      }
    }
    const std::string kind = o_.classifier ? "class" : "target";
    std::vector<std::string> attributes = {Ints("nodes_treeids", tree),
                                           Ints("nodes_nodeids", id),
                                           Ints("nodes_featureids", feature),
                                           Numbers("nodes_values", value),
                                           Ints("nodes_truenodeids", on_true),
                                           Ints("nodes_falsenodeids", on_false),
                                           Ints("nodes_missing_value_tracks_true", missing),
                                           Texts("nodes_modes", mode),
                                           Ints(kind + "_treeids", weight_tree),
                                           Ints(kind + "_nodeids", weight_node),
                                           Ints(kind + "_ids", weight_target),
                                           Numbers(kind + "_weights", weight),
                                           Text("post_transform", kPost[o_.post_transform])};
    if (o_.base_values > 0) attributes.push_back(Numbers("base_values", BaseValues()));
    if (!o_.classifier) {
      attributes.push_back(Int("n_targets", o_.targets));
      attributes.push_back(Text("aggregate_function", kAggregate[o_.aggregate]));
      return attributes;
    }
    std::vector<int64_t> labels;
    std::vector<std::string> texts;
    for (int64_t k = 0; k < o_.targets; ++k) {
      labels.push_back(o_.first_label + k);
      texts.push_back("class " + std::to_string(k));
    }
    attributes.push_back(o_.text_labels ? Texts("classlabels_strings", texts) : Ints("classlabels_int64s", labels));
    return attributes;
  }

  std::vector<std::string> Numbered() {
    // Splits and leaves are numbered apart, over all trees.
    std::vector<int64_t> number(nodes_.size());
    int64_t splits = 0, leaves = 0;
    for (size_t n = 0; n < nodes_.size(); ++n) number[n] = nodes_[n].mode == 7 ? leaves++ : splits++;
    std::vector<int64_t> roots, feature, on_true, on_false, true_leaf, false_leaf, missing, target;
    std::vector<double> value, weight, members;
    std::vector<uint8_t> mode;
    for (size_t t = 0; t < tree_first_.size(); ++t) {
      const size_t begin = tree_first_[t], end = t + 1 < tree_first_.size() ? tree_first_[t + 1] : nodes_.size();
      roots.push_back(number[begin]);
      for (size_t n = begin; n < end; ++n) {
        const Node& node = nodes_[n];
        if (node.mode == 7) {
          target.push_back(node.weights[0].first);
          weight.push_back(node.weights[0].second);
          continue;
        }
        const size_t yes = begin + static_cast<size_t>(node.on_true), no = begin + static_cast<size_t>(node.on_false);
        feature.push_back(node.feature);
        value.push_back(node.mode == 6 ? 0 : node.value);
        on_true.push_back(number[yes]);
        on_false.push_back(number[no]);
        true_leaf.push_back(nodes_[yes].mode == 7);
        false_leaf.push_back(nodes_[no].mode == 7);
        missing.push_back(node.missing_true);
        mode.push_back(static_cast<uint8_t>(node.mode));
        if (node.mode != 6) continue;
        members.insert(members.end(), node.members.begin(), node.members.end());
        members.push_back(std::numeric_limits<double>::quiet_NaN());
      }
    }
    const auto tensor = [this](const char* name, const std::vector<double>& values) {
      const auto n = static_cast<int64_t>(values.size());
      return TensorAttribute(name, o_.doubles ? RawTensor<double>("", 11, {n}, values)
                                              : RawTensor<float>("", 1, {n}, std::vector<float>(values.begin(), values.end())));
    };
    std::vector<std::string> attributes = {
        Ints("tree_roots", roots),
        Ints("nodes_featureids", feature),
        Ints("nodes_truenodeids", on_true),
        Ints("nodes_falsenodeids", on_false),
        Ints("nodes_trueleafs", true_leaf),
        Ints("nodes_falseleafs", false_leaf),
        Ints("nodes_missing_value_tracks_true", missing),
        Ints("leaf_targetids", target),
        tensor("leaf_weights", weight),
        tensor("nodes_splits", value),
        TensorAttribute("nodes_modes", RawTensor<uint8_t>("", 2, {static_cast<int64_t>(mode.size())}, mode)),
        Int("n_targets", o_.targets),
        Int("aggregate_function", o_.aggregate),
        Int("post_transform", o_.post_transform)};
    if (!members.empty()) attributes.push_back(tensor("membership_values", members));
    return attributes;
  }

  const OnnxTreesOptions o_;
  Random random_;
  std::vector<Node> nodes_;
  std::vector<size_t> tree_first_;
  int64_t tree_ = 0;
};

}  // namespace

std::string RandomOnnxTrees(const OnnxTreesOptions& options, uint64_t seed) { return OnnxTrees(options, seed).Model(); }

}  // namespace vigil::testing
