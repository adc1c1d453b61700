#include "runtime/onnx/tree_ensemble.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "absl/container/flat_hash_map.h"
#include "base/text.h"
#include "runtime/cat.h"

namespace vigil::onnx {
namespace {

constexpr std::array<std::string_view, 8> kModes = {"BRANCH_LEQ", "BRANCH_LT",  "BRANCH_GTE",    "BRANCH_GT",
                                                    "BRANCH_EQ",  "BRANCH_NEQ", "BRANCH_MEMBER", "LEAF"};
constexpr std::array<std::string_view, 4> kAggregates = {"AVERAGE", "SUM", "MIN", "MAX"};
constexpr std::array<std::string_view, 5> kPostTransforms = {"NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO", "PROBIT"};

template <size_t N>
StatusOr<size_t> IndexOf(const std::array<std::string_view, N>& names, std::string_view name, std::string_view what) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return static_cast<size_t>(found - names.begin());
  const std::vector<std::string> known(names.begin(), names.end());
  return absl::InvalidArgumentError(Cat("unknown ", what, " '", Shown(name), "'", DidYouMean(Shown(name), known)));
}

Status CheckLength(std::string_view what, size_t length, size_t nodes) {
  if (length == nodes) return absl::OkStatus();
  return absl::InvalidArgumentError(Cat(what, " has ", length, " entries for ", nodes, " nodes"));
}

// Numbers given as floats or, for doubles, as a tensor of their own.
StatusOr<std::vector<double>> Numbers(const OnnxNode& node, const std::string& attribute, TreeEnsemble* to) {
  VIGIL_ASSIGN_OR_RETURN(const std::vector<float> floats, Floats(node, attribute));
  VIGIL_ASSIGN_OR_RETURN(std::vector<double> doubles, TensorNumbers(node, attribute + "_as_tensor", &to->doubles));
  if (!floats.empty() && !doubles.empty()) {
    return absl::InvalidArgumentError(Cat("both ", attribute, " and ", attribute, "_as_tensor are given"));
  }
  if (doubles.empty()) doubles.assign(floats.begin(), floats.end());
  return doubles;
}

// Versions 1 and 3: parallel arrays over all nodes, trees and nodes named by ids.
class NamedNodes {
 public:
  explicit NamedNodes(const OnnxNode& node) : node_(node) {}

  Status Read(TreeEnsemble* to) {
    VIGIL_RETURN_IF_ERROR(ReadArrays(to));
    VIGIL_RETURN_IF_ERROR(ReadKind(to));
    const size_t n = tree_.size();
    if (n == 0) return absl::InvalidArgumentError("it has no nodes");
    // A tree is the run of nodes with its id, its root the first of them.
    for (size_t i = 0; i < n; ++i) {
      if (i == 0 || tree_[i] != tree_[i - 1]) {
        if (!tree_number_.emplace(tree_[i], to->tree_begin.size()).second) {
          return absl::InvalidArgumentError(Cat("nodes of tree ", tree_[i], " do not lie beside each other"));
        }
        to->tree_begin.push_back(static_cast<int64_t>(i));
      }
      if (!place_.emplace(std::pair(tree_[i], id_[i]), static_cast<int64_t>(i)).second) {
        return absl::InvalidArgumentError(Cat("tree ", tree_[i], ": node ", id_[i], " is there twice"));
      }
    }
    for (size_t i = 0; i < n; ++i) {
      if (to->mode[i] == NodeMode::kLeaf) continue;
      const int64_t begin = to->tree_begin[tree_number_[tree_[i]]];
      for (std::vector<int64_t>* child : {&to->on_true, &to->on_false}) {
        const auto found = place_.find(std::pair(tree_[i], (*child)[i]));
        if (found == place_.end()) {
          return absl::InvalidArgumentError(Cat("tree ", tree_[i], ", node ", id_[i], ": its ", child == &to->on_true ? "true" : "false",
                                                " branch is node ", (*child)[i], ", which the tree does not have"));
        }
        (*child)[i] = found->second - begin;
      }
    }
    to->tree_begin.push_back(static_cast<int64_t>(n));
    return ReadWeights(to);
  }

