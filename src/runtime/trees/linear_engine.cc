#include <algorithm>
#include <cmath>
#include <vector>

#include "runtime/cat.h"
#include "runtime/trees/engine.h"

namespace vigil::trees {
namespace {

constexpr size_t kRowsAtATime = 4;  // their sums are chains of additions that do not wait for one another

template <typename Input, typename Sum>
class LinearEngine final : public Engine {
 public:
  explicit LinearEngine(const Forest& forest)
      : features_(static_cast<size_t>(forest.features)), base_(forest.base), output_begin_(forest.output_begin) {
    for (int32_t t = 0; t < forest.trees(); ++t) {
      const int64_t root = forest.node_begin[t];
      const LinearLeaf& leaf = forest.linear_leaves[forest.linear[root]];
      terms_.push_back(
          {forest.term_coefficient[leaf.begin], leaf.constant, static_cast<Sum>(forest.value[root]), forest.term_feature[leaf.begin]});
    }
  }

  std::string_view name() const override { return "linear-terms"; }
  int64_t memory_bytes() const override { return static_cast<int64_t>(terms_.capacity() * sizeof(Term)); }
  size_t scratch_bytes() const override { return 0; }

  void Score(const void* rows, size_t n, absl::Span<const int32_t> tree_ends, std::byte*, void* sums) const override {
    const Input* row = static_cast<const Input*>(rows);
    Sum* out = static_cast<Sum*>(sums);
    const size_t outputs = base_.size();
    size_t done = 0;
    for (; done + kRowsAtATime <= n; done += kRowsAtATime) {
      ScoreRows<kRowsAtATime>(row + done * features_, tree_ends, out + done * outputs);
    }
    for (; done < n; ++done) ScoreRows<1>(row + done * features_, tree_ends, out + done * outputs);
  }

 private:
  struct Term {
    double coefficient, constant;
    Sum missing;
    int32_t feature;
  };

  // As the reference computes each leaf, in doubles, and adds it: in the order of the trees.
  template <size_t kRows>
  void ScoreRows(const Input* row, absl::Span<const int32_t> tree_ends, Sum* out) const {
    const size_t outputs = base_.size();
    for (size_t o = 0; o < outputs; ++o) {
      Sum sum[kRows];
      std::fill_n(sum, kRows, static_cast<Sum>(base_[o]));
      for (int32_t t = output_begin_[o]; t < tree_ends[o]; ++t) {
        const Term& term = terms_[t];
        for (size_t r = 0; r < kRows; ++r) {
          const double x = row[r * features_ + term.feature];
          const auto value = static_cast<Sum>(term.constant + term.coefficient * x);
          sum[r] += std::isnan(x) ? term.missing : value;
        }
      }
      for (size_t r = 0; r < kRows; ++r) out[r * outputs + o] = sum[r];
    }
  }

  const size_t features_;
  const std::vector<double> base_;
  const std::vector<int32_t> output_begin_;
  std::vector<Term> terms_;
};

}  // namespace

StatusOr<std::unique_ptr<Engine>> MakeLinearEngine(const Forest& forest) {
  if (forest.linear.empty()) return absl::FailedPreconditionError("no leaf is linear");
  for (int32_t t = 0; t < forest.trees(); ++t) {
    const int64_t root = forest.node_begin[t];
    if (!forest.IsLeaf(root)) return absl::FailedPreconditionError(Cat("tree ", t, " has splits"));
    if (forest.linear[root] < 0) return absl::FailedPreconditionError(Cat("tree ", t, " is a constant"));
    const LinearLeaf& leaf = forest.linear_leaves[forest.linear[root]];
    if (leaf.end - leaf.begin != 1)
      return absl::FailedPreconditionError(Cat("tree ", t, " has ", leaf.end - leaf.begin, " terms, not one"));
  }
  const bool doubles = forest.inputs == Precision::kFloat64, wide = forest.sums == Precision::kFloat64;
  if (doubles && wide) return std::make_unique<LinearEngine<double, double>>(forest);
  if (doubles) return std::make_unique<LinearEngine<double, float>>(forest);
  if (wide) return std::make_unique<LinearEngine<float, double>>(forest);
  return std::make_unique<LinearEngine<float, float>>(forest);
}

}  // namespace vigil::trees
