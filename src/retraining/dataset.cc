// Two passes over the log: the first counts rows over time to find the split, the second writes. Memory is bounded whatever the window.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/text.h"
#include "retraining/retraining.h"
#include "storage/tables.h"

namespace vigil {
namespace {

constexpr int64_t kTimeBuckets = 1 << 16;  // the split falls on a bucket's edge: of 60 days, 80 seconds
constexpr size_t kChunkRows = 8192;

// Where a wanted column is in a logged row.
struct LoggedColumn {
  int feature = -1;  // -1: the version that was logged has none of that name
  ColumnStore store = ColumnStore::kFloat;
  size_t at = 0;  // among the columns of its store
};

// Where the wanted columns are in each logged schema.
class ColumnMap {
 public:
  ColumnMap(const PredictionLog& log, const TableShape& table) : log_(log), table_(table), seen_(table.columns.size(), false) {}

  // One a wanted column.
  StatusOr<const std::vector<LoggedColumn>*> For(uint32_t schema) {
    if (const auto known = maps_.find(schema); known != maps_.end()) return &known->second;
    VIGIL_ASSIGN_OR_RETURN(const LogSchema logged, log_.FindSchema(schema));
    std::vector<LoggedColumn> map(table_.columns.size());
    for (size_t i = 0; i < map.size(); ++i) {
      const std::string& name = table_.names[i];
      const auto found = std::find(logged.columns.begin(), logged.columns.end(), name);
      if (found == logged.columns.end()) continue;
      const auto at = static_cast<size_t>(found - logged.columns.begin());
      if (at < logged.redacted.size() && logged.redacted[at] != 0) {
        return absl::FailedPreconditionError(absl::StrCat(
            "column \"", name, "\" is sensitive and redacted in the prediction log: a model cannot be trained on it from there"));
      }
      map[i] = Find(logged, at);
      if ((map[i].store == ColumnStore::kText) != (table_.columns[i].store == ColumnStore::kText)) {
        return absl::FailedPreconditionError(absl::StrCat("column \"", name, "\" is ", std::string(DTypeName(table_.columns[i].dtype)),
                                                          " to the champion, but was logged by version ", logged.version, " as ",
                                                          map[i].store == ColumnStore::kText ? "texts" : "numbers"));
      }
      seen_[i] = true;
    }
    any_ = logged;
    return &maps_.emplace(schema, std::move(map)).first->second;
  }

  // A column that no schema of the window has would be trained on as always missing.
  Status CheckAllSeen() const {
    for (size_t i = 0; i < seen_.size(); ++i) {
      if (!maps_.empty() && !seen_[i]) {
        return absl::FailedPreconditionError(
            absl::StrCat("column \"", table_.names[i], "\" is in no logged row of the window", DidYouMean(table_.names[i], any_.columns)));
      }
    }
    return absl::OkStatus();
  }

 private:
  static LoggedColumn Find(const LogSchema& logged, size_t column) {
    const auto store_of = [&](size_t i) { return i < logged.types.size() ? StoreOf(logged.types[i]) : ColumnStore::kFloat; };
    LoggedColumn found{static_cast<int>(column), store_of(column), 0};
    for (size_t i = 0; i < column; ++i) found.at += store_of(i) == found.store ? 1 : 0;
    return found;
  }

  const PredictionLog& log_;
  const TableShape& table_;
  std::vector<bool> seen_;
  std::map<uint32_t, std::vector<LoggedColumn>> maps_;
  LogSchema any_;
};

TableType TypeInFile(DType dtype) {
  switch (dtype) {
    case DType::kString: return TableType::kString;
    case DType::kBool: return TableType::kBool;
    case DType::kFloat16:
    case DType::kBfloat16:
    case DType::kFloat32:
    case DType::kFloat64: return TableType::kFloat64;
    default: return TableType::kInt64;
  }
}

// One Parquet file being written.
class Part {
 public:
  // `table` outlives the part.
  static StatusOr<Part> Create(std::string path, const TableShape& table) {
    std::vector<TableColumn> layout;
    for (const ModelColumn& column : table.columns) layout.push_back({column.name, TypeInFile(column.dtype)});
    layout.push_back({"_label", TableType::kFloat64});
    layout.push_back({"_label_time", TableType::kTime});
    layout.push_back({"_time", TableType::kTime});
    layout.push_back({"_entity", TableType::kString});
    Part part;
    VIGIL_ASSIGN_OR_RETURN(part.writer_, CreateTable(path, layout));
    part.path = std::move(path);
    part.table_ = &table;
    part.features_ = table.columns.size();
    part.Clear(layout.size());
    return part;
  }

