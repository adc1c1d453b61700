#include "runtime/trees/forest.h"

#include <algorithm>

namespace vigil::trees {
namespace {

template <typename T>
int64_t VectorBytes(const std::vector<T>& v) {
  return static_cast<int64_t>(v.capacity() * sizeof(T));
}

template <typename T>
void Finish(const Forest& forest, int64_t rounds_used, size_t rows, T* margins) {
  const auto scale = static_cast<T>(forest.scale);
  for (size_t r = 0; r < rows; ++r) {
    for (int32_t o = 0; o < forest.outputs; ++o, ++margins) {
      if (forest.average && rounds_used > 0) *margins /= static_cast<T>(rounds_used);
      if (scale != 1) *margins *= scale;
      if (!forest.bias.empty()) *margins += static_cast<T>(forest.bias[o]);
    }
  }
}

}  // namespace

int64_t Forest::memory_bytes() const {
  return VectorBytes(base) + VectorBytes(bias) + VectorBytes(output_begin) + VectorBytes(tree_round) + VectorBytes(tree_source) +
         VectorBytes(node_begin) + VectorBytes(left) + VectorBytes(right) + VectorBytes(feature) + VectorBytes(value) +
         VectorBytes(default_left) + VectorBytes(missing) + VectorBytes(node_missing) + VectorBytes(set) + VectorBytes(set_begin) +
         VectorBytes(set_bounds) + VectorBytes(linear) + VectorBytes(linear_leaves) + VectorBytes(term_feature) +
         VectorBytes(term_coefficient) + VectorBytes(leaf_number) + VectorBytes(cover);
}

void Forest::TreeEnds(int64_t rounds_used, absl::Span<int32_t> ends) const {
  for (int32_t o = 0; o < outputs; ++o) {
    const auto begin = tree_round.begin() + output_begin[o], end = tree_round.begin() + output_begin[o + 1];
    const auto stop = rounds_used <= 0 || rounds_used >= rounds ? end : std::lower_bound(begin, end, static_cast<int32_t>(rounds_used));
    ends[o] = static_cast<int32_t>(stop - tree_round.begin());
  }
}

void Forest::FinishMargins(int64_t rounds_used, size_t rows, void* margins) const {
  if (plain_margins()) return;
  if (rounds_used <= 0 || rounds_used > rounds) rounds_used = rounds;
  sums == Precision::kFloat64 ? Finish(*this, rounds_used, rows, static_cast<double*>(margins))
                              : Finish(*this, rounds_used, rows, static_cast<float*>(margins));
}

bool Forest::GoesLeft(int64_t node, double x) const {
  x = ReadValue(x, MissingOf(node));
  if (std::isnan(x)) return default_left[node] != 0;
  if (!IsSet(node)) return x < value[node];
  const absl::Span<const double> bounds = Bounds(set[node]);
  return (std::upper_bound(bounds.begin(), bounds.end(), x) - bounds.begin()) % 2 == 1;
}

}  // namespace vigil::trees
