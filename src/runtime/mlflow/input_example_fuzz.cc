// Any bytes as MLflow's input example: refused naming the file, or said in words what was done with it.
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "runtime/mlflow/example.h"

using namespace vigil;

namespace {

// Takes rows of two named columns and looks at every number.
class TwoColumns final : public LoadedModel {
 public:
  TwoColumns() {
    signature_.inputs = {{"input", DType::kFloat32, {-1, 2}}};
    signature_.outputs = {{"prediction", DType::kFloat32, {-1}}};
    signature_.columns = {"a", "b"};
    signature_.columns_are_named = true;
  }
  const Signature& signature() const override { return signature_; }
  const ModelInfo& info() const override { return info_; }
  std::unique_ptr<Scorer> NewScorer() const override { return std::make_unique<Sum>(); }

 private:
  class Sum final : public Scorer {
   public:
    StatusOr<ScoreState> Score(const Batch& batch, ScoreCall&, Outputs* outputs) override {
      const TensorView& matrix = batch.tensors()[0];
      if (batch.rows() == 0 || batch.rows() > mlflow::kExampleRowsMax || matrix.shape[1] != 2) std::abort();
      float sum = 0;
      for (int64_t i = 0; i < matrix.elements(); ++i) sum += static_cast<const float*>(matrix.data)[i];
      outputs->tensors.resize(1);
      for (float& out : outputs->tensors[0].ResetFloats("prediction", {static_cast<int64_t>(batch.rows())})) out = sum;
      return ScoreState::kDone;
    }
  };
  Signature signature_;
  ModelInfo info_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const TwoColumns model;
  static const std::string file = (std::filesystem::temp_directory_path() / ("vigil_example_fuzz." + std::to_string(getpid()))).string();
  std::ofstream(file, std::ios::binary).write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  const auto done = mlflow::ScoreExample(model, file);
  if (done.ok()) {
    if (done->find("scored") == std::string::npos) std::abort();
  } else if (!absl::IsInvalidArgument(done.status()) || done.status().message().find(file) != 0) {
    std::abort();
  }
  return 0;
}
