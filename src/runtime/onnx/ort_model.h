// A model that ONNX Runtime scores, as the rest of the system serves it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/model.h"
#include "runtime/onnx/onnx_session.h"

namespace vigil::onnx {

// What the model's file says and its session does not.
struct OnnxFacts {
  std::map<std::string, std::vector<std::string>> map_keys;  // of each output that is a sequence of maps
  std::map<std::string, int64_t> width_min;                  // columns that a tree ensemble reads of a free-width input
  Task task = Task::kOther;
};

// Batches of any number of rows: a model of a fixed batch is run as often as it takes, the last time padded with the last row.
// An output that is a sequence of maps becomes one FP32 output `name[key]` for each key.
class OrtModel final : public LoadedModel {
 public:
  // UNIMPLEMENTED for an output of maps whose keys `facts` do not give.
  static StatusOr<std::unique_ptr<OrtModel>> Make(std::unique_ptr<OnnxSession> session, const OnnxFacts& facts, ModelInfo info);

  const Signature& signature() const override { return signature_; }
  const ModelInfo& info() const override { return info_; }
  std::unique_ptr<Scorer> NewScorer() const override;

 private:
  friend class OrtScorer;
  explicit OrtModel(std::unique_ptr<OnnxSession> session) : session_(std::move(session)) {}
  Status DescribeSignature(const OnnxFacts& facts);

  const std::unique_ptr<OnnxSession> session_;
  ModelInfo info_;
  Signature signature_;
  int64_t fixed_batch_ = 0;                         // 0: any
  std::vector<bool> batched_;                       // an input: its first dimension is the batch
  std::vector<int64_t> width_min_;                  // an input; 0: none
  std::vector<std::vector<std::string>> map_keys_;  // an output of the session; empty: a tensor
};

}  // namespace vigil::onnx
