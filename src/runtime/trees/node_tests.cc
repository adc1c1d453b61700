#include "runtime/trees/node_tests.h"

#include <algorithm>
#include <cstring>

#include "runtime/cat.h"

namespace vigil::trees {
namespace {

constexpr size_t kColumnsMax = 128;  // two halves of them fill the 256 that a byte numbers
constexpr size_t kPadding = 64;      // kernels read whole registers

}  // namespace

StatusOr<NodeTestTable> NodeTestTable::Make(const Forest& forest) {
  if (!forest.linear.empty()) return absl::FailedPreconditionError("it has no form for linear leaves");
  if (!forest.node_missing.empty()) return absl::FailedPreconditionError("splits on one feature differ in what is missing");
  VIGIL_ASSIGN_OR_RETURN(ClassTable classes, ClassTable::Make(forest));
  RankTable ranks(forest, classes.is_class_feature());
  if (ranks.columns() > kColumnsMax) {
    return absl::FailedPreconditionError(
        Cat("thresholds need ", ranks.columns(), " byte-rank columns; a row's look-up table holds ", kColumnsMax));
  }
  const size_t half = ranks.columns() <= 32 ? 32 : ranks.columns() <= 64 ? 64 : 128;
  return NodeTestTable(std::move(ranks), std::move(classes), half);
}

void NodeTestTable::AddLanes(size_t count) {
  column_.resize(column_.size() + count, 0);
  threshold_.resize(column_.size(), kCodeAlwaysLeft);
}

void NodeTestTable::Place(const Forest& forest, int64_t node, size_t lane) {
  if (!classes_.empty() && classes_.is_class_feature()[forest.feature[node]] != 0) {
    of_classes_.emplace_back(node, lane);
    return;
  }
  const RankTable::Place place = ranks_.Find(forest.feature[node], forest.value[node]);
  column_[lane] = static_cast<uint8_t>(place.column + (forest.default_left[node] != 0 ? half_ : 0));
  threshold_[lane] = place.code;
}

Status NodeTestTable::Finish(const Forest& forest) {
  VIGIL_RETURN_IF_ERROR(classes_.Reserve(column_.size()));
  for (const auto& [node, lane] : of_classes_) classes_.Place(forest, node, lane);
  of_classes_ = {};
  ranks_.ForgetThresholds();
  aligned_column_ = AlignedCopy(column_, kPadding);
  aligned_threshold_ = AlignedCopy(threshold_, kPadding);
  column_ = {};
  threshold_ = {};
  return absl::OkStatus();
}

uint64_t LeafBits(const Forest& forest, int64_t node) {
  uint64_t bits = 0;
  if (forest.sums == Precision::kFloat64) {
    std::memcpy(&bits, &forest.value[node], sizeof(bits));
  } else {
    const auto value = static_cast<float>(forest.value[node]);
    uint32_t low;
    std::memcpy(&low, &value, sizeof(low));
    bits = low;
  }
  return bits;
}

AlignedBytes PackExits(const Forest& forest, const std::vector<uint64_t>& exits) {
  const size_t size = forest.sums == Precision::kFloat64 ? 8 : 4;
  AlignedBytes packed(exits.size() * size);
  for (size_t i = 0; i < exits.size(); ++i) {
    const auto low = static_cast<uint32_t>(exits[i]);
    std::memcpy(packed.data() + i * size, size == 8 ? static_cast<const void*>(&exits[i]) : &low, size);
  }
  return packed;
}

}  // namespace vigil::trees
