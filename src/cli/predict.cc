#include <iostream>
#include <memory>

#include "cli/cli.h"
#include "cli/file_predictor.h"
#include "cli/interrupt.h"
#include "cli/offline_model.h"
#include "storage/abandoned.h"

namespace vigil::cli {
namespace {

struct Flags {
  FilePredictOptions file;
  std::string model, engine, signature;
  bool json = false;
};

int Predict(const Flags& flags) {
  LoadOptions options;
  options.engine = flags.engine;
  options.signature = flags.signature;
  RemoveAbandonedTemporaries();
  const auto model = OfflineModel::Load(flags.model, options);
  if (!model.ok()) return FailForData(model.status());
  const Interrupt interrupt;
  FilePredictOptions file = flags.file;
  file.stopped = Interrupt::Check;
  const StatusOr<int64_t> rows = PredictFile(**model, file);
  if (!rows.ok() && absl::IsCancelled(rows.status()) && Interrupt::ExitCode() != 0) {
    Fail(rows.status(), kFailed);
    return Interrupt::ExitCode();
  }
  if (!rows.ok()) return FailForData(rows.status());
  if (flags.json) {
    PrintJson({{"rows", *rows}, {"output", flags.file.output}});
  } else {
    std::cerr << *rows << " rows scored into " << flags.file.output << "\n";
  }
  return kDone;
}

}  // namespace

void AddPredict(CLI::App& app, std::function<int()>* run) {
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = NewVerb(app, "predict", "Score a file offline with the serving engine, in bounded memory.",
                           "vigil predict model.json --input rows.parquet --output scores.csv");
  verb->add_option("PATH", flags->model, "model: file, directory or address")->required();
  verb->add_option("--input", flags->file.inputs, "rows: .csv, .parquet or .ndjson")->required();
  verb->add_option("--output", flags->file.output, "scores: .csv, .parquet or .ndjson")->required();
  verb->add_option("--schema", flags->file.schema,
                   "JSON list of the input's columns, for a model that names none (a reference profile will do)");
  verb->add_flag("--margin", flags->file.margin, "also the margin, before the objective's transform");
  verb->add_flag("--contributions", flags->file.contributions, "also each feature's share of the margin, exact TreeSHAP");
  verb->add_flag("--leaves", flags->file.leaves, "also the leaf reached in each tree, as the file numbers both");
  verb->add_flag("--best-iteration", flags->file.best_iteration, "stop at the early-stopping round");
  verb->add_option("--engine", flags->engine, "force one scoring engine");
  verb->add_option("--signature", flags->signature, "of a TensorFlow model (default: serving_default)");
  verb->add_flag("--json", flags->json, "for machines");
  verb->callback([run, flags] { *run = [flags] { return Predict(*flags); }; });
}

}  // namespace vigil::cli
