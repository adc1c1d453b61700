#include <algorithm>
#include <cmath>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "base/text.h"
#include "demo/days.h"
#include "storage/tables.h"

namespace vigil::demo {
namespace {

constexpr float kTestAmountMax = 20;
constexpr float kFrequentPayments = 4;  // customer_nb_tx_1d of a customer whose card is worth testing
constexpr int kCompromisedTerminal = 2;
constexpr size_t kNight = 2, kPaymentsToday = 3, kTerminalRisk = 12;  // positions in Features

struct FileRow {
  DemoRow row;
  int32_t terminal = 0;
  int scenario = 0;
};

// Terminal risk with changed labels: the share of fraud among a terminal's transactions in (t - 7 d - N, t - 7 d].
class RiskBuilder {
 public:
  // `replace`: also writes the row's features.
  void Add(FileRow* row, bool replace) {
    const auto terminal = static_cast<size_t>(row->terminal);
    if (terminal >= terminals_.size()) terminals_.resize(terminal + 1);
    std::vector<Past>& past = terminals_[terminal];
    const int64_t days[3] = {1, 7, 30};
    for (size_t w = 0; w < 3; ++w) {
      int64_t n = 0, frauds = 0;
      for (auto it = past.rbegin(); it != past.rend(); ++it) {
        const TimeUs known = row->row.time - it->time - 7 * kDayUs;
        if (known >= days[w] * kDayUs) break;
        if (known < 0) continue;
        ++n;
        frauds += it->fraud;
      }
      if (replace) row->row.features[kTerminalRisk + w] = n == 0 ? 0.0f : static_cast<float>(frauds) / static_cast<float>(n);
    }
    past.push_back({row->row.time, row->row.fraud});
  }

 private:
  struct Past {
    TimeUs time;
    bool fraud;
  };
  std::vector<std::vector<Past>> terminals_;
};

class FromFiles final : public DaySource {
 public:
  FromFiles(std::unique_ptr<TableReader> reader, std::vector<size_t> columns, int change_day, uint64_t seed)
      : reader_(std::move(reader)), columns_(std::move(columns)), change_day_(change_day), random_(seed) {}

  StatusOr<std::vector<DemoRow>> NextDay() override {
    std::vector<FileRow> day;
    while (!at_end_) {
      if (next_ == chunk_.rows) {
        VIGIL_ASSIGN_OR_RETURN(const bool more, reader_->Next(&chunk_));
        next_ = 0;
        at_end_ = !more;
        continue;
      }
      FileRow row = ReadRow(next_);
      if (!day.empty() && row.row.time / kDayUs != day.front().row.time / kDayUs) break;
      day.push_back(row);
      ++next_;
    }
    const bool changed = change_day_ >= 0 && day_ >= change_day_;
    if (changed) ChangePattern(&day);
    ++day_;
    std::vector<DemoRow> rows;
    for (FileRow& row : day) {
      if (change_day_ >= 0) risk_.Add(&row, changed);  // labels differ from the files' from the change on
      rows.push_back(row.row);
    }
    return rows;
  }

 private:
  FileRow ReadRow(size_t r) const {
    const auto number = [&](size_t c) { return chunk_.Number(columns_[c], r, reader_->columns()); };
    FileRow row;
    row.row.id = static_cast<int64_t>(number(0));
    row.row.time = static_cast<TimeUs>(number(1));
    row.row.customer = static_cast<int32_t>(number(2));
    row.terminal = static_cast<int32_t>(number(3));
    for (size_t f = 0; f < kFeatureCount; ++f) row.row.features[f] = static_cast<float>(number(4 + f));
    row.row.fraud = number(4 + kFeatureCount) > 0.5;
    row.scenario = static_cast<int>(number(5 + kFeatureCount));
    return row;
  }

  void ChangePattern(std::vector<FileRow>* day) {
    size_t moved = 0;
    std::vector<FileRow*> candidates;
    for (FileRow& row : *day) {
      if (row.row.fraud && row.scenario == kCompromisedTerminal) {
        row.row.fraud = false;
        ++moved;
      } else if (!row.row.fraud && row.row.features[kNight] > 0.5f && row.row.features[0] < kTestAmountMax &&
                 row.row.features[kPaymentsToday] >= kFrequentPayments) {
        candidates.push_back(&row);
      }
    }
    for (; moved > 0 && !candidates.empty(); --moved) {
      const size_t chosen = random_.Below(candidates.size());
      candidates[chosen]->row.fraud = true;
      candidates[chosen] = candidates.back();
      candidates.pop_back();
    }
  }

  const std::unique_ptr<TableReader> reader_;
  const std::vector<size_t> columns_;
  const int change_day_;
  Random random_;
  RiskBuilder risk_;
  TableChunk chunk_;
  size_t next_ = 0;
  bool at_end_ = false;
  int day_ = 0;
};

}  // namespace

StatusOr<std::unique_ptr<DaySource>> ParquetDays(const std::string& directory, int change_day, uint64_t seed) {
  std::vector<std::string> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    if (entry.path().extension() == ".parquet") files.push_back(entry.path().string());
  }
  if (files.empty()) return absl::NotFoundError(absl::StrCat(directory, ": no .parquet files"));
  std::sort(files.begin(), files.end());
  VIGIL_ASSIGN_OR_RETURN(std::unique_ptr<TableReader> reader, OpenTable(files));
  std::vector<std::string> known, wanted{"tx_id", "tx_time", "customer_id", "terminal_id"};
  wanted.insert(wanted.end(), FeatureNames().begin(), FeatureNames().end());
  wanted.insert(wanted.end(), {"is_fraud", "fraud_scenario"});
  for (const TableColumn& column : reader->columns()) known.push_back(column.name);
  std::vector<size_t> columns;
  for (const std::string& name : wanted) {
    const auto at = std::find(known.begin(), known.end(), name);
    if (at == known.end()) return absl::InvalidArgumentError(absl::StrCat(files[0], ": no column \"", name, "\"", DidYouMean(name, known)));
    columns.push_back(static_cast<size_t>(at - known.begin()));
  }
  return std::make_unique<FromFiles>(std::move(reader), std::move(columns), change_day, seed);
}

}  // namespace vigil::demo
