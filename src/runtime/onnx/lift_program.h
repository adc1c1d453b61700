// A graph of tree ensembles and the operators that converters put around them, as steps over a batch's columns. The way from a graph to
// steps is all or nothing: one operator that is not known here leaves the graph to ONNX Runtime.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/model.h"
#include "runtime/onnx/lifted_trees.h"
#include "runtime/onnx/onnx_checks.h"
#include "runtime/onnx/onnx_file.h"

namespace vigil::onnx {

// A value of the graph: [n, width], or [n] where `vector` says so.
struct Slot {
  enum class Kind : uint8_t { kFloats, kDoubles, kIntegers, kTexts };  // kTexts: places in the program's texts
  Kind kind = Kind::kFloats;
  int64_t width = 1;
  bool vector = false;
  int texts = -1;  // of kTexts: which list
};

struct Step {
  enum class Op : uint8_t { kCast, kScale, kNormalize, kImpute, kColumns, kConcat, kArithmetic, kTrees };
  Op op = Op::kCast;
  std::vector<int> in;
  int out = -1, out_label = -1;  // slots; the label's may be -1
  std::vector<double> a, b;      // offsets and scales; replacements and what they replace; a constant
  std::vector<int64_t> columns;  // of kColumns
  char sign = 0;                 // of kArithmetic: + - * /; of kNormalize: the first letter of its norm, 2 for L2
  bool constant_first = false;   // of kArithmetic
  int trees = -1;
  std::vector<int64_t> labels;  // of kTrees with integer labels
};

// An output of the model.
struct ProgramOutput {
  std::string name;
  int slot = -1;
  int64_t column = -1;  // one column of it, as a vector (a map's key); -1: the whole
};

class LiftProgram {
 public:
  // UNIMPLEMENTED names the operator, or the property of one, that prevents lifting. Trees are built with `options`.
  static StatusOr<std::unique_ptr<LiftProgram>> Make(const OnnxFile& file, const OnnxFacts& facts, const LoadOptions& options);

  const std::vector<std::string>& input_names() const { return input_names_; }
  const std::vector<ProgramOutput>& outputs() const { return outputs_; }
  const std::vector<Slot>& slots() const { return slots_; }  // the first are the inputs, in order
  const std::vector<Step>& steps() const { return steps_; }
  const std::vector<std::unique_ptr<LiftedTrees>>& trees() const { return trees_; }
  const std::vector<std::vector<std::string>>& texts() const { return texts_; }

 private:
  friend class ProgramBuilder;
  std::vector<std::string> input_names_;
  std::vector<ProgramOutput> outputs_;
  std::vector<Slot> slots_;
  std::vector<Step> steps_;
  std::vector<std::unique_ptr<LiftedTrees>> trees_;
  std::vector<std::vector<std::string>> texts_;
};

// A step's arithmetic but for kTrees, over `n` rows. `in` and `out` are the slots' numbers, of their slots' types.
void RunStep(const Step& step, const std::vector<Slot>& slots, const std::vector<const void*>& in, size_t n, void* out);

}  // namespace vigil::onnx
