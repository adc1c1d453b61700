#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/remote.h"
#include "storage/model_columns.h"
#include "storage/tables.h"

namespace vigil::cli {
namespace {

constexpr size_t kLabelsARequest = 10'000;

struct Flags {
  std::string url, id = "id", prediction_id = "prediction_id", label = "label", observed_at = "observed_at";
  std::vector<std::string> files;
  bool json = false;
};

// A cell as JSON: what it is in the file, so that an id that looks like a number stays one text.
void AppendCell(const TableChunk& chunk, const std::vector<TableColumn>& types, int column, size_t row, const char* name, bool as_text,
                std::string* out) {
  if (column < 0) return;
  const TableChunk::Values& values = chunk.columns[static_cast<size_t>(column)];
  if (values.valid[row] == 0) return;
  absl::StrAppend(out, out->back() == '{' ? "" : ",", "\"", name, "\":");
  const TableType type = types[static_cast<size_t>(column)].type;
  if (type == TableType::kString) {
    AppendJsonString(out, values.strings[row]);
  } else if (type == TableType::kTime) {
    AppendJsonString(out, FormatTime(values.ints[row]));
  } else if (as_text) {
    AppendJsonString(out, type == TableType::kFloat64 ? NumberText(values.doubles[row]) : absl::StrCat(values.ints[row]));
  } else {
    AppendJsonNumber(out, chunk.Number(static_cast<size_t>(column), row, types));
  }
}

StatusOr<Json> Import(const Flags& flags) {
  VIGIL_ASSIGN_OR_RETURN(const std::unique_ptr<TableReader> reader, OpenTable(flags.files));
  const std::vector<TableColumn>& types = reader->columns();
  const int id = FindColumn(types, flags.id), prediction_id = FindColumn(types, flags.prediction_id);
  const int label = FindColumn(types, flags.label), observed = FindColumn(types, flags.observed_at);
  if (label < 0) return absl::InvalidArgumentError(absl::StrCat(flags.files[0], ": no column \"", flags.label, "\" (--label names it)"));
  if (id < 0 && prediction_id < 0) {
    return absl::InvalidArgumentError(absl::StrCat(flags.files[0], ": neither a column \"", flags.prediction_id, "\" nor \"", flags.id,
                                                   "\" (--prediction-id, --id name them)"));
  }
  Remote remote(flags.url);
  int64_t accepted = 0, unmatched = 0, duplicate = 0;
  TableChunk chunk;
  std::string body;
  size_t lines = 0;
  const auto send = [&]() -> Status {
    if (lines == 0) return absl::OkStatus();
    VIGIL_ASSIGN_OR_RETURN(const Json answer, remote.Send("POST", "/api/v1/labels", body, "application/x-ndjson"));
    accepted += answer.value("accepted", int64_t{0});
    unmatched += answer.value("unmatched", int64_t{0});
    duplicate += answer.value("duplicate", int64_t{0});
    body.clear();
    lines = 0;
    return absl::OkStatus();
  };
  for (;;) {
    VIGIL_ASSIGN_OR_RETURN(const bool more, reader->Next(&chunk));
    if (!more) break;
    for (size_t r = 0; r < chunk.rows; ++r) {
      body.push_back('{');
      AppendCell(chunk, types, prediction_id, r, "prediction_id", true, &body);
      AppendCell(chunk, types, id, r, "id", true, &body);
      AppendCell(chunk, types, label, r, "label", false, &body);
      AppendCell(chunk, types, observed, r, "observed_at", true, &body);
      body.append("}\n");
      if (++lines == kLabelsARequest) VIGIL_RETURN_IF_ERROR(send());
    }
  }
  VIGIL_RETURN_IF_ERROR(send());
  return Json{{"accepted", accepted}, {"unmatched", unmatched}, {"duplicate", duplicate}};
}

int Run(const Flags& flags) {
  const StatusOr<Json> counts = Import(flags);
  if (!counts.ok()) return FailForData(counts.status());
  if (flags.json) {
    PrintJson(*counts);
  } else {
    std::cout << (*counts)["accepted"] << " accepted, " << (*counts)["unmatched"] << " unmatched, " << (*counts)["duplicate"]
              << " duplicate\n";
  }
  return kDone;
}

}  // namespace

void AddLabels(CLI::App& app, std::function<int()>* run) {
  auto flags = std::make_shared<Flags>();
  CLI::App* labels = NewVerb(app, "labels", "Late labels.", "vigil labels import chargebacks.csv --id tx_id --label is_fraud");
  labels->require_subcommand(1);
  CLI::App* verb = NewVerb(*labels, "import", "Join labels to predictions by prediction id or by the caller's own id.",
                           "vigil labels import chargebacks.csv --id tx_id --label is_fraud");
  verb->add_option("FILE", flags->files, ".csv, .parquet or .ndjson")->required();
  AddUrlOption(verb, &flags->url);
  verb->add_option("--id", flags->id, "column of the caller's id");
  verb->add_option("--prediction-id", flags->prediction_id, "column of the prediction id");
  verb->add_option("--label", flags->label, "column of the label");
  verb->add_option("--observed-at", flags->observed_at, "column of the time the label was known");
  verb->add_flag("--json", flags->json, "for machines");
  verb->callback([run, flags] { *run = [flags] { return Run(*flags); }; });
}

}  // namespace vigil::cli