  Status Add(const LoggedPrediction& row, const std::vector<LoggedColumn>& map) {
    std::string bytes;
    for (size_t i = 0; i < features_; ++i) VIGIL_RETURN_IF_ERROR(AddCell(row, map[i], i, &bytes));
    TableChunk::Values* rest = &chunk_.columns[features_];
    rest[0].doubles.push_back(row.label);
    rest[1].ints.push_back(row.label_time);
    rest[2].ints.push_back(row.time);
    rest[3].strings.push_back(row.entity);
    for (int i = 0; i < 4; ++i) rest[i].valid.push_back(i == 3 && row.entity.empty() ? 0 : 1);
    absl::StrAppend(&bytes, "|", row.label, "|", row.time, "|", row.entity);
    hash = StableHash(bytes, hash);
    ++rows;
    positives += row.label > 0.5 ? 1 : 0;
    if (++chunk_.rows == kChunkRows) return Flush();
    return absl::OkStatus();
  }

  Status Finish() {
    VIGIL_RETURN_IF_ERROR(Flush());
    return writer_->Finish();
  }

  std::string path;
  int64_t rows = 0, positives = 0;
  uint64_t hash = 0;  // chained over the rows

 private:
  // One feature into the chunk, and what identifies it onto `bytes`.
  Status AddCell(const LoggedPrediction& row, const LoggedColumn& from, size_t column, std::string* bytes) {
    TableChunk::Values& to = chunk_.columns[column];
    const bool has = from.feature >= 0 && static_cast<size_t>(from.feature) < row.features.size();
    const float rounded = has ? row.features[static_cast<size_t>(from.feature)] : std::numeric_limits<float>::quiet_NaN();
    const bool valid = !std::isnan(rounded);
    to.valid.push_back(valid ? 1 : 0);
    const ModelColumn& wanted = table_->columns[column];
    if (wanted.store == ColumnStore::kText) {
      to.strings.push_back(valid && from.at < row.texts.size() ? row.texts[from.at] : "");
      absl::StrAppend(bytes, "|", valid, "|", to.strings.back().size(), "|", to.strings.back());
      return absl::OkStatus();
    }
    const bool exact = valid && from.store == ColumnStore::kExact && from.at < row.exact.size();
    const double value = exact ? row.exact[from.at] : static_cast<double>(rounded);
    if (wanted.store == ColumnStore::kFloat) {
      const auto single = static_cast<float>(value);
      to.doubles.push_back(single);
      bytes->append(reinterpret_cast<const char*>(&single), sizeof(single));
      return absl::OkStatus();
    }
    bytes->append(reinterpret_cast<const char*>(&value), sizeof(value));
    if (TypeInFile(wanted.dtype) == TableType::kFloat64) {
      to.doubles.push_back(value);
      return absl::OkStatus();
    }
    if (valid && !FitsType(wanted.dtype, value)) {
      return absl::FailedPreconditionError(absl::StrCat("column \"", wanted.name, "\" was logged as ", NumberText(value), ", which is no ",
                                                        std::string(DTypeName(wanted.dtype)), ", the champion's type"));
    }
    to.ints.push_back(valid ? static_cast<int64_t>(value) : 0);
    return absl::OkStatus();
  }
  void Clear(size_t columns) {
    chunk_ = {};
    chunk_.columns.resize(columns);
  }
  Status Flush() {
    if (chunk_.rows == 0) return absl::OkStatus();
    VIGIL_RETURN_IF_ERROR(writer_->Write(chunk_));
    Clear(chunk_.columns.size());
    return absl::OkStatus();
  }

