// A model's scores of a table's rows, for the verbs that need no other output.
#pragma once

#include <memory>
#include <vector>

#include "runtime/answer_scores.h"
#include "runtime/input_tensors.h"
#include "runtime/score_and_wait.h"

namespace vigil::cli {

// One thread. The model outlives it.
class TableScorer {
 public:
  explicit TableScorer(const LoadedModel& model) : model_(model), scorer_(model.NewScorer()) {}

  // rows × width() scores (ScoreRule), valid until the next call. Columns go by their place, or as `from` says (ColumnFit).
  StatusOr<const float*> Score(const TableRows& rows, absl::Span<const uint32_t> from = {}) {
    VIGIL_RETURN_IF_ERROR(inputs_.Fill(model_.signature(), model_.table(), rows, {}, &batch_, from));
    ScoreCall call;
    call.doubles = true;  // as the signature says
    VIGIL_RETURN_IF_ERROR(ScoreAndWait(*scorer_, batch_, call, &outputs_));
    VIGIL_RETURN_IF_ERROR(CheckAnswer(model_.signature(), model_.table(), outputs_, rows.rows));
    ReadScores(model_.table(), outputs_, rows.rows, &scores_);
    return scores_.data();
  }
  size_t width() const { return model_.table().score.width; }

 private:
  const LoadedModel& model_;
  const std::unique_ptr<Scorer> scorer_;
  InputTensors inputs_;
  Batch batch_;
  Outputs outputs_;
  std::vector<float> scores_;
};

}  // namespace vigil::cli
