#include <cmath>

#include "runtime/trees/engine.h"

namespace vigil::trees {
namespace {

class ReferenceEngine final : public Engine {
 public:
  explicit ReferenceEngine(const Forest& forest) : forest_(forest) {}

  std::string_view name() const override { return "reference"; }
  int64_t memory_bytes() const override { return 0; }  // the forest is counted by its owner
  size_t scratch_bytes() const override { return 0; }

  void Score(const float* rows, size_t n, absl::Span<const int32_t> tree_ends, std::byte*, float* margins) const override {
    for (size_t r = 0; r < n; ++r, rows += forest_.features) {
      for (int32_t o = 0; o < forest_.outputs; ++o) {
        float sum = forest_.base[o];
        for (int32_t t = forest_.output_begin[o]; t < tree_ends[o]; ++t) sum += Leaf(rows, t);
        *margins++ = sum;
      }
    }
  }

 private:
  float Leaf(const float* row, int32_t tree) const {
    const int64_t root = forest_.node_begin[tree];
    int64_t n = root;
    while (forest_.left[n] >= 0) {
      const float x = row[forest_.feature[n]];
      const bool left = std::isnan(x) ? forest_.default_left[n] != 0 : x < forest_.value[n];
      n = root + (left ? forest_.left[n] : forest_.right[n]);
    }
    return forest_.value[n];
  }

  const Forest& forest_;
};

}  // namespace

std::unique_ptr<Engine> MakeReferenceEngine(const Forest& forest) { return std::make_unique<ReferenceEngine>(forest); }

}  // namespace vigil::trees
