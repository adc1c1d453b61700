// What the rank engines that take a row at a time share: every split of a forest as a test of one byte, at whatever lane the engine's form
// of the trees gives it.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "base/status.h"
#include "runtime/trees/aligned.h"
#include "runtime/trees/rank_kernels.h"
#include "runtime/trees/ranks.h"
#include "runtime/trees/value_classes.h"

namespace vigil::trees {

template <typename T>
AlignedArray<T> AlignedCopy(const std::vector<T>& from, size_t padding = 0) {
  AlignedArray<T> to(from.size() + padding);
  std::copy(from.begin(), from.end(), to.data());
  return to;
}

class NodeTestTable {
 public:
  // FAILED_PRECONDITION when bytes cannot tell this forest's splits apart, or its leaves are linear.
  static StatusOr<NodeTestTable> Make(const Forest& forest);

  // Adds lanes whose tests let everything left.
  void AddLanes(size_t count);
  size_t lanes() const { return column_.size(); }
  // The test of a split of the forest, at a lane added before.
  void Place(const Forest& forest, int64_t node, size_t lane);
  // After the last Place: the tests as kernels take them. FAILED_PRECONDITION when they would take too much memory.
  Status Finish(const Forest& forest);
  // After Finish; valid while this lives, wherever it is moved.
  NodeTests view() const { return {ranks_.view(), classes_.view(), half_, aligned_column_.data(), aligned_threshold_.data()}; }
  int64_t memory_bytes() const {
    return ranks_.memory_bytes() + classes_.memory_bytes() + aligned_column_.bytes() + aligned_threshold_.bytes();
  }

 private:
  NodeTestTable(RankTable ranks, ClassTable classes, size_t half) : ranks_(std::move(ranks)), classes_(std::move(classes)), half_(half) {}

  RankTable ranks_;
  ClassTable classes_;
  size_t half_;
  std::vector<uint8_t> column_;
  std::vector<int8_t> threshold_;
  std::vector<std::pair<int64_t, size_t>> of_classes_;  // nodes and lanes
  AlignedArray<uint8_t> aligned_column_;
  AlignedArray<int8_t> aligned_threshold_;
};

// The bits of a leaf's value in the type of the forest's sums.
uint64_t LeafBits(const Forest& forest, int64_t node);

// Exits of blocks or leaves of trees, of 4 or 8 bytes each as the sums are.
AlignedBytes PackExits(const Forest& forest, const std::vector<uint64_t>& exits);

}  // namespace vigil::trees
