#include <iostream>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "cli/cli.h"
#include "cli/offline_model.h"
#include "service/retraining_work.h"
#include "validation/validation.h"

namespace vigil::cli {
namespace {

struct Flags {
  std::string candidate, champion, label = "_label", time = "_time", entity = "_entity", output;
  std::vector<std::string> rows;
  GateOptions gate;
  bool json = false;
};

int Validate(const Flags& flags) {
  const auto candidate = OfflineModel::Load(flags.candidate);
  if (!candidate.ok()) return FailForData(candidate.status());
  std::optional<OfflineModel> champion_model;
  if (!flags.champion.empty()) {
    auto loaded = OfflineModel::Load(flags.champion);
    if (!loaded.ok()) return FailForData(loaded.status());
    champion_model.emplace(*std::move(loaded));
  }
  const LoadedModel* const champion = champion_model ? &**champion_model : nullptr;
  const StatusOr<LabelledRows> rows =
      ReadLabelledRows(flags.rows, TableForBoth(champion, **candidate), {flags.label, flags.time, flags.entity});
  if (!rows.ok()) return FailForData(rows.status());
  const StatusOr<GateReport> report = RunGate(champion, **candidate, *rows, flags.gate);
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
  verb->add_option("CANDIDATE", flags->candidate, "model: file, directory or address")->required();
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
