#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "app/wiring.h"
#include "base/hash.h"
#include "cli/cli.h"
#include "cli/model_columns.h"
#include "storage/tables.h"
#include "validation/validation.h"

namespace vigil::cli {
namespace {

struct Flags {
  std::string candidate, champion, label = "_label", time = "_time", entity = "_entity", output;
  std::vector<std::string> rows;
  GateOptions gate;
  bool json = false;
};

StatusOr<LabelledRows> ReadRows(const Flags& flags, const LoadedModel& model) {
  VIGIL_ASSIGN_OR_RETURN(const std::unique_ptr<TableReader> reader, OpenTable(flags.rows));
  const std::vector<TableColumn>& types = reader->columns();
  VIGIL_ASSIGN_OR_RETURN(const std::vector<size_t> at, FindModelColumns(model.table(), types, flags.rows[0]));
  const int label = FindColumn(types, flags.label), time = FindColumn(types, flags.time), entity = FindColumn(types, flags.entity);
  if (label < 0) return absl::InvalidArgumentError(absl::StrCat(flags.rows[0], ": no column \"", flags.label, "\" (--label names it)"));
  LabelledRows rows;
  rows.columns = model.table().names;
  TableChunk chunk;
  std::vector<float> matrix;
  for (;;) {
    VIGIL_ASSIGN_OR_RETURN(const bool more, reader->Next(&chunk));
    if (!more) return rows;
    FillMatrix(chunk, types, at, &matrix);
    rows.features.insert(rows.features.end(), matrix.begin(), matrix.end());
    for (size_t r = 0; r < chunk.rows; ++r) {
      rows.labels.push_back(chunk.Number(static_cast<size_t>(label), r, types));
      rows.times.push_back(time < 0 ? 0 : static_cast<int64_t>(chunk.Number(static_cast<size_t>(time), r, types)));
      if (entity < 0) {
        rows.groups.push_back(0);
      } else if (types[static_cast<size_t>(entity)].type == TableType::kString) {
        rows.groups.push_back(StableHash(chunk.columns[static_cast<size_t>(entity)].strings[r]));
      } else {
        rows.groups.push_back(StableHash(absl::StrCat(chunk.Number(static_cast<size_t>(entity), r, types))));
      }
    }
  }
}

int Validate(const Flags& flags) {
  const auto loaders = MakeLoaders();
  const auto candidate = LoadModel(loaders, flags.candidate, LoadOptions{});
  if (!candidate.ok()) return FailForData(candidate.status());
  std::unique_ptr<LoadedModel> champion;
  if (!flags.champion.empty()) {
    auto loaded = LoadModel(loaders, flags.champion, LoadOptions{});
    if (!loaded.ok()) return FailForData(loaded.status());
    champion = *std::move(loaded);
  }
  const StatusOr<LabelledRows> rows = ReadRows(flags, **candidate);
  if (!rows.ok()) return FailForData(rows.status());
  const StatusOr<GateReport> report = RunGate(champion.get(), **candidate, *rows, flags.gate);
  if (!report.ok()) return FailForData(report.status());
  if (!flags.output.empty()) {
    if (const Status written = WriteFile(flags.output, DumpJson(report->ToJson(), 2)); !written.ok()) return Fail(written, kFailed);
  }
  if (flags.json) {
    PrintJson(report->ToJson());
  } else {
    for (const GateCheck& check : report->checks)
      std::cout << (check.passed ? "passed   " : "refused  ") << check.name << "  " << check.detail << "\n";
    std::cout << report->Summary() << "\n";
  }
  return report->passed ? kDone : kRefusedByGate;
}

}  // namespace

void AddValidate(CLI::App& app, std::function<int()>* run) {
  auto flags = std::make_shared<Flags>();
  CLI::App* verb =
      NewVerb(app, "validate",
              "The promotion gate, offline: both models re-scored on the same rows, compared with a paired interval; exit 5 when refused.",
              "vigil validate candidate.json --against champion.json --data rows.parquet --label is_fraud");
  verb->add_option("CANDIDATE", flags->candidate, "model file")->required();
  verb->add_option("--against", flags->champion, "the champion; without it only the absolute checks count");
  verb->add_option("--data", flags->rows, "labelled rows")->required();
  verb->add_option("--label", flags->label, "column of the label");
  verb->add_option("--time", flags->time, "column of the prediction time");
  verb->add_option("--entity", flags->entity, "column of the entity; rows of one entity are resampled together");
  verb->add_option("--metric", flags->gate.metric, "average_precision, log_loss, roc_auc, brier, rmse, mae");
  verb->add_option("--margin", flags->gate.margin, "how much worse the candidate may at most be");
  verb->add_option("--confidence", flags->gate.confidence, "of the interval")->check(CLI::Range(0.5, 0.999));
  verb->add_option("--slice", flags->gate.slice_column, "column whose values must not be worse one by one");
  verb->add_option("--rows-min", flags->gate.rows_min, "fewer rows refuse");
  verb->add_option("--positives-min", flags->gate.positives_min, "fewer positives refuse");
  verb->add_option("-o,--output", flags->output, "the report as JSON");
  verb->add_flag("--json", flags->json, "for machines");
  verb->callback([run, flags] { *run = [flags] { return Validate(*flags); }; });
}

}  // namespace vigil::cli
