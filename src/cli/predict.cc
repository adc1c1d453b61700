#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "app/wiring.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/model_columns.h"

namespace vigil::cli {
namespace {

struct Flags {
  std::string model, output, engine;
  std::vector<std::string> inputs;
  bool margin = false, best_iteration = false, json = false;
};

// One column an output number: `prediction`, or `prediction_0` ... when a row has several. Scores are 32-bit floats and written as such.
void NameOutputs(const std::string& name, int64_t width, std::vector<TableColumn>* columns) {
  for (int64_t k = 0; k < width; ++k) {
    columns->push_back({width == 1 ? name : absl::StrCat(name, "_", k), TableType::kFloat64, true});
  }
}

StatusOr<int64_t> BestRounds(const ModelInfo& info) {
  if (info.best_rounds > 0) return info.best_rounds;
  return absl::InvalidArgumentError("--best-iteration: the model was not trained with early stopping (it has no best_iteration)");
}

class FilePredictor {
 public:
  FilePredictor(const LoadedModel& model, const Flags& flags) : model_(model), flags_(flags), scorer_(model.NewScorer()) {}

  StatusOr<int64_t> Run() {
    ScoreCall call;
    call.margin = flags_.margin;
    if (flags_.best_iteration) {
      VIGIL_ASSIGN_OR_RETURN(call.tree_limit, BestRounds(model_.info()));
    }
    VIGIL_ASSIGN_OR_RETURN(const std::unique_ptr<TableReader> reader, OpenTable(flags_.inputs));
    VIGIL_ASSIGN_OR_RETURN(const std::vector<size_t> at, FindModelColumns(model_.signature(), reader->columns(), flags_.inputs[0]));
    std::vector<TableColumn> columns;
    NameOutputs("prediction", model_.signature().output_width, &columns);
    if (flags_.margin) NameOutputs("margin", margin_width(), &columns);
    VIGIL_ASSIGN_OR_RETURN(const std::unique_ptr<TableWriter> writer, CreateTable(flags_.output, columns));
    TableChunk chunk, scored;
    int64_t rows = 0;
    for (;;) {
      VIGIL_ASSIGN_OR_RETURN(const bool more, reader->Next(&chunk));
      if (!more) break;
      FillMatrix(chunk, reader->columns(), at, &matrix_);
      VIGIL_RETURN_IF_ERROR(ScoreChunk(chunk.rows, at.size(), call));
      Scatter(chunk.rows, columns.size(), &scored);
      VIGIL_RETURN_IF_ERROR(writer->Write(scored));
      rows += static_cast<int64_t>(chunk.rows);
    }
    VIGIL_RETURN_IF_ERROR(writer->Finish());
    return rows;
  }

 private:
  // multi:softmax answers a class but has a margin a class.
  int64_t margin_width() const {
    for (const auto& [name, value] : model_.info().facts) {
      if (name == "classes") return std::stoll(value);
    }
    return model_.signature().output_width;
  }

  Status ScoreChunk(size_t rows, size_t width, ScoreCall& call) {
    const Batch batch = Batch::FloatMatrix(matrix_.data(), rows, width);
    VIGIL_ASSIGN_OR_RETURN(const ScoreState state, scorer_->Score(batch, call, &outputs_));
    return state == ScoreState::kDone ? absl::OkStatus() : absl::UnimplementedError("a model that answers later cannot be scored offline");
  }

  void Scatter(size_t rows, size_t columns, TableChunk* chunk) const {
    chunk->rows = rows;
    chunk->columns.resize(columns);
    size_t at = 0;
    for (const OwnedTensor& tensor : outputs_.tensors) {
      const size_t width = rows == 0 ? 0 : tensor.floats.size() / rows;
      for (size_t k = 0; k < width && at < columns; ++k, ++at) {
        TableChunk::Values& values = chunk->columns[at];
        values.doubles.resize(rows);
        values.valid.assign(rows, 1);
        for (size_t r = 0; r < rows; ++r) values.doubles[r] = tensor.floats[r * width + k];
      }
    }
  }

  const LoadedModel& model_;
  const Flags& flags_;
  std::unique_ptr<Scorer> scorer_;
  std::vector<float> matrix_;
  Outputs outputs_;
};

int Predict(const Flags& flags) {
  LoadOptions options;
  options.engine = flags.engine;
  const auto loaders = MakeLoaders();
  const auto model = LoadModel(loaders, flags.model, options);
  if (!model.ok()) return FailForData(model.status());
  const StatusOr<int64_t> rows = FilePredictor(**model, flags).Run();
  if (!rows.ok()) return FailForData(rows.status());
  if (flags.json) {
    PrintJson({{"rows", *rows}, {"output", flags.output}});
  } else {
    std::cerr << *rows << " rows scored into " << flags.output << "\n";
  }
  return kDone;
}

}  // namespace

void AddPredict(CLI::App& app, std::function<int()>* run) {
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = NewVerb(app, "predict", "Score a file offline with the serving engine, in bounded memory.",
                           "vigil predict model.json --input rows.parquet --output scores.csv");
  verb->add_option("PATH", flags->model, "model file")->required();
  verb->add_option("--input", flags->inputs, "rows: .csv, .parquet or .ndjson")->required();
  verb->add_option("--output", flags->output, "scores: .csv, .parquet or .ndjson")->required();
  verb->add_flag("--margin", flags->margin, "also the margin, before the objective's transform");
  verb->add_flag("--best-iteration", flags->best_iteration, "stop at the early-stopping round");
  verb->add_option("--engine", flags->engine, "force one scoring engine");
  verb->add_flag("--json", flags->json, "for machines");
  verb->callback([run, flags] { *run = [flags] { return Predict(*flags); }; });
}

}  // namespace vigil::cli
