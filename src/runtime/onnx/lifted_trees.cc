#include "runtime/onnx/lifted_trees.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "runtime/cat.h"
#include "runtime/onnx/post_transform.h"
#include "runtime/trees/engine_choice.h"
#include "runtime/trees/forest_builder.h"

namespace vigil::onnx {
namespace {

constexpr size_t kExtremeTreesMax = 4096;

Status NotLifted(const std::string& why) { return absl::UnimplementedError(why); }

// Which of a tree's targets every one of its leaves has a weight for, and whether all its weights are for one target.
struct TreeTargets {
  std::vector<uint8_t> always;
  int64_t only = -1;  // the one target; -1: several, or none
};

StatusOr<TreeTargets> TargetsOf(const TreeEnsemble& e, size_t t) {
  TreeTargets found;
  found.always.assign(static_cast<size_t>(e.targets), 1);
  std::vector<uint8_t> here(static_cast<size_t>(e.targets));
  bool any = false, several = false;
  for (auto n = static_cast<size_t>(e.tree_begin[t]); n < static_cast<size_t>(e.tree_begin[t + 1]); ++n) {
    if (e.mode[n] != NodeMode::kLeaf) continue;
    std::fill(here.begin(), here.end(), 0);
    for (auto w = static_cast<size_t>(e.weight_begin[n]); w < static_cast<size_t>(e.weight_begin[n + 1]); ++w) {
      const auto target = static_cast<size_t>(e.weights[w].target);
      if (here[target]++ != 0) return NotLifted(Cat("a leaf of tree ", t, " has two weights for one output"));
      several = several || (any && found.only != e.weights[w].target);
      found.only = e.weights[w].target;
      any = true;
    }
    for (size_t k = 0; k < here.size(); ++k) found.always[k] &= here[k];
  }
  if (several) found.only = -1;
  return found;
}

}  // namespace

StatusOr<std::unique_ptr<LiftedTrees>> LiftedTrees::Make(const OnnxNode& node, int64_t width, bool double_rows,
                                                         const LoadOptions& options) {
  VIGIL_ASSIGN_OR_RETURN(const TreeEnsemble ensemble, ReadTreeEnsemble(node, width));
  std::unique_ptr<LiftedTrees> lifted(new LiftedTrees());
  Status status = lifted->Choose(ensemble);
  if (status.ok() && ensemble.doubles && !double_rows) status = NotLifted("thresholds of doubles for rows of floats");
  if (status.ok()) status = lifted->Build(ensemble, width, double_rows);
  if (!status.ok()) return Status(status.code(), Cat(node.place, ": ", status.message()));
  lifted->double_scores_ = node.op == "TreeEnsemble" && double_rows;
  VIGIL_ASSIGN_OR_RETURN(trees::EngineChoice choice,
                         trees::ChooseEngine(lifted->forest_, options.engine, options.self_check, options.seed));
  lifted->engine_ = std::move(choice.engine);
  lifted->reason_ = std::move(choice.reason);
  return lifted;
}

Status LiftedTrees::Choose(const TreeEnsemble& e) {
  classifier_ = e.classifier;
  aggregate_ = e.aggregate;
  post_ = e.post_transform;
  classes_or_targets_ = e.targets;
  base_values_ = e.base_values;
  trees_ = static_cast<int64_t>(e.trees());
  labels_ = e.labels;
  for (const std::string_view label : e.text_labels) text_labels_.emplace_back(label);
  if (e.targets > trees::kOutputsMax) return NotLifted(Cat(e.targets, " outputs"));
  if (classifier_) return ChooseForClasses(e);
  if (!base_values_.empty() && static_cast<int64_t>(base_values_.size()) != e.targets) {
    return NotLifted(Cat(base_values_.size(), " base_values for ", e.targets, " targets"));
  }
  if (aggregate_ == Aggregate::kMin || aggregate_ == Aggregate::kMax) {
    if (e.targets != 1 || e.trees() > kExtremeTreesMax) return NotLifted("the least or greatest leaf of several targets, or of many trees");
    finish_ = Finish::kExtreme;
  }
  // Of one target ONNX Runtime takes a leaf's first weight; of a leaf without one (or of two) it makes what no other runtime would.
  for (size_t n = 0; e.targets == 1 && n < e.mode.size(); ++n) {
    if (e.mode[n] == NodeMode::kLeaf && e.weight_begin[n + 1] - e.weight_begin[n] != 1) {
      return NotLifted(Cat("a leaf of ", e.weight_begin[n + 1] - e.weight_begin[n], " weights"));
    }
  }
  return absl::OkStatus();
}

Status LiftedTrees::ChooseForClasses(const TreeEnsemble& e) {
  if (e.targets < 2) return NotLifted("a classifier of one class");
  bool second = false, first = false, mirrored = true;
  weights_all_positive_ = true;
  for (const LeafWeight& w : e.weights) {
    (w.target == 0 ? first : second) = true;
    weights_all_positive_ = weights_all_positive_ && w.weight >= 0;
  }
  if (e.targets == 2 && !second) {
    finish_ = Finish::kOneOfTwo;
    if (base_values_.size() > 1) return NotLifted("two base values and weights for one class");
    if (post_ == PostTransform::kProbit) return NotLifted("PROBIT of two classes from one sum");
    return absl::OkStatus();
  }
  if (e.targets == 2 && !first) return NotLifted("two classes and weights for the second only");
  if (e.targets == 2 && !base_values_.empty()) return NotLifted("base values and weights for both of two classes");
  // ONNX Runtime answers 0 and 1 there, whatever the labels are.
  if (e.targets == 2 && text_labels_.empty() && labels_ != std::vector<int64_t>{0, 1}) {
    return NotLifted("weights for both of two classes whose labels are not 0 and 1");
  }
  if (!base_values_.empty() && static_cast<int64_t>(base_values_.size()) != e.targets) {
    return NotLifted(Cat(base_values_.size(), " base_values for ", e.targets, " classes"));
  }
  // A class that no reached leaf has a weight for is left out of the vote: only where that cannot happen is a sum of 0 the same.
  std::vector<uint8_t> voted(static_cast<size_t>(e.targets), base_values_.empty() ? 0 : 1);
  bool all_positive = true;
  for (const LeafWeight& w : e.weights) all_positive = all_positive && w.weight > 0;
  for (size_t t = 0; t < e.trees(); ++t) {
    VIGIL_ASSIGN_OR_RETURN(const TreeTargets targets, TargetsOf(e, t));
    for (size_t k = 0; k < voted.size(); ++k) voted[k] |= targets.always[k];
  }
  const auto silent = std::find(voted.begin(), voted.end(), 0);
  if (silent != voted.end() && (e.targets == 2 || !all_positive)) {
    return NotLifted(Cat("class ", silent - voted.begin(), " has no weight in some leaves of every tree"));
  }
  for (size_t n = 0; e.targets == 2 && mirrored && n < e.mode.size(); ++n) {
    if (e.mode[n] != NodeMode::kLeaf) continue;
    const auto w = static_cast<size_t>(e.weight_begin[n]);
    mirrored = e.weight_begin[n + 1] - e.weight_begin[n] == 2 && e.weights[w].weight == -e.weights[w + 1].weight &&
               e.weights[w].target != e.weights[w + 1].target;
  }
  if (e.targets == 2 && mirrored) finish_ = Finish::kMirrored;
  return absl::OkStatus();
}

Status LiftedTrees::Build(const TreeEnsemble& e, int64_t width, bool double_rows) {
  const auto outputs = static_cast<size_t>(finish_ == Finish::kVector ? e.targets : finish_ == Finish::kExtreme ? trees_ : 1);
  trees::ForestBuilder builder(static_cast<int32_t>(width), std::vector<double>(outputs, 0.0));
  const auto precision = double_rows ? trees::Precision::kFloat64 : trees::Precision::kFloat32;
  builder.SetPrecision(precision, precision);
  for (size_t t = 0; t < e.trees(); ++t) {
    const Status status = AddTree(e, t, &builder);
    if (!status.ok()) return Status(status.code(), Cat("tree ", t, ": ", status.message()));
  }
  forest_ = builder.Finish(static_cast<int32_t>(trees_));
  return absl::OkStatus();
}

Status LiftedTrees::AddTree(const TreeEnsemble& e, size_t t, trees::ForestBuilder* builder) const {
  const auto begin = static_cast<size_t>(e.tree_begin[t]), n = static_cast<size_t>(e.tree_begin[t + 1]) - begin;
  std::vector<double> left(n), right(n), feature(n), value(n), default_left(n), vectors;
  std::vector<trees::Comparison> comparison(n, trees::Comparison::kLess);
  std::vector<int32_t> set(n, -1);
  bool any_set = false;
  int32_t output = 0;
  bool vector_leaves = false;
  if (finish_ == Finish::kExtreme) output = static_cast<int32_t>(t);
  if (finish_ == Finish::kVector && e.targets > 1) {
    VIGIL_ASSIGN_OR_RETURN(const TreeTargets targets, TargetsOf(e, t));
    vector_leaves = targets.only < 0;
    output = vector_leaves ? trees::kEveryOutput : static_cast<int32_t>(targets.only);
  }
  for (size_t i = 0; i < n; ++i) {
    const size_t node = begin + i;
    if (e.mode[node] == NodeMode::kLeaf) {
      left[i] = right[i] = -1;
      if (vector_leaves) {
        value[i] = static_cast<double>(vectors.size() / static_cast<size_t>(e.targets));
        vectors.resize(vectors.size() + static_cast<size_t>(e.targets), 0.0);
      }
      for (auto w = static_cast<size_t>(e.weight_begin[node]); w < static_cast<size_t>(e.weight_begin[node + 1]); ++w) {
        if (finish_ == Finish::kMirrored && e.weights[w].target == 0) continue;
        (vector_leaves ? vectors[vectors.size() - static_cast<size_t>(e.targets - e.weights[w].target)] : value[i]) = e.weights[w].weight;
      }
      continue;
    }
    left[i] = static_cast<double>(e.on_true[node]);
    right[i] = static_cast<double>(e.on_false[node]);
    feature[i] = static_cast<double>(e.feature[node]);
    value[i] = e.value[node];
    // A comparison with NaN is false, but for "not equal".
    default_left[i] = e.missing_true[node] != 0 || e.mode[node] == NodeMode::kNeq;
    switch (e.mode[node]) {
      case NodeMode::kLeq: comparison[i] = trees::Comparison::kLessEqual; break;
      case NodeMode::kLt: comparison[i] = trees::Comparison::kLess; break;
      case NodeMode::kGte: comparison[i] = trees::Comparison::kGreaterEqual; break;
      case NodeMode::kGt: comparison[i] = trees::Comparison::kGreater; break;
      case NodeMode::kEq:
      case NodeMode::kNeq:
      case NodeMode::kMember: {
        const bool listed = e.mode[node] == NodeMode::kMember;
        const absl::Span<const double> one(&e.value[node], 1);
        const absl::Span<const double> members = listed ? e.member_lists[static_cast<size_t>(e.members[node])] : one;
        VIGIL_ASSIGN_OR_RETURN(set[i], builder->AddSet(members, trees::SetReading::kExact, e.mode[node] != NodeMode::kNeq));
        any_set = true;
        break;
      }
      case NodeMode::kLeaf: break;
    }
    // "Any number" (<= infinity, how scikit-learn parts missing from present) said so that every engine can hold it.
    if (value[i] == std::numeric_limits<double>::infinity()) {
      if (comparison[i] == trees::Comparison::kLessEqual) comparison[i] = trees::Comparison::kGreaterEqual, value[i] = -value[i];
      if (comparison[i] == trees::Comparison::kGreater) comparison[i] = trees::Comparison::kLess, value[i] = -value[i];
    }
  }
  trees::TreeArrays arrays;
  arrays.left = left;
  arrays.right = right;
  arrays.feature = feature;
  arrays.value = value;
  arrays.default_left = default_left;
  arrays.comparison = comparison;
  if (any_set) arrays.set = set;
  arrays.leaf_vectors = vectors;
  return builder->AddTree(arrays, output, static_cast<int32_t>(t));
}

template <typename Sum>
int64_t LiftedTrees::FinishRow(const Sum* sums, Sum* scores) const {
  const auto width = static_cast<size_t>(classes_or_targets_);
  if (finish_ == Finish::kOneOfTwo) {
    const Sum sum = sums[0] + static_cast<Sum>(base_values_.empty() ? 0 : base_values_[0]);
    scores[1] = sum;
    scores[0] = weights_all_positive_ ? 1 - sum : -sum;
    if (post_ == PostTransform::kLogistic) {  // the only transform that two scores from one sum know
      scores[0] = static_cast<Sum>(Logistic(static_cast<float>(-sum)));
      scores[1] = static_cast<Sum>(Logistic(static_cast<float>(sum)));
    }
    return sum > static_cast<Sum>(weights_all_positive_ ? 0.5 : 0) ? 1 : 0;
  }
  if (finish_ == Finish::kMirrored) {
    scores[0] = -sums[0];
    scores[1] = sums[0];
  } else if (finish_ == Finish::kExtreme) {
    scores[0] = aggregate_ == Aggregate::kMin ? *std::min_element(sums, sums + trees_) : *std::max_element(sums, sums + trees_);
  } else {
    std::copy(sums, sums + width, scores);
  }
  for (size_t k = 0; k < width; ++k) {
    if (aggregate_ == Aggregate::kAverage) scores[k] /= static_cast<Sum>(trees_);
    if (!base_values_.empty()) scores[k] += static_cast<Sum>(base_values_[k]);
  }
  int64_t label = 0;
  if (classifier_) label = width == 2 ? (scores[1] > 0 ? 1 : 0) : std::max_element(scores, scores + width) - scores;
  // ONNX Runtime transforms a single target by PROBIT alone.
  if (width > 1 || post_ == PostTransform::kProbit) ApplyPostTransform(post_, scores, width);
  return label;
}

template <typename Sum, typename Out>
void LiftedTrees::FinishRows(const Sum* sums, size_t n, Out* scores, int64_t* label_index, std::vector<double>* spare) const {
  const auto width = static_cast<size_t>(classes_or_targets_), outputs = static_cast<size_t>(forest_.outputs);
  for (size_t r = 0; r < n; ++r) {
    int64_t label = 0;
    if constexpr (std::is_same_v<Sum, Out>) {
      label = FinishRow(sums + r * outputs, scores + r * width);
    } else {
      spare->resize(width);
      label = FinishRow(sums + r * outputs, spare->data());
      for (size_t k = 0; k < width; ++k) scores[r * width + k] = static_cast<Out>((*spare)[k]);
    }
    if (label_index != nullptr) label_index[r] = label;
  }
}

void LiftedTrees::Score(const void* rows, size_t n, Scratch* scratch, void* scores, int64_t* label_index) const {
  if (scratch->ends.empty()) {
    scratch->engine = trees::AlignedBytes(engine_->scratch_bytes());
    scratch->ends.resize(static_cast<size_t>(forest_.outputs));
    forest_.TreeEnds(0, absl::MakeSpan(scratch->ends));
  }
  const size_t values = n * static_cast<size_t>(forest_.outputs);
  if (!double_rows()) {
    scratch->floats.resize(values);
    engine_->Score(rows, n, scratch->ends, scratch->engine.data(), scratch->floats.data());
    FinishRows(scratch->floats.data(), n, static_cast<float*>(scores), label_index, &scratch->row);
    return;
  }
  scratch->doubles.resize(values);
  engine_->Score(rows, n, scratch->ends, scratch->engine.data(), scratch->doubles.data());
  if (double_scores_) {
    FinishRows(scratch->doubles.data(), n, static_cast<double*>(scores), label_index, &scratch->row);
  } else {
    FinishRows(scratch->doubles.data(), n, static_cast<float*>(scores), label_index, &scratch->row);
  }
}

}  // namespace vigil::onnx
