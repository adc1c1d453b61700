#include <algorithm>

#include "runtime/cat.h"
#include "runtime/trees/engine.h"

namespace vigil::trees {
namespace {

template <typename Input, typename Sum>
class ReferenceEngine final : public Engine {
 public:
  explicit ReferenceEngine(const Forest& forest) : forest_(forest) {}

  std::string_view name() const override { return "reference"; }
  int64_t memory_bytes() const override { return 0; }  // the forest is counted by its owner
  size_t scratch_bytes() const override { return 0; }

  void Score(const void* rows, size_t n, absl::Span<const int32_t> tree_ends, std::byte*, void* sums) const override {
    const Input* row = static_cast<const Input*>(rows);
    Sum* out = static_cast<Sum*>(sums);
    for (size_t r = 0; r < n; ++r, row += forest_.features) {
      for (int32_t o = 0; o < forest_.outputs; ++o) {
        Sum sum = static_cast<Sum>(forest_.base[o]);
        for (int32_t t = forest_.output_begin[o]; t < tree_ends[o]; ++t)
          sum += static_cast<Sum>(forest_.LeafValue(forest_.Walk(row, t), row));
        *out++ = sum;
      }
    }
  }

 private:
  const Forest& forest_;
};

}  // namespace

std::unique_ptr<Engine> MakeReferenceEngine(const Forest& forest) {
  const bool doubles = forest.inputs == Precision::kFloat64, wide = forest.sums == Precision::kFloat64;
  if (doubles && wide) return std::make_unique<ReferenceEngine<double, double>>(forest);
  if (doubles) return std::make_unique<ReferenceEngine<double, float>>(forest);
  if (wide) return std::make_unique<ReferenceEngine<float, double>>(forest);
  return std::make_unique<ReferenceEngine<float, float>>(forest);
}

Status RequirePlain(const Forest& forest) {
  const auto other_missing = [](Missing missing) { return missing != Missing::kNan; };
  const char* what = nullptr;
  if (forest.inputs != Precision::kFloat32) what = "rows of doubles";
  if (forest.sums != Precision::kFloat32) what = "sums of doubles";
  if (!forest.set.empty()) what = "splits on sets";
  if (!forest.linear.empty()) what = "linear leaves";
  if (!forest.node_missing.empty() || std::any_of(forest.missing.begin(), forest.missing.end(), other_missing))
    what = "zeros that are missing";
  if (what == nullptr) return absl::OkStatus();
  return absl::FailedPreconditionError(Cat("it has no form for ", what));
}

}  // namespace vigil::trees
