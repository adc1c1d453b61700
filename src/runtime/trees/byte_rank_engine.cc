#include <algorithm>
#include <utility>

#include "runtime/cat.h"
#include "runtime/trees/engine.h"

namespace vigil::trees {
namespace {

class ByteRankEngine final : public Engine {
 public:
  ByteRankEngine(std::unique_ptr<Engine> small, std::unique_ptr<Engine> large, size_t features, size_t outputs, size_t large_from,
                 size_t large_block)
      : small_(std::move(small)),
        large_(std::move(large)),
        features_(features),
        outputs_(outputs),
        large_from_(large_from),
        large_block_(large_block) {}

  std::string_view name() const override { return "byte-rank"; }
  std::string description() const override {
    return Cat(large_->name(), " in blocks of ", large_block_, " rows, ", small_->name(), " for fewer than ", large_from_);
  }
  int64_t memory_bytes() const override { return small_->memory_bytes() + large_->memory_bytes(); }
  size_t scratch_bytes() const override { return std::max(small_->scratch_bytes(), large_->scratch_bytes()); }

  void Score(const void* rows, size_t n, absl::Span<const int32_t> tree_ends, std::byte* scratch, void* sums) const override {
    const size_t rest = n % large_block_;
    const size_t by_large = rest >= large_from_ ? n : n - rest;
    if (by_large > 0) large_->Score(rows, by_large, tree_ends, scratch, sums);
    if (by_large < n) {
      small_->Score(static_cast<const float*>(rows) + by_large * features_, n - by_large, tree_ends, scratch,
                    static_cast<float*>(sums) + by_large * outputs_);
    }
  }

 private:
  const std::unique_ptr<Engine> small_, large_;
  const size_t features_, outputs_, large_from_, large_block_;
};

}  // namespace

std::unique_ptr<Engine> MakeByteRankEngine(std::unique_ptr<Engine> small, std::unique_ptr<Engine> large, size_t features, size_t outputs,
                                           size_t large_from, size_t large_block) {
  return std::make_unique<ByteRankEngine>(std::move(small), std::move(large), features, outputs, large_from, large_block);
}

}  // namespace vigil::trees
