// Logged traffic against a candidate: the same rows, scored again here, compared with what was answered then.
#include <algorithm>
#include <cmath>
#include <iostream>
#include <map>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/log_source.h"
#include "cli/offline_model.h"
#include "cli/table_scorer.h"
#include "domain/table_fit.h"
#include "prediction/pipeline.h"
#include "stats/metrics.h"

namespace vigil::cli {
namespace {

constexpr size_t kRowsAtOnce = 4096;
constexpr size_t kWorstShown = 10;

struct Flags {
  LogSource source;
  std::string candidate;
  double tolerance = 1e-5;
  bool json = false;
};

struct Difference {
  double absolute = 0;
  std::string prediction_id, id;
  float then = 0, now = 0;
};

class Replayer {
 public:
  Replayer(const PredictionLog& log, const LoadedModel& candidate, double tolerance)
      : log_(log), tolerance_(tolerance), candidate_(candidate.table()), scorer_(candidate) {}

  Status Run(LogQuery query) {
    query.with_labels = true;
    Status status;
    VIGIL_RETURN_IF_ERROR(log_.Scan(query, [&](const LoggedPrediction& row) {
      status = Add(row);
      return status.ok();
    }));
    VIGIL_RETURN_IF_ERROR(status);
    VIGIL_RETURN_IF_ERROR(Flush());
    return rows_ == 0 ? misfit_ : absl::OkStatus();
  }

  Json Summary() const {
    Json out{{"rows", rows_},
             {"skipped", skipped_},
             {"different", different_},
             {"tolerance", tolerance_},
             {"difference", {{"mean", rows_ == 0 ? 0.0 : sum_ / static_cast<double>(rows_)}, {"max", max_}}}};
    if (labels_.size() >= 2) {
      const auto then = stats::ComputeBinaryMetrics(labels_, then_, 0.5), now = stats::ComputeBinaryMetrics(labels_, now_, 0.5);
      if (then.ok() && now.ok() && std::isfinite(then->average_precision)) {
        out["labelled"] = labels_.size();
        out["average_precision"] = {{"then", then->average_precision}, {"candidate", now->average_precision}};
      }
    }
    Json worst = Json::array();
    for (const Difference& d : worst_)
      worst.push_back({{"prediction_id", d.prediction_id}, {"id", d.id}, {"then", d.then}, {"candidate", d.now}});
    out["worst"] = worst;
    return out;
  }

 private:
  // The rows of one logged version, and how the candidate reads them.
  struct Logged {
    TableShape shape;
    bool fits = false;
    ColumnFit fit;
    absl::Span<const uint32_t> from() const { return fit.in_place ? absl::Span<const uint32_t>() : absl::MakeConstSpan(fit.from); }
  };

  StatusOr<const Logged*> Find(uint32_t schema) {
    if (const auto known = logged_.find(schema); known != logged_.end()) return &known->second;
    VIGIL_ASSIGN_OR_RETURN(const LogSchema found, log_.FindSchema(schema));
    Logged logged;
    if (found.types.empty()) {
      logged.shape = FloatTable(found.columns);
    } else {
      Signature signature;
      for (size_t i = 0; i < found.columns.size(); ++i) signature.inputs.push_back({found.columns[i], found.types[i], {-1}, {}});
      signature.columns = found.columns;
      signature.columns_are_named = true;
      logged.shape = TableShapeOf(signature);
    }
    StatusOr<ColumnFit> fit = FitColumns(logged.shape, candidate_);
    logged.fits = fit.ok();
    if (fit.ok()) {
      logged.fit = *std::move(fit);
    } else if (misfit_.ok()) {
      misfit_ = Status(fit.status().code(), absl::StrCat("version ", found.version, " was logged otherwise: ", fit.status().message()));
    }
    return &logged_.emplace(schema, std::move(logged)).first->second;
  }

  Status Add(const LoggedPrediction& row) {
    VIGIL_ASSIGN_OR_RETURN(const Logged* logged, Find(row.schema));
    const TableShape& shape = logged->shape;
    const bool whole = row.features.size() == shape.columns.size() && row.exact.size() == shape.exact && row.texts.size() == shape.texts;
    if (!logged->fits || !whole || row.outputs.size() != 1 ||
        FindMisfit({&shape, 1, row.features.data(), row.exact.data(), nullptr}, 0, logged->fit, candidate_) >= 0) {
      ++skipped_;  // refused rows, versions without the candidate's columns, values that its types do not hold
      return absl::OkStatus();
    }
    if (!pending_.empty() && pending_[0].schema != row.schema) VIGIL_RETURN_IF_ERROR(Flush());
    pending_.push_back(row);
    return pending_.size() < kRowsAtOnce ? absl::OkStatus() : Flush();
  }

