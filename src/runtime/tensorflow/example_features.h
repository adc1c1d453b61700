// The columns of a signature that takes serialized tf.Example: what its graph parses out of them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "domain/schema.h"

namespace vigil::tensorflow {

inline constexpr size_t kExampleFeaturesMax = 100'000;

// One feature that the graph reads: FP32, INT64 or BYTES, the three kinds that a tf.Example holds.
struct ExampleFeature {
  TensorSpec spec;           // shape [-1] or [-1, k]
  bool has_default = false;  // absent from an example it has a value; without, the graph refuses the example
};

// The features of the graph's ParseExample operations (in the graph itself or in its functions), by name. Empty when there is none, when
// two disagree, or when keys are computed: then nobody knows the columns but who wrote the examples. `graph` is a serialized GraphDef.
std::vector<ExampleFeature> FindExampleFeatures(std::string_view graph);

// The part of row `row` that a feature holds, appended to a serialized tf.Example (tensorflow/core/example/example.proto).
class ExampleWriter {
 public:
  void Add(std::string_view name, const TensorView& column, int64_t row, bool skip_missing);
  // The serialized Example of all that was added; starts anew.
  std::string Finish();

 private:
  std::string features_;
};

}  // namespace vigil::tensorflow