 private:
  Status ReadArrays(TreeEnsemble* to) {
    VIGIL_ASSIGN_OR_RETURN(tree_, Integers(node_, "nodes_treeids"));
    VIGIL_ASSIGN_OR_RETURN(id_, Integers(node_, "nodes_nodeids"));
    VIGIL_ASSIGN_OR_RETURN(to->feature, Integers(node_, "nodes_featureids"));
    VIGIL_ASSIGN_OR_RETURN(to->on_true, Integers(node_, "nodes_truenodeids"));
    VIGIL_ASSIGN_OR_RETURN(to->on_false, Integers(node_, "nodes_falsenodeids"));
    VIGIL_ASSIGN_OR_RETURN(to->value, Numbers(node_, "nodes_values", to));
    VIGIL_ASSIGN_OR_RETURN(const std::vector<std::string_view> modes, Texts(node_, "nodes_modes"));
    VIGIL_ASSIGN_OR_RETURN(const std::vector<int64_t> missing, Integers(node_, "nodes_missing_value_tracks_true"));
    const size_t n = tree_.size();
    VIGIL_RETURN_IF_ERROR(CheckLength("nodes_nodeids", id_.size(), n));
    VIGIL_RETURN_IF_ERROR(CheckLength("nodes_featureids", to->feature.size(), n));
    VIGIL_RETURN_IF_ERROR(CheckLength("nodes_truenodeids", to->on_true.size(), n));
    VIGIL_RETURN_IF_ERROR(CheckLength("nodes_falsenodeids", to->on_false.size(), n));
    VIGIL_RETURN_IF_ERROR(CheckLength("nodes_values", to->value.size(), n));
    VIGIL_RETURN_IF_ERROR(CheckLength("nodes_modes", modes.size(), n));
    if (!missing.empty()) VIGIL_RETURN_IF_ERROR(CheckLength("nodes_missing_value_tracks_true", missing.size(), n));
    to->mode.resize(n);
    to->missing_true.resize(n);
    to->members.assign(n, -1);
    for (size_t i = 0; i < n; ++i) {
      VIGIL_ASSIGN_OR_RETURN(const size_t mode, IndexOf(kModes, modes[i], "node mode"));
      to->mode[i] = static_cast<NodeMode>(mode);
      if (to->mode[i] == NodeMode::kMember) return absl::InvalidArgumentError("BRANCH_MEMBER belongs to TreeEnsemble only");
      to->missing_true[i] = !missing.empty() && missing[i] == 1;
    }
    return absl::OkStatus();
  }

  Status ReadKind(TreeEnsemble* to) {
    to->classifier = node_.op == "TreeEnsembleClassifier";
    VIGIL_ASSIGN_OR_RETURN(to->base_values, Numbers(node_, "base_values", to));
    VIGIL_ASSIGN_OR_RETURN(const std::string_view post, Text(node_, "post_transform", "NONE"));
    VIGIL_ASSIGN_OR_RETURN(const size_t post_index, IndexOf(kPostTransforms, post, "post_transform"));
    to->post_transform = static_cast<PostTransform>(post_index);
    VIGIL_ASSIGN_OR_RETURN(const std::string_view aggregate, Text(node_, "aggregate_function", "SUM"));
    VIGIL_ASSIGN_OR_RETURN(const size_t aggregate_index, IndexOf(kAggregates, aggregate, "aggregate_function"));
    to->aggregate = static_cast<Aggregate>(aggregate_index);
    if (!to->classifier) {
      VIGIL_ASSIGN_OR_RETURN(to->targets, Integer(node_, "n_targets", 0));
      return absl::OkStatus();
    }
    VIGIL_ASSIGN_OR_RETURN(to->labels, Integers(node_, "classlabels_int64s"));
    VIGIL_ASSIGN_OR_RETURN(to->text_labels, Texts(node_, "classlabels_strings"));
    to->targets = static_cast<int64_t>(to->text_labels.empty() ? to->labels.size() : to->text_labels.size());
    return absl::OkStatus();
  }

