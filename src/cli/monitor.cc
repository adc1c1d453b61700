#include <algorithm>
#include <cmath>
#include <iostream>
#include <limits>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/cli.h"
#include "cli/offline_model.h"
#include "cli/table_scorer.h"
#include "domain/profile_json.h"
#include "monitoring/batch.h"
#include "monitoring/text_codes.h"
#include "report/report.h"
#include "storage/model_columns.h"
#include "storage/tables.h"

namespace vigil::cli {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

struct Flags {
  std::string reference, report, model, label, score;
  std::vector<std::string> current;
  double significance = 0.01;
  bool json = false;
};

struct Result {
  ReferenceProfile reference;
  std::vector<Finding> findings;
  int64_t rows = 0;
};

StatusOr<Result> Run(const Flags& flags) {
  Result result;
  VIGIL_ASSIGN_OR_RETURN(const std::string text, ReadFile(flags.reference));
  VIGIL_ASSIGN_OR_RETURN(result.reference, ProfileFromJson(text, flags.reference));
  Signature profiled;
  for (const ColumnProfile& column : result.reference.columns) {
    profiled.inputs.push_back({column.name, column.texts.empty() ? DType::kFloat32 : DType::kString, {-1}});
  }
  TableShape shape = TableShapeOf(profiled);

  std::optional<OfflineModel> model;
  std::unique_ptr<TableScorer> scorer;
  if (!flags.model.empty()) {
    VIGIL_ASSIGN_OR_RETURN(OfflineModel loaded, OfflineModel::Load(flags.model));
    model.emplace(std::move(loaded));
    if ((*model)->table().names != shape.names) {
      return absl::InvalidArgumentError(absl::StrCat(flags.model, " and ", flags.reference, " are of different columns"));
    }
    scorer = std::make_unique<TableScorer>(**model);
    shape = (*model)->table();
  }
  VIGIL_ASSIGN_OR_RETURN(const std::unique_ptr<TableReader> reader, OpenModelTable(flags.current, shape));
  const std::vector<TableColumn>& types = reader->columns();
  VIGIL_ASSIGN_OR_RETURN(std::vector<size_t> at, FindModelColumns(shape, types, flags.current[0]));
  ModelRows rows(shape, types, std::move(at));
  const int label_at = FindColumn(types, flags.label), score_at = FindColumn(types, flags.score), time_at = FindColumn(types, "_time");
  if (!flags.label.empty() && label_at < 0)
    return absl::InvalidArgumentError(absl::StrCat(flags.current[0], ": no column \"", flags.label, "\""));
  if (!flags.score.empty() && score_at < 0)
    return absl::InvalidArgumentError(absl::StrCat(flags.current[0], ": no column \"", flags.score, "\""));

  MonitoredVersion version;
  version.model = "batch";
  version.version = flags.current[0];
  version.columns = shape.names;
  version.reference = std::make_shared<const ReferenceProfile>(result.reference);
  if (model) {
    version.task = shape.score.task;
    version.output_width = shape.score.width;
  }
  MonitorOptions options;
  options.significance = flags.significance;
  BatchMonitor monitor(version, options);
  const TextCodes codes(shape, version.reference.get());
  TableChunk chunk;
  std::vector<float> coded;
  for (;;) {
    VIGIL_ASSIGN_OR_RETURN(const bool more, reader->Next(&chunk));
    if (!more) break;
    const TableRows table = rows.Fill(chunk);
    const float* scores = nullptr;
    if (scorer != nullptr) {
      VIGIL_ASSIGN_OR_RETURN(scores, scorer->Score(table));
    }
    for (size_t r = 0; r < chunk.rows; ++r) {
      const auto cell = [&](int column) { return column < 0 ? kUnknown : chunk.Number(static_cast<size_t>(column), r, types); };
      const float known_score = static_cast<float>(cell(score_at));
      absl::Span<const float> scored;
      if (scores != nullptr) {
        scored = {scores + r * scorer->width(), scorer->width()};
      } else if (score_at >= 0) {
        scored = {&known_score, 1};
      }
      const double time = cell(time_at);
      const size_t columns = shape.columns.size();
      codes.Code({table.values + r * columns, columns}, {table.texts + r * shape.texts, shape.texts}, &coded);
      monitor.Add(coded, scored, cell(label_at), std::isfinite(time) ? static_cast<TimeUs>(time) : 0);
    }
  }
  result.rows = monitor.rows();
  result.findings = monitor.Findings();
  return result;
}

Json FindingJson(const Finding& f) {
  Json out{{"kind", f.kind}, {"metric", f.metric}, {"column", f.column}, {"value", f.value}, {"n", f.n}, {"significant", f.significant}};
  if (f.p_value) out["p_value"] = *f.p_value;
  if (f.baseline) out["baseline"] = *f.baseline;
  return out;
}

int Monitor(const Flags& flags) {
  const StatusOr<Result> result = Run(flags);
  if (!result.ok()) return FailForData(result.status());
  if (!flags.report.empty()) {
    report::Page page;
    page.title = absl::StrCat("Monitoring ", flags.current[0]);
    page.subtitle = absl::StrCat(result->rows, " rows against ", flags.reference, " (", result->reference.rows, " rows)");
    page.findings = result->findings;
    if (const Status written = WriteFile(flags.report, report::RenderHtml(page)); !written.ok()) return Fail(written, kFailed);
  }
  if (flags.json) {
    Json list = Json::array();
    for (const Finding& finding : result->findings) list.push_back(FindingJson(finding));
    PrintJson({{"rows", result->rows}, {"findings", list}});
    return kDone;
  }
  std::cout << absl::StrFormat("%-13s %-18s %-26s %12s %12s\n", "kind", "metric", "column", "value", "p");
  for (const Finding& f : result->findings) {
    std::cout << absl::StrFormat("%-13s %-18s %-26s %12.6g %12s%s\n", f.kind, f.metric, f.column, f.value,
                                 f.p_value ? absl::StrFormat("%.3g", *f.p_value) : "", f.significant ? "  *" : "");
  }
  return kDone;
}

}  // namespace

void AddMonitor(CLI::App& app, std::function<int()>* run) {
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = NewVerb(app, "monitor",
                           "Batch monitoring: the same statistics as live. * marks what is significant after correction over the columns.",
                           "vigil monitor --reference reference.json --current july.parquet --label is_fraud --report july.html");
  verb->add_option("--reference", flags->reference, "profile made by vigil profile")->required();
  verb->add_option("--current", flags->current, "rows to judge")->required();
  verb->add_option("--model", flags->model, "score the rows with this model");
  verb->add_option("--score", flags->score, "column that holds the score, when no model is given");
  verb->add_option("--label", flags->label, "column that holds the label: adds performance");
  verb->add_option("--significance", flags->significance, "over all columns together")->check(CLI::Range(1e-9, 0.5));
  verb->add_option("--report", flags->report, "a self-contained HTML report");
  verb->add_flag("--json", flags->json, "for machines");
  verb->callback([run, flags] { *run = [flags] { return Monitor(*flags); }; });
}

}  // namespace vigil::cli
