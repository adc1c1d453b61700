// Any bytes as an ONNX file: refused with a message, or judged, and lifted where it can be into trees that score.
#include <cstdlib>
#include <string>
#include <vector>

#include "runtime/onnx/lifted_model.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vigil;
  using namespace vigil::onnx;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const auto file = ReadOnnxFile(bytes);
  if (!file.ok() || !CheckOnnxFile(*file, "/nowhere").ok()) return 0;
  const auto facts = GatherFacts(*file);
  if (!facts.ok()) return 0;
  int64_t cells = 0;
  for (const OnnxValueInfo& input : file->graph.inputs) cells += input.dims.size() == 2 ? input.dims[1] : 0;
  if (cells > 4096) return 0;
  LoadOptions options;
  options.engine = "reference";
  auto program = LiftProgram::Make(*file, *facts, options);
  if (!program.ok()) return 0;
  const LiftedModel model(*std::move(program), *facts, ModelInfo());
  constexpr size_t kRows = 3;
  const std::vector<double> zeros(kRows * 4096);
  Batch batch(kRows);
  for (const TensorSpec& spec : model.signature().inputs) {
    batch.Add({spec.name, spec.dtype, {static_cast<int64_t>(kRows), spec.shape[1]}, zeros.data()});
  }
  ScoreCall call;
  Outputs outputs;
  if (!model.NewScorer()->Score(batch, call, &outputs).ok()) std::abort();
  return 0;
}