  Status ReadWeights(TreeEnsemble* to) {
    const std::string kind = to->classifier ? "class" : "target";
    VIGIL_ASSIGN_OR_RETURN(const std::vector<int64_t> trees, Integers(node_, kind + "_treeids"));
    VIGIL_ASSIGN_OR_RETURN(const std::vector<int64_t> nodes, Integers(node_, kind + "_nodeids"));
    VIGIL_ASSIGN_OR_RETURN(const std::vector<int64_t> ids, Integers(node_, kind + "_ids"));
    VIGIL_ASSIGN_OR_RETURN(const std::vector<double> weights, Numbers(node_, kind + "_weights", to));
    for (const size_t length : {trees.size(), nodes.size(), ids.size()}) {
      if (length == weights.size()) continue;
      return absl::InvalidArgumentError(Cat(kind, "_treeids, _nodeids, _ids and _weights differ in length: ", trees.size(), ", ",
                                            nodes.size(), ", ", ids.size(), ", ", weights.size()));
    }
    // Sorted by node, in the file's order within one: the order in which they are added.
    std::vector<int64_t> at(weights.size());
    to->weight_begin.assign(tree_.size() + 1, 0);
    for (size_t i = 0; i < weights.size(); ++i) {
      const auto found = place_.find(std::pair(trees[i], nodes[i]));
      if (found == place_.end()) {
        return absl::InvalidArgumentError(
            Cat(kind, "_weights[", i, "] is for node ", nodes[i], " of tree ", trees[i], ", which is not there"));
      }
      at[i] = found->second;
      ++to->weight_begin[static_cast<size_t>(at[i]) + 1];
    }
    for (size_t n = 1; n < to->weight_begin.size(); ++n) to->weight_begin[n] += to->weight_begin[n - 1];
    std::vector<int64_t> next(to->weight_begin.begin(), to->weight_begin.end() - 1);
    to->weights.resize(weights.size());
    for (size_t i = 0; i < weights.size(); ++i) {
      to->weights[static_cast<size_t>(next[static_cast<size_t>(at[i])]++)] = {ids[i], weights[i]};
    }
    return absl::OkStatus();
  }

  const OnnxNode& node_;
  std::vector<int64_t> tree_, id_;
  absl::flat_hash_map<int64_t, size_t> tree_number_;
  absl::flat_hash_map<std::pair<int64_t, int64_t>, int64_t> place_;
};

// Version 5: splits and leaves numbered apart, trees by their roots.
class NumberedNodes {
 public:
  explicit NumberedNodes(const OnnxNode& node) : node_(node) {}

  Status Read(TreeEnsemble* to) {
    VIGIL_RETURN_IF_ERROR(ReadArrays(to));
    for (size_t t = 0; t < roots_.size(); ++t) {
      VIGIL_RETURN_IF_ERROR(CopyTree(t, to));
    }
    to->tree_begin.push_back(static_cast<int64_t>(to->mode.size()));
    to->weight_begin.push_back(static_cast<int64_t>(to->weights.size()));
    return absl::OkStatus();
  }

