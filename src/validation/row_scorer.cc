#include "validation/row_scorer.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/text.h"
#include "runtime/score_and_wait.h"
#include "validation/validation.h"

namespace vigil {
namespace validation {
namespace {

// Where each of the model's columns is in the rows.
StatusOr<std::vector<size_t>> MapColumns(const TableShape& shape, const std::vector<std::string>& have) {
  const std::vector<std::string>& want = shape.names;
  if (!shape.matrix || shape.answers.size() != shape.score.width || shape.score.output != 0)
    return absl::UnimplementedError(
        "the model does not take one matrix of floats and answer with one output of numbers; such models cannot be re-scored yet");
  std::vector<size_t> at;
  if (!shape.named && want.size() == have.size()) {
    for (size_t c = 0; c < want.size(); ++c) at.push_back(c);
    return at;
  }
  for (const std::string& name : want) {
    const auto found = std::find(have.begin(), have.end(), name);
    if (found == have.end()) {
      return absl::InvalidArgumentError(absl::StrCat("the rows lack the model's column \"", name, "\"", DidYouMean(name, have)));
    }
    at.push_back(static_cast<size_t>(found - have.begin()));
  }
  return at;
}

}  // namespace

StatusOr<RowScorer> RowScorer::Make(const LoadedModel& model, const std::vector<std::string>& columns) {
  const Signature& signature = model.signature();
  VIGIL_ASSIGN_OR_RETURN(std::vector<size_t> at, MapColumns(model.table(), columns));
  RowScorer scorer;
  scorer.row_width_ = columns.size();
  scorer.output_width_ = static_cast<size_t>(signature.output_width);
  scorer.input_ = signature.inputs.empty() ? "input" : signature.inputs[0].name;
  bool in_place = at.size() == columns.size();
  for (size_t c = 0; c < at.size(); ++c) in_place = in_place && at[c] == c;
  if (!in_place) scorer.at_ = std::move(at);
  scorer.scorer_ = model.NewScorer();
  return scorer;
}

Status RowScorer::Score(const float* rows, size_t count, std::vector<float>* scores) {
  const size_t width = at_.empty() ? row_width_ : at_.size();
  if (!at_.empty()) {
    gathered_.resize(count * width);
    for (size_t r = 0; r < count; ++r) {
      for (size_t c = 0; c < width; ++c) gathered_[r * width + c] = rows[r * row_width_ + at_[c]];
    }
    rows = gathered_.data();
  }
  ScoreCall call;
  VIGIL_RETURN_IF_ERROR(ScoreAndWait(*scorer_, Batch::FloatMatrix(rows, count, width, input_), call, &outputs_));
  const size_t answered = outputs_.tensors.empty() ? 0 : outputs_.tensors[0].size();
  if (answered != count * output_width_) {
    return absl::InternalError(absl::StrCat("the model answered ", answered, " numbers for ", count, " rows of ", output_width_));
  }
  for (size_t i = 0; i < answered; ++i) scores->push_back(static_cast<float>(outputs_.tensors[0].number(i)));
  return absl::OkStatus();
}

}  // namespace validation

StatusOr<std::vector<float>> ScoreRows(const LoadedModel& model, const LabelledRows& rows, size_t batch_rows) {
  VIGIL_ASSIGN_OR_RETURN(validation::RowScorer scorer, validation::RowScorer::Make(model, rows.columns));
  const size_t n = rows.rows(), width = rows.columns.size();
  if (rows.features.size() != n * width) {
    return absl::InvalidArgumentError(absl::StrCat(rows.features.size(), " feature values for ", n, " rows of ", width, " columns"));
  }
  if (batch_rows == 0) return absl::InvalidArgumentError("a batch holds at least one row");
  std::vector<float> scores;
  scores.reserve(n * static_cast<size_t>(model.signature().output_width));
  for (size_t first = 0; first < n; first += batch_rows) {
    VIGIL_RETURN_IF_ERROR(scorer.Score(rows.features.data() + first * width, std::min(batch_rows, n - first), &scores));
  }
  return scores;
}

}  // namespace vigil
