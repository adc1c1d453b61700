#include <cmath>
#include <deque>
#include <iostream>
#include <limits>
#include <memory>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "cli/cli.h"
#include "cli/offline_model.h"
#include "cli/table_scorer.h"
#include "domain/profile_json.h"
#include "monitoring/monitor.h"
#include "storage/model_columns.h"
#include "storage/tables.h"

namespace vigil::cli {
namespace {

struct Flags {
  std::vector<std::string> inputs, columns;
  std::string output, model, label;
  size_t bins = 32;
  bool json = false;
};

constexpr size_t kTextsMax = 100'000;  // of one column; further ones are one text

// The named columns, else every number of the table but the label and what begins with '_'. A column of texts has to be named: many are
// ids.
StatusOr<TableShape> ChooseColumns(const Flags& flags, const std::vector<TableColumn>& table) {
  std::vector<std::string> chosen = flags.columns;
  for (const TableColumn& column : table) {
    if (flags.columns.empty() && column.name != flags.label && column.name[0] != '_' && column.type != TableType::kString &&
        column.type != TableType::kTime)
      chosen.push_back(column.name);
  }
  if (chosen.empty())
    return absl::InvalidArgumentError(absl::StrCat(flags.inputs[0], ": no column of numbers (--columns names columns of texts)"));
  Signature signature;
  for (const std::string& name : chosen) {
    const int at = FindColumn(table, name);
    const bool text = at >= 0 && table[static_cast<size_t>(at)].type == TableType::kString;
    signature.inputs.push_back({name, text ? DType::kString : DType::kFloat32, {-1}});
  }
  return TableShapeOf(signature);
}

// The texts of a table's columns as numbers, given as they come.
class TextCoder {
 public:
  explicit TextCoder(const TableShape& shape) : shape_(shape), codes_(shape.texts), texts_(shape.texts) {}
  // A row of floats with a number in the place of each text.
  absl::Span<const float> Code(const TableRows& rows, size_t row) {
    const size_t width = shape_.columns.size();
    coded_.assign(rows.values + row * width, rows.values + (row + 1) * width);
    for (size_t c = 0; c < width && shape_.texts != 0; ++c) {
      if (shape_.columns[c].store == ColumnStore::kText && !rows.is_missing(row, c))
        coded_[c] = CodeOf(shape_.columns[c].at, rows.text(row, c));
    }
    return coded_;
  }
  void Tell(ProfileBuilder* builder) {
    for (size_t c = 0; c < shape_.columns.size(); ++c) {
      if (shape_.columns[c].store == ColumnStore::kText)
        builder->SetTexts(c, {texts_[shape_.columns[c].at].begin(), texts_[shape_.columns[c].at].end()});
    }
  }

 private:
  float CodeOf(size_t at, std::string_view text) {
    const auto found = codes_[at].find(text);
    if (found != codes_[at].end()) return found->second;
    if (texts_[at].size() >= kTextsMax) return static_cast<float>(kTextsMax);
    const auto code = static_cast<float>(texts_[at].size());
    codes_[at].emplace(texts_[at].emplace_back(text), code);
    return code;
  }

  const TableShape& shape_;
  std::vector<absl::flat_hash_map<std::string_view, float>> codes_;  // by the column's place among the texts; views into texts_
  std::vector<std::deque<std::string>> texts_;
  std::vector<float> coded_;
};

StatusOr<ReferenceProfile> Build(const Flags& flags) {
  std::optional<OfflineModel> model;
  std::unique_ptr<TableScorer> scorer;
  std::unique_ptr<TableReader> reader;
  TableShape shape;
  if (!flags.model.empty()) {
    VIGIL_ASSIGN_OR_RETURN(OfflineModel loaded, OfflineModel::Load(flags.model));
    model.emplace(std::move(loaded));
    scorer = std::make_unique<TableScorer>(**model);
    shape = (*model)->table();
    VIGIL_ASSIGN_OR_RETURN(reader, OpenModelTable(flags.inputs, shape));
  } else {
    VIGIL_ASSIGN_OR_RETURN(reader, OpenTable(flags.inputs));
    VIGIL_ASSIGN_OR_RETURN(shape, ChooseColumns(flags, reader->columns()));
  }
  VIGIL_ASSIGN_OR_RETURN(std::vector<size_t> at, FindModelColumns(shape, reader->columns(), flags.inputs[0]));
  ModelRows rows(shape, reader->columns(), std::move(at));
  const int label_at = flags.label.empty() ? -1 : FindColumn(reader->columns(), flags.label);
  if (!flags.label.empty() && label_at < 0)
    return absl::InvalidArgumentError(absl::StrCat(flags.inputs[0], ": no column \"", flags.label, "\""));

  ProfileBuilderOptions options;
  options.bins = flags.bins;
  ProfileBuilder builder(shape.names, options);
  TextCoder coder(shape);
  constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
  TableChunk chunk;
  for (;;) {
    VIGIL_ASSIGN_OR_RETURN(const bool more, reader->Next(&chunk));
    if (!more) break;
    const TableRows table = rows.Fill(chunk);
    const float* scores = nullptr;
    if (scorer != nullptr) {
      VIGIL_ASSIGN_OR_RETURN(scores, scorer->Score(table));
    }
    for (size_t r = 0; r < chunk.rows; ++r) {
      const double score = scores == nullptr ? kUnknown : ScoreOf(shape.score.task, {scores + r * scorer->width(), scorer->width()});
      const double label = label_at < 0 ? kUnknown : chunk.Number(static_cast<size_t>(label_at), r, reader->columns());
      builder.Add(coder.Code(table, r), score, label);
    }
  }
  coder.Tell(&builder);
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
  verb->add_option("--columns", flags->columns, "columns to profile; one of texts becomes categorical")->delimiter(',');
  verb->add_option("--bins", flags->bins, "quantile bins of a numeric column")->check(CLI::Range(2, 254));
  verb->add_flag("--json", flags->json, "for machines");
  verb->callback([run, flags] { *run = [flags] { return Profile(*flags); }; });
}

}  // namespace vigil::cli
