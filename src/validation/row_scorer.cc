#include "validation/row_scorer.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "base/text.h"
#include "runtime/answer_scores.h"
#include "runtime/score_and_wait.h"

namespace vigil {
namespace validation {

RowTable::RowTable(const LabelledRows& rows) : rows_(rows), texts_(rows.texts.begin(), rows.texts.end()) {
  if (rows.shape == nullptr) floats_ = FloatTable(rows.columns);
}

Status RowTable::Check() const {
  const size_t n = rows_.rows();
  const std::pair<size_t, size_t> stores[] = {
      {rows_.features.size(), shape().columns.size()}, {rows_.exact.size(), shape().exact}, {rows_.texts.size(), shape().texts}};
  for (const auto& [held, width] : stores) {
    if (held == n * width) continue;
    return absl::InvalidArgumentError(absl::StrCat(held, " feature values for ", n, " rows of ", width, " columns"));
  }
  return absl::OkStatus();
}

TableRows RowTable::Slice(size_t first, size_t count) const {
  const TableShape& table = shape();
  return {&table, count, rows_.features.data() + first * table.columns.size(), rows_.exact.data() + first * table.exact,
          texts_.data() + first * table.texts};
}

std::string RowTable::Text(size_t row, size_t column) const {
  const TableRows one = Slice(row, 1);
  if (one.is_missing(0, column)) return "missing";
  return shape().columns[column].store == ColumnStore::kText ? std::string(one.text(0, column)) : NumberText(one.number(0, column));
}

StatusOr<RowScorer> RowScorer::Make(const LoadedModel& model, const TableShape& rows) {
  RowScorer scorer;
  VIGIL_ASSIGN_OR_RETURN(scorer.fit_, FitColumns(rows, model.table()));
  if (model.table().score.output < 0) return absl::UnimplementedError("the model answers no numbers, so there is nothing to measure");
  scorer.model_ = &model;
  scorer.scorer_ = model.NewScorer();
  return scorer;
}

Status RowScorer::Score(const TableRows& rows, std::vector<float>* scores) {
  const TableShape& table = model_->table();
  const auto from = fit_.in_place ? absl::Span<const uint32_t>() : absl::MakeConstSpan(fit_.from);
  VIGIL_RETURN_IF_ERROR(inputs_.Fill(model_->signature(), table, rows, {}, &batch_, from));
  ScoreCall call;
  call.doubles = true;  // as the signature says
  VIGIL_RETURN_IF_ERROR(ScoreAndWait(*scorer_, batch_, call, &outputs_));
  VIGIL_RETURN_IF_ERROR(CheckAnswer(model_->signature(), table, outputs_, rows.rows));
  ReadScores(table, outputs_, rows.rows, &read_);
  scores->insert(scores->end(), read_.begin(), read_.end());
  return absl::OkStatus();
}

}  // namespace validation

StatusOr<std::vector<float>> ScoreRows(const LoadedModel& model, const LabelledRows& rows, size_t batch_rows, size_t rows_max) {
  const validation::RowTable table(rows);
  VIGIL_RETURN_IF_ERROR(table.Check());
  VIGIL_ASSIGN_OR_RETURN(validation::RowScorer scorer, validation::RowScorer::Make(model, table.shape()));
  if (batch_rows == 0) return absl::InvalidArgumentError("a batch holds at least one row");
  const size_t n = std::min(rows.rows(), rows_max);
  std::vector<float> scores;
  scores.reserve(n * model.table().score.width);
  for (size_t first = 0; first < n; first += batch_rows) {
    VIGIL_RETURN_IF_ERROR(scorer.Score(table.Slice(first, std::min(batch_rows, n - first)), &scores));
  }
  return scores;
}

}  // namespace vigil
