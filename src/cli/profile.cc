#include <cmath>
#include <iostream>
#include <limits>
#include <memory>

#include "absl/strings/str_cat.h"
#include "app/wiring.h"
#include "base/hash.h"
#include "cli/cli.h"
#include "cli/model_columns.h"
#include "domain/profile_json.h"
#include "monitoring/monitor.h"
#include "storage/tables.h"

namespace vigil::cli {
namespace {

struct Flags {
  std::vector<std::string> inputs, columns;
  std::string output, model, label;
  size_t bins = 32;
  bool json = false;
};

// The model's columns when there is a model, else the named ones, else every number of the table but the label and what begins with '_'.
StatusOr<std::vector<std::string>> ChooseColumns(const Flags& flags, const LoadedModel* model, const std::vector<TableColumn>& table) {
  if (model != nullptr) return model->signature().columns;
  if (!flags.columns.empty()) return flags.columns;
  std::vector<std::string> chosen;
  for (const TableColumn& column : table) {
    if (column.name != flags.label && column.name[0] != '_' && column.type != TableType::kString && column.type != TableType::kTime)
      chosen.push_back(column.name);
  }
  if (chosen.empty()) return absl::InvalidArgumentError(absl::StrCat(flags.inputs[0], ": no column of numbers"));
  return chosen;
}

StatusOr<ReferenceProfile> Build(const Flags& flags) {
  std::unique_ptr<LoadedModel> model;
  std::unique_ptr<Scorer> scorer;
  const auto loaders = MakeLoaders();
  if (!flags.model.empty()) {
    VIGIL_ASSIGN_OR_RETURN(model, LoadModel(loaders, flags.model, LoadOptions{}));
    scorer = model->NewScorer();
  }
  VIGIL_ASSIGN_OR_RETURN(const std::unique_ptr<TableReader> reader, OpenTable(flags.inputs));
  VIGIL_ASSIGN_OR_RETURN(const std::vector<std::string> columns, ChooseColumns(flags, model.get(), reader->columns()));
  Signature wanted;
  wanted.columns = columns;
  wanted.columns_are_named = true;
  VIGIL_ASSIGN_OR_RETURN(const std::vector<size_t> at, FindModelColumns(wanted, reader->columns(), flags.inputs[0]));
  const int label_at = flags.label.empty() ? -1 : FindColumn(reader->columns(), flags.label);
  if (!flags.label.empty() && label_at < 0)
    return absl::InvalidArgumentError(absl::StrCat(flags.inputs[0], ": no column \"", flags.label, "\""));

  ProfileBuilderOptions options;
  options.bins = flags.bins;
  ProfileBuilder builder(columns, options);
  constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
  TableChunk chunk;
  std::vector<float> matrix;
  Outputs outputs;
  for (;;) {
    VIGIL_ASSIGN_OR_RETURN(const bool more, reader->Next(&chunk));
    if (!more) break;
    FillMatrix(chunk, reader->columns(), at, &matrix);
    if (scorer != nullptr) {
      ScoreCall call;
      VIGIL_RETURN_IF_ERROR(scorer->Score(Batch::FloatMatrix(matrix.data(), chunk.rows, columns.size()), call, &outputs).status());
    }
    const size_t width = scorer == nullptr || chunk.rows == 0 ? 0 : outputs.tensors[0].floats.size() / chunk.rows;
    for (size_t r = 0; r < chunk.rows; ++r) {
      const double score = width == 1 ? outputs.tensors[0].floats[r] : kUnknown;
      const double label = label_at < 0 ? kUnknown : chunk.Number(static_cast<size_t>(label_at), r, reader->columns());
      builder.Add({&matrix[r * columns.size()], columns.size()}, score, label);
    }
  }
  return builder.Finish(flags.inputs[0]);
}

int Profile(const Flags& flags) {
  const StatusOr<ReferenceProfile> profile = Build(flags);
  if (!profile.ok()) return FailForData(profile.status());
  if (profile->rows == 0) return Fail(absl::InvalidArgumentError(absl::StrCat(flags.inputs[0], ": no rows")), kBadData);
  if (const Status written = WriteFile(flags.output, ProfileToJson(*profile)); !written.ok()) return Fail(written, kFailed);
  if (flags.json) {
    PrintJson({{"rows", profile->rows}, {"columns", profile->columns.size()}, {"output", flags.output}});
  } else {
    std::cerr << "profile of " << profile->rows << " rows, " << profile->columns.size() << " columns, in " << flags.output << "\n";
  }
  return kDone;
}

}  // namespace

void AddProfile(CLI::App& app, std::function<int()>* run) {
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = NewVerb(app, "profile", "The reference profile that drift and quality are judged against.",
                           "vigil profile rows.parquet --model model.json --label is_fraud -o reference.json");
  verb->add_option("ROWS", flags->inputs, "files of rows the model was fitted on")->required();
  verb->add_option("-o,--output", flags->output, "the profile")->required();
  verb->add_option("--model", flags->model, "also profile this model's scores, and take its columns");
  verb->add_option("--label", flags->label, "column that holds the label");
  verb->add_option("--columns", flags->columns, "columns to profile")->delimiter(',');
  verb->add_option("--bins", flags->bins, "quantile bins of a numeric column")->check(CLI::Range(2, 254));
  verb->add_flag("--json", flags->json, "for machines");
  verb->callback([run, flags] { *run = [flags] { return Profile(*flags); }; });
}

}  // namespace vigil::cli
