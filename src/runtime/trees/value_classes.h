// Features that are split on sets (categories, one-hot) fall into classes: the values that every one of the feature's splits treats alike.
// For each class, the decisions of all the forest's nodes on that feature are known beforehand, as a row of bits in the layout of an
// engine's decisions; scoring finds a value's class and ORs its row in, whatever the number of splits and sets.
#pragma once

#include <cstdint>
#include <vector>

#include "base/status.h"
#include "runtime/trees/aligned.h"
#include "runtime/trees/forest.h"

namespace vigil::trees {

inline constexpr size_t kClassFeaturesMax = 64;                  // whose rows a scoring row looks at
inline constexpr int64_t kClassBytesMax = int64_t{32} << 20;     // of all rows of bits
inline constexpr int64_t kClassDecisionsMax = int64_t{1} << 23;  // nodes times classes, which building takes time for

struct ClassTableView {
  size_t features = 0;
  const int32_t* feature = nullptr;  // [features]
  const uint32_t* begin = nullptr;   // [features + 1]: of its bounds; a feature has one class more than bounds, and one for missing
  const double* bounds = nullptr;    // rising within a feature: class c is the values with c bounds <= them
  const uint8_t* bits = nullptr;     // [classes][row_bytes]: the classes of feature f are rows begin[f] + 2 * f on, missing the last
  size_t row_bytes = 0;              // of whole 64-byte registers
};

class ClassTable {
 public:
  // FAILED_PRECONDITION when the forest has more features, classes or decisions than the limits above, or splits that no class can hold.
  static StatusOr<ClassTable> Make(const Forest& forest);

  bool empty() const { return feature_.empty(); }
  // One a feature: is it one whose splits are decided here? Empty when none is.
  const std::vector<uint8_t>& is_class_feature() const { return is_class_feature_; }
  // Room for the decisions of `lanes` nodes. FAILED_PRECONDITION when that is over kClassBytesMax.
  Status Reserve(size_t lanes);
  // The decisions of a split of the forest, which the engine's layout has at `lane`.
  void Place(const Forest& forest, int64_t node, size_t lane);

  ClassTableView view() const { return {feature_.size(), feature_.data(), begin_.data(), bounds_.data(), bits_.data(), row_bytes_}; }
  int64_t memory_bytes() const { return bits_.bytes() + static_cast<int64_t>(bounds_.capacity() * sizeof(double)); }

 private:
  std::vector<uint8_t> is_class_feature_;
  std::vector<int32_t> feature_;
  std::vector<uint32_t> place_;  // one a feature of the forest: where it is in feature_
  std::vector<uint32_t> begin_;
  std::vector<double> bounds_;
  AlignedArray<uint8_t> bits_;
  size_t row_bytes_ = 0;
};

}  // namespace vigil::trees
