#include "retraining/trainers/training_rows.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/text.h"
#include "storage/tables.h"

namespace vigil {
namespace {

std::optional<size_t> IndexOf(const std::vector<TableColumn>& columns, const std::string& name) {
  for (size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].name == name) return i;
  }
  return std::nullopt;
}

StatusOr<size_t> NumericColumn(const std::vector<TableColumn>& columns, const std::string& name) {
  const std::optional<size_t> index = IndexOf(columns, name);
  if (!index.has_value()) {
    std::vector<std::string> known;
    for (const TableColumn& column : columns) known.push_back(column.name);
    return absl::InvalidArgumentError(absl::StrCat("no column \"", name, "\" in the rows", DidYouMean(name, known)));
  }
  if (columns[*index].type == TableType::kString) {
    return absl::InvalidArgumentError(
        absl::StrCat("column \"", name,
                     "\" holds text; the built-in trainer learns from numbers only: name a program that takes texts as "
                     "retraining.command (docs/formats/retraining-job.md)"));
  }
  return *index;
}

struct Layout {
  std::vector<size_t> features;
  size_t label = 0;
  int time = -1, entity = -1;  // -1: the files have none
};

void AppendRow(const TableChunk& chunk, size_t r, const Layout& layout, const std::vector<TableColumn>& types, TrainingRows* rows) {
  const double label = chunk.Number(layout.label, r, types);
  if (std::isnan(label)) {
    ++rows->skipped;
    return;
  }
  for (size_t column : layout.features) rows->features.push_back(static_cast<float>(chunk.Number(column, r, types)));
  rows->labels.push_back(static_cast<float>(label));
  if (layout.time >= 0) rows->times.push_back(chunk.columns[static_cast<size_t>(layout.time)].ints[r]);
  if (layout.entity >= 0) rows->entities.push_back(chunk.columns[static_cast<size_t>(layout.entity)].strings[r]);
}

}  // namespace

StatusOr<TrainingRows> ReadTrainingRows(const std::vector<std::string>& files, const std::string& label, std::vector<std::string> columns) {
  VIGIL_ASSIGN_OR_RETURN(const std::unique_ptr<TableReader> reader, OpenTable(files));
  const std::vector<TableColumn>& types = reader->columns();
  if (columns.empty()) {
    for (const TableColumn& column : types) {
      if (!column.name.starts_with("_") && column.name != label) columns.push_back(column.name);
    }
  }
  if (columns.empty()) return absl::InvalidArgumentError("the rows have no feature columns");
  Layout layout;
  for (const std::string& column : columns) {
    VIGIL_ASSIGN_OR_RETURN(const size_t index, NumericColumn(types, column));
    layout.features.push_back(index);
  }
  VIGIL_ASSIGN_OR_RETURN(layout.label, NumericColumn(types, label));
  for (size_t i = 0; i < types.size(); ++i) {
    const bool timed = types[i].type == TableType::kTime || types[i].type == TableType::kInt64;
    if (types[i].name == "_time" && timed) layout.time = static_cast<int>(i);
    if (types[i].name == "_entity" && types[i].type == TableType::kString) layout.entity = static_cast<int>(i);
  }

  TrainingRows rows;
  rows.columns = std::move(columns);
  TableChunk chunk;
  while (true) {
    VIGIL_ASSIGN_OR_RETURN(const bool more, reader->Next(&chunk));
    if (!more) return rows;
    for (size_t r = 0; r < chunk.rows; ++r) AppendRow(chunk, r, layout, types, &rows);
  }
}

TrainingRows TrainingRows::SplitNewest(double share) {
  const size_t n = rows(), k = columns.size();
  const size_t newest = static_cast<size_t>(share * static_cast<double>(n));
  std::vector<size_t> order(n);
  for (size_t i = 0; i < n; ++i) order[i] = i;
  if (!times.empty()) std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return times[a] < times[b]; });
  TrainingRows old, young;
  old.skipped = skipped;
  old.columns = young.columns = columns;
  for (size_t i = 0; i < n; ++i) {
    TrainingRows& to = i < n - newest ? old : young;
    const size_t from = order[i];
    to.features.insert(to.features.end(), features.begin() + static_cast<ptrdiff_t>(from * k),
                       features.begin() + static_cast<ptrdiff_t>((from + 1) * k));
    to.labels.push_back(labels[from]);
    if (!times.empty()) to.times.push_back(times[from]);
    if (!entities.empty()) to.entities.push_back(std::move(entities[from]));
  }
  *this = std::move(old);
  return young;
}

}  // namespace vigil