  std::unique_ptr<TableWriter> writer_;
  const TableShape* table_ = nullptr;
  size_t features_ = 0;
  TableChunk chunk_;
};

struct TimeCounts {
  TimeUs from = 0;
  int64_t width = 1;
  std::vector<int64_t> counts;
  int64_t labelled = 0, immature = 0;
  TimeUs newest = INT64_MIN;
};

StatusOr<TimeCounts> CountOverTime(const PredictionLog& log, const LogQuery& query) {
  TimeCounts counts;
  counts.from = query.from;
  counts.width = (query.to - query.from + kTimeBuckets - 1) / kTimeBuckets;
  counts.counts.assign(kTimeBuckets, 0);
  VIGIL_RETURN_IF_ERROR(log.Scan(query, [&](const LoggedPrediction& row) {
    if (row.status != PredictionStatus::kOk) return true;
    if (!row.labelled) {
      ++counts.immature;
      return true;
    }
    ++counts.labelled;
    ++counts.counts[static_cast<size_t>((row.time - counts.from) / counts.width)];
    counts.newest = std::max(counts.newest, row.time);
    return true;
  }));
  return counts;
}

// The start of the holdout: the earliest bucket edge behind which at most the wanted share lies, and no more than holdout_us_max.
TimeUs SplitTime(const TimeCounts& counts, const DatasetOptions& options, TimeUs to) {
  const double wanted = options.holdout_share * static_cast<double>(counts.labelled);
  int64_t behind = 0;
  int64_t bucket = kTimeBuckets;
  while (bucket > 0 && static_cast<double>(behind + counts.counts[static_cast<size_t>(bucket - 1)]) <= wanted) {
    behind += counts.counts[static_cast<size_t>(--bucket)];
  }
  TimeUs split = std::min(to, counts.from + bucket * counts.width);
  if (options.holdout_us_max > 0) split = std::max(split, counts.newest - options.holdout_us_max);
  return split;
}

Status NotReady(const std::string& what, const Dataset& dataset) {
  return absl::FailedPreconditionError(absl::StrCat("data not ready: ", what, " in predictions of ", FormatTime(dataset.from), " to ",
                                                    FormatTime(dataset.to), " (", dataset.immature_rows, " more have no label yet)"));
}

Status CheckOptions(const DatasetOptions& options, const TableShape& table) {
  if (table.columns.empty()) return absl::InvalidArgumentError("dataset: no columns");
  if (options.window_us <= 0 || options.label_horizon_us < 0)
    return absl::InvalidArgumentError("dataset: window and horizon must be positive");
  if (!(options.holdout_share >= 0 && options.holdout_share < 1))
    return absl::InvalidArgumentError("dataset: holdout_share must lie in [0, 1)");
  if (options.embargo_us < 0) return absl::InvalidArgumentError("dataset: embargo must not be negative");
  return absl::OkStatus();
}

}  // namespace

Json Dataset::ToJson() const {
  return {{"train", train_path},
          {"holdout", holdout_path},
          {"train_rows", train_rows},
          {"train_positives", train_positives},
          {"holdout_rows", holdout_rows},
          {"holdout_positives", holdout_positives},
          {"immature_rows", immature_rows},
          {"embargoed_rows", embargoed_rows},
          {"from", FormatTime(from)},
          {"to", FormatTime(to)},
          {"split", FormatTime(split_time)},
          {"as_of", FormatTime(as_of)},
          {"digest", digest}};
}

StatusOr<Dataset> BuildDataset(const PredictionLog& log, const std::string& model, const TableShape& table, TimeUs as_of,
                               const DatasetOptions& options, const std::string& directory) {
  VIGIL_RETURN_IF_ERROR(CheckOptions(options, table));
  Dataset dataset;
  dataset.as_of = as_of;
  dataset.to = as_of - options.label_horizon_us;
  dataset.from = dataset.to - options.window_us;
  LogQuery query;
  query.model = model;
  query.from = dataset.from;
  query.to = dataset.to;
  query.with_labels = true;
  query.labels_as_of = as_of;
  VIGIL_ASSIGN_OR_RETURN(const TimeCounts counts, CountOverTime(log, query));
  dataset.immature_rows = counts.immature;
  if (counts.labelled < std::max<int64_t>(1, options.rows_min)) {
    return NotReady(absl::StrCat(counts.labelled, " labelled rows of at least ", options.rows_min), dataset);
  }
  dataset.split_time = SplitTime(counts, options, dataset.to);

  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return absl::UnavailableError(absl::StrCat(directory, ": ", error.message()));
  VIGIL_ASSIGN_OR_RETURN(Part train, Part::Create(directory + "/train.parquet", table));
  VIGIL_ASSIGN_OR_RETURN(Part holdout, Part::Create(directory + "/holdout.parquet", table));
  ColumnMap map(log, table);
  Status status;
  VIGIL_RETURN_IF_ERROR(log.Scan(query, [&](const LoggedPrediction& row) {
    if (row.status != PredictionStatus::kOk || !row.labelled) return true;
    if (row.time < dataset.split_time && row.time >= dataset.split_time - options.embargo_us) {
      ++dataset.embargoed_rows;
      return true;
    }
    const auto indices = map.For(row.schema);
    status = indices.ok() ? (row.time < dataset.split_time ? train : holdout).Add(row, **indices) : indices.status();
    return status.ok();
  }));
  VIGIL_RETURN_IF_ERROR(status);
  VIGIL_RETURN_IF_ERROR(map.CheckAllSeen());
  dataset.train_rows = train.rows;
  dataset.train_positives = train.positives;
  dataset.holdout_rows = holdout.rows;
  dataset.holdout_positives = holdout.positives;
  if (train.rows < options.rows_min) return NotReady(absl::StrCat(train.rows, " rows to train on of at least ", options.rows_min), dataset);
  if (train.positives < options.positives_min) {
    return NotReady(absl::StrCat(train.positives, " positives to train on of at least ", options.positives_min), dataset);
  }
  VIGIL_RETURN_IF_ERROR(train.Finish());
  VIGIL_RETURN_IF_ERROR(holdout.Finish());
  dataset.train_path = train.path;
  dataset.holdout_path = holdout.path;
  std::string identity = absl::StrCat(train.rows, "|", train.hash, "|", holdout.rows, "|", holdout.hash);
  for (const std::string& column : table.names) absl::StrAppend(&identity, "|", column);
  dataset.digest = Sha256Hex(identity);
  return dataset;
}

}  // namespace vigil
