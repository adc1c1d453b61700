// An ONNX model that our own tree engine scores.
#pragma once

#include <memory>

#include "runtime/onnx/lift_program.h"
#include "runtime/onnx/onnx_session.h"

namespace vigil::onnx {

class LiftedModel final : public LoadedModel {
 public:
  LiftedModel(std::unique_ptr<LiftProgram> program, const OnnxFacts& facts, ModelInfo info);

  const Signature& signature() const override { return signature_; }
  const ModelInfo& info() const override { return info_; }
  std::unique_ptr<Scorer> NewScorer() const override;

  const LiftProgram& program() const { return *program_; }
  void SetReason(std::string reason) { info_.engine_reason = std::move(reason); }

 private:
  const std::unique_ptr<LiftProgram> program_;
  ModelInfo info_;
  Signature signature_;
};

// Scores random, missing and at-threshold rows on both and compares every output. INTERNAL names the first difference.
Status CheckAgainst(const LoadedModel& ort, const LiftedModel& lifted, uint64_t seed, size_t rows);
inline constexpr size_t kLiftCheckRows = 256;

}  // namespace vigil::onnx
