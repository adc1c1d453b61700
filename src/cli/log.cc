#include <cmath>
#include <deque>
#include <filesystem>
#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/log_source.h"
#include "domain/table_shape.h"
#include "storage/export.h"
#include "storage/tables.h"

namespace vigil::cli {
namespace {

struct Flags {
  LogSource source;
  int64_t lines = 20;
  std::string sql;
  bool json = false;
};

// A record with its columns by name.
Json RecordJson(const LoggedPrediction& row, const LogSchema& schema) {
  Json features = Json::object(), cleaned = Json::object();
  size_t exact = 0, text = 0;
  for (size_t c = 0; c < row.features.size() && c < schema.columns.size(); ++c) {
    const ColumnStore store = schema.types.empty() ? ColumnStore::kFloat : StoreOf(schema.types[c]);
    Json value(row.features[c]);
    if (store == ColumnStore::kExact && exact < row.exact.size()) value = row.exact[exact++];
    if (store == ColumnStore::kText && text < row.texts.size()) value = row.texts[text++];
    features[schema.columns[c]] = std::isnan(row.features[c]) ? Json() : value;
  }
  Json out{{"prediction_id", row.prediction_id.Text()},
           {"id", row.id},
           {"entity", row.entity},
           {"time", FormatTime(row.time)},
           {"model", schema.model},
           {"version", schema.version},
           {"arm", row.arm},
           {"latency_us", row.latency_us},
           {"status", std::string(PredictionStatusName(row.status))},
           {"features", features},
           {"outputs", row.outputs}};
  size_t number = 0;
  text = 0;
  for (size_t i = 0; i < schema.answers.size(); ++i) {
    if (schema.answer_types[i] == DType::kString) {
      if (text < row.answer_texts.size()) out["answer"][schema.answers[i]] = row.answer_texts[text++];
    } else if (number < row.answer_numbers.size()) {
      out["answer"][schema.answers[i]] = row.answer_numbers[number++];
    }
  }
  if (row.labelled) {
    out["label"] = row.label;
    out["label_time"] = FormatTime(row.label_time);
  }
  return out;
}

int Tail(const Flags& flags) {
  const auto log = OpenLog(flags.source);
  if (!log.ok()) return FailForData(log.status());
  StatusOr<LogQuery> query = QueryOf(flags.source);
  if (!query.ok()) return Fail(query.status(), kUsage);
  query->with_labels = true;
  std::deque<LoggedPrediction> last;
  const Status scanned = (*log)->Scan(*query, [&](const LoggedPrediction& row) {
    last.push_back(row);
    if (static_cast<int64_t>(last.size()) > flags.lines) last.pop_front();
    return true;
  });
  if (!scanned.ok()) return FailForData(scanned);
  for (const LoggedPrediction& row : last) {
    const auto schema = (*log)->FindSchema(row.schema);
    if (!schema.ok()) return FailForData(schema.status());
    PrintJson(RecordJson(row, *schema));
  }
  return kDone;
}

int Export(const Flags& flags) {
  const auto log = OpenLog(flags.source);
  if (!log.ok()) return FailForData(log.status());
  const StatusOr<LogQuery> query = QueryOf(flags.source);
  if (!query.ok()) return Fail(query.status(), kUsage);
  const std::string directory = flags.source.state_dir + "/parquet";
  const auto exported = ExportLog(**log, *query, directory);
  if (!exported.ok()) return FailForData(exported.status());
  if (flags.json) {
    PrintJson({{"rows", exported->rows}, {"files", exported->files}, {"directory", directory}});
  } else {
    std::cerr << exported->rows << " rows in " << exported->files << " files under " << directory << "\n";
  }
  return kDone;
}

// SQL over what is logged now: exported first, so that any engine would see the same.
int Query(const Flags& flags) {
  Flags quiet = flags;
  quiet.json = false;
  const auto log = OpenLog(flags.source);
  if (!log.ok()) return FailForData(log.status());
  const std::string directory = flags.source.state_dir + "/parquet";
  if (const auto exported = ExportLog(**log, LogQuery{}, directory); !exported.ok()) return FailForData(exported.status());
  std::vector<std::string> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory, error)) {
    if (entry.path().extension() == ".parquet") files.push_back(entry.path().string());
  }
  if (files.empty()) return Fail(absl::NotFoundError(absl::StrCat(flags.source.state_dir, ": nothing is logged")), kBadData);
  const Status done = QueryTables(flags.sql, {{"predictions", files}}, [](std::string_view line) {
    std::cout << line << "\n";
    return absl::OkStatus();
  });
  return done.ok() ? kDone : FailForData(done);
}

int Verify(const Flags& flags) {
  const auto log = OpenLog(flags.source);
  if (!log.ok()) return FailForData(log.status());
  if (const Status sound = (*log)->Verify(); !sound.ok()) return FailForData(sound);
  const LogCounters counters = (*log)->counters();
  if (flags.json) {
    PrintJson({{"sound", true}, {"segments", counters.segments}, {"bytes", counters.bytes}});
  } else {
    std::cout << "every checksum of " << counters.segments << " segments is right\n";
  }
  return kDone;
}

}  // namespace

void AddLog(CLI::App& app, std::function<int()>* run) {
  CLI::App* log =
      NewVerb(app, "log", "Read the prediction log; a server may be writing it.", "vigil log tail --state-dir ./vigil-state -n 5");
  log->require_subcommand(1);
  const auto add = [&](const std::string& name, const std::string& summary, const std::string& example, int (*action)(const Flags&)) {
    auto flags = std::make_shared<Flags>();
    CLI::App* verb = NewVerb(*log, name, summary, example);
    AddLogOptions(verb, &flags->source, false);
    verb->add_flag("--json", flags->json, "for machines");
    verb->callback([run, flags, action] { *run = [flags, action] { return action(*flags); }; });
    return std::make_pair(verb, flags);
  };
  const auto [tail, tail_flags] = add("tail", "The last records, a JSON line each.", "vigil log tail -n 5", Tail);
  tail->add_option("-n,--lines", tail_flags->lines, "how many")->check(CLI::Range(1, 1'000'000));
  tail->add_flag("--shadows", tail_flags->source.shadows, "shadow records too");
  add("export", "Parquet under STATE/parquet/model=M/date=YYYY-MM-DD.", "vigil log export --state-dir ./vigil-state", Export);
  const auto [query, query_flags] = add("query", "SQL over the view `predictions`; a JSON line a row.",
                                        "vigil log query \"select version, count(*) from predictions group by 1\"", Query);
  query->add_option("SQL", query_flags->sql, "one statement")->required();
  add("verify", "Check every checksum.", "vigil log verify", Verify);
}

}  // namespace vigil::cli