 private:
  Status ReadArrays(TreeEnsemble* to) {
    VIGIL_ASSIGN_OR_RETURN(roots_, Integers(node_, "tree_roots"));
    VIGIL_ASSIGN_OR_RETURN(feature_, Integers(node_, "nodes_featureids"));
    VIGIL_ASSIGN_OR_RETURN(on_true_, Integers(node_, "nodes_truenodeids"));
    VIGIL_ASSIGN_OR_RETURN(on_false_, Integers(node_, "nodes_falsenodeids"));
    VIGIL_ASSIGN_OR_RETURN(true_leaf_, Integers(node_, "nodes_trueleafs"));
    VIGIL_ASSIGN_OR_RETURN(false_leaf_, Integers(node_, "nodes_falseleafs"));
    VIGIL_ASSIGN_OR_RETURN(missing_, Integers(node_, "nodes_missing_value_tracks_true"));
    VIGIL_ASSIGN_OR_RETURN(leaf_target_, Integers(node_, "leaf_targetids"));
    VIGIL_ASSIGN_OR_RETURN(leaf_weight_, TensorNumbers(node_, "leaf_weights", &to->doubles));
    VIGIL_ASSIGN_OR_RETURN(split_, TensorNumbers(node_, "nodes_splits", &to->doubles));
    VIGIL_ASSIGN_OR_RETURN(mode_, TensorNumbers(node_, "nodes_modes", &to->doubles));
    VIGIL_ASSIGN_OR_RETURN(const std::vector<double> members, TensorNumbers(node_, "membership_values", &to->doubles));
    const size_t n = feature_.size();
    VIGIL_RETURN_IF_ERROR(CheckLength("nodes_truenodeids", on_true_.size(), n));
    VIGIL_RETURN_IF_ERROR(CheckLength("nodes_falsenodeids", on_false_.size(), n));
    VIGIL_RETURN_IF_ERROR(CheckLength("nodes_trueleafs", true_leaf_.size(), n));
    VIGIL_RETURN_IF_ERROR(CheckLength("nodes_falseleafs", false_leaf_.size(), n));
    VIGIL_RETURN_IF_ERROR(CheckLength("nodes_splits", split_.size(), n));
    VIGIL_RETURN_IF_ERROR(CheckLength("nodes_modes", mode_.size(), n));
    if (!missing_.empty()) VIGIL_RETURN_IF_ERROR(CheckLength("nodes_missing_value_tracks_true", missing_.size(), n));
    if (leaf_target_.size() != leaf_weight_.size()) {
      return absl::InvalidArgumentError(Cat(leaf_target_.size(), " leaf_targetids for ", leaf_weight_.size(), " leaf_weights"));
    }
    if (roots_.empty()) return absl::InvalidArgumentError("it has no trees");
    VIGIL_ASSIGN_OR_RETURN(to->targets, Integer(node_, "n_targets", 0));
    VIGIL_ASSIGN_OR_RETURN(const int64_t aggregate, Integer(node_, "aggregate_function", 1));
    VIGIL_ASSIGN_OR_RETURN(const int64_t post, Integer(node_, "post_transform", 0));
    if (aggregate < 0 || aggregate > 3) return absl::InvalidArgumentError(Cat("unknown aggregate_function ", aggregate));
    if (post < 0 || post > 4) return absl::InvalidArgumentError(Cat("unknown post_transform ", post));
    to->aggregate = static_cast<Aggregate>(aggregate);
    to->post_transform = static_cast<PostTransform>(post);
    // Lists of members are parted by NaN, one for each BRANCH_MEMBER in the order of the nodes.
    member_of_.assign(n, -1);
    size_t at = 0;
    for (size_t i = 0; i < n; ++i) {
      if (!(mode_[i] >= 0 && mode_[i] <= 6)) return absl::InvalidArgumentError(Cat("node ", i, ": unknown mode ", NumberText(mode_[i])));
      if (mode_[i] != 6) continue;
      member_of_[i] = static_cast<int64_t>(to->member_lists.size());
      std::vector<double>& list = to->member_lists.emplace_back();
      while (at < members.size() && !std::isnan(members[at])) list.push_back(members[at++]);
      ++at;
    }
    seen_.assign(n, 0);
    return absl::OkStatus();
  }

  // A child to come: the split or leaf it is, and the place that points to it.
  struct Pending {
    int64_t index;
    bool leaf;
    int64_t parent;  // of the tree; -1: the root
    bool on_true;
  };

  // Depth first, each tree's nodes renumbered from 0. A split that is met twice is one of two parents or of a cycle.
  Status CopyTree(size_t t, TreeEnsemble* to) {
    const auto begin = static_cast<int64_t>(to->mode.size());
    to->tree_begin.push_back(begin);
    const auto splits = static_cast<int64_t>(feature_.size());
    const auto leaves = static_cast<int64_t>(leaf_weight_.size());
    // A root whose two branches are the same leaf is how version 5 writes a tree of one leaf.
    std::vector<Pending> pending = {{roots_[t], false, -1, false}};
    if (roots_[t] >= 0 && roots_[t] < splits) {
      const auto r = static_cast<size_t>(roots_[t]);
      if (true_leaf_[r] != 0 && false_leaf_[r] != 0 && on_true_[r] == on_false_[r]) {
        if (seen_[r]++ != 0) return absl::InvalidArgumentError(Cat("tree ", t, ": node ", r, " belongs to two trees"));
        pending[0] = {on_true_[r], true, -1, false};
      }
    }
    while (!pending.empty()) {
      const Pending next = pending.back();
      pending.pop_back();
      if (next.index < 0 || next.index >= (next.leaf ? leaves : splits)) {
        return absl::InvalidArgumentError(
            Cat("tree ", t, ": ", next.leaf ? "leaf " : "node ", next.index, " of ", next.leaf ? leaves : splits));
      }
      const int64_t place = static_cast<int64_t>(to->mode.size()) - begin;
      if (next.parent >= 0) (next.on_true ? to->on_true : to->on_false)[static_cast<size_t>(begin + next.parent)] = place;
      const auto i = static_cast<size_t>(next.index);
      to->weight_begin.push_back(static_cast<int64_t>(to->weights.size()));
      to->on_true.push_back(0);
      to->on_false.push_back(0);
      to->mode.push_back(next.leaf ? NodeMode::kLeaf : static_cast<NodeMode>(static_cast<int>(mode_[i])));
      to->feature.push_back(next.leaf ? 0 : feature_[i]);
      to->value.push_back(next.leaf ? 0 : split_[i]);
      to->missing_true.push_back(!next.leaf && !missing_.empty() && missing_[i] == 1);
      to->members.push_back(next.leaf ? -1 : member_of_[i]);
      if (next.leaf) {
        to->weights.push_back({leaf_target_[i], leaf_weight_[i]});
        continue;
      }
      if (seen_[i]++ != 0) {
        return absl::InvalidArgumentError(Cat("tree ", t, ": node ", i, " has two parents, is its own ancestor, or belongs to two trees"));
      }
      pending.push_back({on_false_[i], false_leaf_[i] != 0, place, false});
      pending.push_back({on_true_[i], true_leaf_[i] != 0, place, true});
    }
    return absl::OkStatus();
  }

