// XGBoost's trees, one by one, into a ForestBuilder: numeric splits, categorical splits of both kinds, scalar and vector leaves.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "runtime/trees/document.h"
#include "runtime/trees/forest_builder.h"

namespace vigil::trees {

class XgboostTreeReader {
 public:
  // `builder` has `outputs` outputs and must outlive this.
  XgboostTreeReader(int32_t outputs, ForestBuilder* builder) : outputs_(outputs), builder_(builder) {}

  // `place` names the tree in errors; `output` is what tree_info says (0 for vector leaves). `weight`: DART multiplies the leaves by it,
  // in float32. INVALID_ARGUMENT for what a walk could not survive.
  Status Read(const DocumentCursor& tree, std::string_view place, int32_t output, int32_t round, float weight);

 private:
  Status ReadSets(const DocumentCursor& tree, std::string_view place, TreeArrays* arrays);
  Status ReadVectors(const DocumentCursor& tree, std::string_view place, float weight, TreeArrays* arrays);

  const int32_t outputs_;
  ForestBuilder* const builder_;
  std::vector<double> value_, leaf_vectors_;  // of the tree being read
  std::vector<int32_t> set_;
};

}  // namespace vigil::trees
