#include "cli/file_predictor.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/json.h"
#include "cli/answer_table.h"
#include "cli/cli.h"
#include "cli/row_source.h"
#include "runtime/input_tensors.h"
#include "runtime/score_and_wait.h"

namespace vigil::cli {
namespace {

StatusOr<int64_t> BestRounds(const ModelInfo& info) {
  if (info.best_rounds > 0) return info.best_rounds;
  return absl::InvalidArgumentError("--best-iteration: the model was not trained with early stopping (it has no best_iteration)");
}

// The columns of a file for a model that names none: a list of names, or an object with "columns" (a reference profile is one).
StatusOr<std::vector<std::string>> ReadNames(const std::string& file) {
  VIGIL_ASSIGN_OR_RETURN(const std::string text, ReadFile(file));
  VIGIL_ASSIGN_OR_RETURN(const Json json, ParseJson(text, file));
  const Json& list = json.is_object() && json.contains("columns") ? json["columns"] : json;
  std::vector<std::string> names;
  const auto wrong = [&] {
    return absl::InvalidArgumentError(absl::StrCat(file, ": a list of column names, or an object with \"columns\", is expected"));
  };
  if (!list.is_array()) return wrong();
  for (const Json& item : list) {
    const Json& name = item.is_object() && item.contains("name") ? item["name"] : item;
    if (!name.is_string()) return wrong();
    names.push_back(name.get<std::string>());
  }
  return names;
}

class FilePredictor {
 public:
  FilePredictor(const LoadedModel& model, const FilePredictOptions& options)
      : model_(model), options_(options), shape_(model.table()), scorer_(model.NewScorer()) {}

  StatusOr<int64_t> Run() {
    ScoreCall call;
    call.margin = options_.margin;
    call.contributions = options_.contributions;
    call.leaves = options_.leaves;
    call.doubles = true;
    if (options_.best_iteration) {
      VIGIL_ASSIGN_OR_RETURN(call.tree_limit, BestRounds(model_.info()));
    }
    if (!options_.schema.empty()) VIGIL_RETURN_IF_ERROR(NameColumns());
    VIGIL_ASSIGN_OR_RETURN(const std::unique_ptr<RowSource> source, OpenRows(options_.inputs, shape_, options_.stopped));
    int64_t scored = 0;
    for (;;) {
      VIGIL_RETURN_IF_ERROR(options_.stopped());
      VIGIL_ASSIGN_OR_RETURN(const TableRows rows, source->Next());
      if (rows.rows == 0 && scored > 0) break;
      VIGIL_RETURN_IF_ERROR(Score(rows, scored, call));  // of no rows: one call tells the columns of the answer
      VIGIL_RETURN_IF_ERROR(Write(rows.rows));
      scored += static_cast<int64_t>(rows.rows);
      if (rows.rows == 0) break;
    }
    VIGIL_RETURN_IF_ERROR(writer_->Finish());
    return scored;
  }

 private:
  // --schema: names for the columns of a model that has none of its own.
  Status NameColumns() {
    VIGIL_ASSIGN_OR_RETURN(const std::vector<std::string> names, ReadNames(options_.schema));
    if (names.size() != shape_.names.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat(options_.schema, ": ", names.size(), " columns; the model takes ", shape_.names.size()));
    }
    for (size_t c = 0; c < names.size(); ++c) shape_.names[c] = shape_.columns[c].name = names[c];
    shape_.named = true;
    return absl::OkStatus();
  }

  Status Score(const TableRows& rows, int64_t before, ScoreCall& call) {
    Batch batch;
    if (const Status filled = inputs_.Fill(model_.signature(), shape_, rows, {}, &batch); !filled.ok()) {
      return Status(filled.code(), absl::StrCat(options_.inputs[0], ", after row ", before, ": ", filled.message()));
    }
    VIGIL_RETURN_IF_ERROR(ScoreAndWait(*scorer_, batch, call, &outputs_));
    const std::pair<bool, const char*> beside[] = {{call.margin, "margin"}, {call.contributions, "contributions"}, {call.leaves, "leaves"}};
    for (const auto& [asked, name] : beside) {
      if (!asked || outputs_.Find(name) != nullptr) continue;
      return absl::UnimplementedError(absl::StrCat("--", name, ": a model of format ", model_.info().format, " has none"));
    }
    return absl::OkStatus();
  }

  Status Write(size_t rows) {
    if (writer_ == nullptr) {
      columns_ = AnswerColumns(model_.signature(), shape_.names, outputs_, rows);
      VIGIL_ASSIGN_OR_RETURN(writer_, CreateTable(options_.output, columns_));
    }
    VIGIL_RETURN_IF_ERROR(FillAnswers(outputs_, rows, columns_, &answers_));
    return writer_->Write(answers_);
  }

  const LoadedModel& model_;
  const FilePredictOptions& options_;
  TableShape shape_;
  std::unique_ptr<Scorer> scorer_;
  InputTensors inputs_;
  Outputs outputs_;
  std::vector<TableColumn> columns_;  // of the answer
  std::unique_ptr<TableWriter> writer_;
  TableChunk answers_;
};

}  // namespace

StatusOr<int64_t> PredictFile(const LoadedModel& model, const FilePredictOptions& options) { return FilePredictor(model, options).Run(); }

}  // namespace vigil::cli