  Status Flush() {
    if (pending_.empty()) return absl::OkStatus();
    VIGIL_ASSIGN_OR_RETURN(const Logged* logged, Find(pending_[0].schema));
    rows_at_once_.Reset(logged->shape);
    for (const LoggedPrediction& row : pending_) {
      ++rows_at_once_.rows;
      rows_at_once_.values.insert(rows_at_once_.values.end(), row.features.begin(), row.features.end());
      rows_at_once_.exact.insert(rows_at_once_.exact.end(), row.exact.begin(), row.exact.end());
      rows_at_once_.texts.insert(rows_at_once_.texts.end(), row.texts.begin(), row.texts.end());
    }
    VIGIL_ASSIGN_OR_RETURN(const float* scores, scorer_.Score(rows_at_once_.table(logged->shape), logged->from()));
    for (size_t i = 0; i < pending_.size(); ++i) Compare(pending_[i], scores[i]);
    pending_.clear();
    return absl::OkStatus();
  }

  void Compare(const LoggedPrediction& row, float now) {
    const double difference = std::abs(static_cast<double>(now) - row.outputs[0]);
    ++rows_;
    sum_ += difference;
    max_ = std::max(max_, difference);
    different_ += difference > tolerance_;
    if (row.labelled) {
      labels_.push_back(row.label > 0.5 ? 1 : 0);
      then_.push_back(row.outputs[0]);
      now_.push_back(now);
    }
    if (difference <= tolerance_ || (worst_.size() == kWorstShown && difference <= worst_.back().absolute)) return;
    const Difference entry{difference, row.prediction_id.Text(), row.id, row.outputs[0], now};
    worst_.insert(std::upper_bound(worst_.begin(), worst_.end(), entry,
                                   [](const Difference& a, const Difference& b) { return a.absolute > b.absolute; }),
                  entry);
    if (worst_.size() > kWorstShown) worst_.pop_back();
  }

  const PredictionLog& log_;
  const double tolerance_;
  const TableShape& candidate_;
  TableScorer scorer_;
  std::map<uint32_t, Logged> logged_;
  Status misfit_;  // why the first version that the candidate cannot read is not replayed
  RowBatch rows_at_once_;
  std::vector<LoggedPrediction> pending_;
  int64_t rows_ = 0, skipped_ = 0, different_ = 0;
  double sum_ = 0, max_ = 0;
  std::vector<double> labels_, then_, now_;
  std::vector<Difference> worst_;
};

int Replay(const Flags& flags) {
  const auto candidate = OfflineModel::Load(flags.candidate);
  if (!candidate.ok()) return FailForData(candidate.status());
  if ((*candidate)->table().score.width != 1)
    return Fail(absl::InvalidArgumentError("replay compares models with one output a row"), kBadData);
  const auto log = OpenLog(flags.source);
  if (!log.ok()) return FailForData(log.status());
  const StatusOr<LogQuery> query = QueryOf(flags.source);
  if (!query.ok()) return Fail(query.status(), kUsage);
  Replayer replayer(**log, **candidate, flags.tolerance);
  if (const Status done = replayer.Run(*query); !done.ok()) return FailForData(done);
  const Json summary = replayer.Summary();
  if (flags.json) {
    PrintJson(summary);
    return kDone;
  }
  std::cout << absl::StrFormat("%d rows, %d differ by more than %g (mean %.3g, max %.3g)\n", summary["rows"].get<int64_t>(),
                               summary["different"].get<int64_t>(), flags.tolerance, summary["difference"]["mean"].get<double>(),
                               summary["difference"]["max"].get<double>());
  if (summary.contains("average_precision")) {
    std::cout << absl::StrFormat("average precision on %d labelled rows: %.4f then, %.4f candidate\n", summary["labelled"].get<int64_t>(),
                                 summary["average_precision"]["then"].get<double>(),
                                 summary["average_precision"]["candidate"].get<double>());
  }
  for (const Json& w : summary["worst"])
    std::cout << "  " << w["prediction_id"].get<std::string>() << "  " << w["id"].get<std::string>() << "  " << w["then"] << " → "
              << w["candidate"] << "\n";
  return kDone;
}

}  // namespace

void AddReplay(CLI::App& app, std::function<int()>* run) {
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = NewVerb(app, "replay", "Score logged traffic with a candidate and report the differences.",
                           "vigil replay ./vigil-state --against candidate.json --model fraud");
  AddLogOptions(verb, &flags->source, true);
  verb->add_option("--against", flags->candidate, "model: file, directory or address")->required();
  verb->add_option("--tolerance", flags->tolerance, "differences up to this do not count");
  verb->add_flag("--json", flags->json, "for machines");
  verb->callback([run, flags] { *run = [flags] { return Replay(*flags); }; });
}

}  // namespace vigil::cli