  const OnnxNode& node_;
  std::vector<int64_t> roots_, feature_, on_true_, on_false_, true_leaf_, false_leaf_, missing_, leaf_target_, member_of_;
  std::vector<double> leaf_weight_, split_, mode_;
  std::vector<uint8_t> seen_;
};

// What both forms promise once read.
Status Judge(int64_t width, TreeEnsemble* ensemble) {
  if (ensemble->targets <= 0) {
    return absl::InvalidArgumentError(ensemble->classifier ? "it has no class labels" : Cat("n_targets is ", ensemble->targets));
  }
  for (const LeafWeight& w : ensemble->weights) {
    if (w.target < 0 || w.target >= ensemble->targets) {
      return absl::InvalidArgumentError(Cat("a leaf's weight is for output ", w.target, " of ", ensemble->targets));
    }
  }
  std::vector<uint8_t> reached;
  std::vector<int64_t> pending;
  for (size_t t = 0; t < ensemble->trees(); ++t) {
    const int64_t begin = ensemble->tree_begin[t], size = ensemble->tree_begin[t + 1] - begin;
    reached.assign(static_cast<size_t>(size), 0);
    reached[0] = 1;
    pending.assign(1, 0);
    while (!pending.empty()) {
      const int64_t n = pending.back();
      pending.pop_back();
      const auto i = static_cast<size_t>(begin + n);
      if (ensemble->mode[i] == NodeMode::kLeaf) continue;
      if (ensemble->feature[i] < 0 || (width >= 0 && ensemble->feature[i] >= width)) {
        return absl::InvalidArgumentError(
            Cat("tree ", t, ", node ", n, ": a split on feature ", ensemble->feature[i], width >= 0 ? Cat(" of ", width) : std::string()));
      }
      if (std::isnan(ensemble->value[i]) && ensemble->mode[i] != NodeMode::kMember) {
        return absl::InvalidArgumentError(Cat("tree ", t, ", node ", n, ": a split value that is not a number"));
      }
      ensemble->feature_max = std::max(ensemble->feature_max, ensemble->feature[i]);
      for (const int64_t child : {ensemble->on_true[i], ensemble->on_false[i]}) {
        uint8_t& seen = reached[static_cast<size_t>(child)];
        if (seen != 0) {
          return absl::InvalidArgumentError(
              Cat("tree ", t, ", node ", n, ": its branch to node ", child, " makes a cycle or a node of two parents"));
        }
        seen = 1;
        pending.push_back(child);
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

bool IsTreeEnsemble(const OnnxNode& node) {
  return node.domain == "ai.onnx.ml" &&
         (node.op == "TreeEnsembleRegressor" || node.op == "TreeEnsembleClassifier" || node.op == "TreeEnsemble");
}

StatusOr<TreeEnsemble> ReadTreeEnsemble(const OnnxNode& node, int64_t width) {
  TreeEnsemble ensemble;
  Status status = node.op == "TreeEnsemble" ? NumberedNodes(node).Read(&ensemble) : NamedNodes(node).Read(&ensemble);
  if (status.ok()) status = Judge(width, &ensemble);
  // An attribute's error brings the operator's place.
  if (status.ok()) return ensemble;
  return status.message().find(AbslView(node.place)) == 0 ? status : Status(status.code(), Cat(node.place, ": ", status.message()));
}

}  // namespace vigil::onnx
