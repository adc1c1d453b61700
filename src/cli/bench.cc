#include <algorithm>
#include <array>
#include <cmath>
#include <iostream>
#include <memory>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "app/server.h"
#include "cli/cli.h"
#include "cli/offline_model.h"
#include "domain/profile_json.h"
#include "monitoring/monitor.h"
#include "net/load_client.h"
#include "runtime/engine_bench.h"
#include "storage/abandoned.h"
#include "storage/whole_file.h"
#include "telemetry/log.h"

#include <cstdlib>
#include <ctime>
#include <filesystem>

namespace vigil::cli {
namespace {

constexpr size_t kBodies = 256;
constexpr size_t kReferenceRows = 20'000;
constexpr int kServeRounds = 9;  // of each load, echo and predictions in turn, so that both meet the same neighbours

struct Flags {
  std::string model;
  uint64_t seed = 1;
  int64_t duration_ms = 2000;
  bool json = false;
};

int BenchEngine(const Flags& flags) {
  const auto model = OfflineModel::Load(flags.model);
  if (!model.ok()) return FailForData(model.status());
  const StatusOr<EngineBench> bench = BenchEngines(**model, flags.seed);
  if (!bench.ok()) return FailForData(bench.status());
  if (flags.json) {
    Json timings = Json::object();
    for (const EngineTiming& timing : bench->timings) {
      for (const auto& [batch, ns] : timing.ns_per_row) timings[timing.engine][absl::StrCat(batch)] = ns;
    }
    PrintJson({{"engine", bench->engine}, {"ns_per_row", timings}});
    return kDone;
  }
  std::cout << "chosen engine: " << bench->engine << "; ns a row, thread CPU time, minimum of " << kBenchRepeats << "\n";
  for (const EngineTiming& timing : bench->timings) {
    std::cout << absl::StrFormat("  %-18s", timing.engine);
    for (const auto& [batch, ns] : timing.ns_per_row) std::cout << absl::StrFormat("  batch %d: %.0f", batch, ns);
    std::cout << "\n";
  }
  return kDone;
}

double ProcessCpuSeconds() {
  timespec ts;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
  return static_cast<double>(ts.tv_sec) + static_cast<double>(ts.tv_nsec) / 1e9;
}

double ThreadCpuSeconds() { return static_cast<double>(ThreadCpuNs()) / 1e9; }

// What one load measured, in the order of kMeasures.
constexpr const char* kMeasures[] = {"requests_per_second", "p50_us", "p99_us", "server_cpu_us_per_request"};
using Measured = std::array<double, std::size(kMeasures)>;

// The load runs on this thread, the server on its own; the server's CPU is the process's less this thread's.
StatusOr<Measured> MeasurePath(const net::LoadOptions& load) {
  const double process = ProcessCpuSeconds(), own = ThreadCpuSeconds();
  VIGIL_ASSIGN_OR_RETURN(const net::LoadResult result, net::RunLoad(load));
  const double server = (ProcessCpuSeconds() - process) - (ThreadCpuSeconds() - own);
  if (result.errors > 0) return absl::InternalError(absl::StrCat(result.errors, " requests failed: ", result.first_error));
  return Measured{result.requests_per_s, static_cast<double>(result.p50_us), static_cast<double>(result.p99_us),
                  1e6 * server / static_cast<double>(std::max<int64_t>(1, result.answered))};
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

Json Medians(const std::vector<Measured>& rounds) {
  Json out = Json::object();
  for (size_t m = 0; m < std::size(kMeasures); ++m) {
    std::vector<double> values;
    for (const Measured& round : rounds) values.push_back(round[m]);
    out[kMeasures[m]] = Median(values);
  }
  return out;
}

// The rows that are sent are their own reference, so that the sketch has all of its work to do.
Status WriteReference(const LoadedModel& model, uint64_t seed, const std::string& path) {
  const std::vector<std::string>& columns = model.table().names;
  const std::vector<float> rows = BenchRows(model, kReferenceRows, seed);
  ProfileBuilder builder(columns, {});
  for (size_t r = 0; r < kReferenceRows; ++r) {
    builder.Add({rows.data() + r * columns.size(), columns.size()}, std::nan(""), std::nan(""));
  }
  return WriteFileAtomically(path, ProfileToJson(builder.Finish("vigil bench")));
}

StatusOr<Json> RunServeBench(const Flags& flags, const std::string& state_dir) {
  VIGIL_ASSIGN_OR_RETURN(const OfflineModel model, OfflineModel::Load(flags.model));
  VIGIL_ASSIGN_OR_RETURN(
      ServerConfig config,
      LoadConfig("", {},
                 {{"/server/http_port", "0"}, {"/server/grpc_port", "0"}, {"/server/threads", "1"}, {"/server/state_dir", state_dir}}));
  config.models = {ModelFromArgument("bench=" + model.path())};
  config.models[0].reference = state_dir + "/bench-reference.json";
  VIGIL_RETURN_IF_ERROR(WriteReference(*model, flags.seed, config.models[0].reference));
  VIGIL_ASSIGN_OR_RETURN(const std::unique_ptr<Server> server, Server::Start(config));
  net::LoadOptions echo, predict;
  echo.port = predict.port = server->http_port();
  echo.duration_ms = predict.duration_ms = std::max<int64_t>(1, flags.duration_ms / kServeRounds);
  echo.target = "/v2/health/live";  // the transport alone: no body, a fixed answer
  predict.target = "/api/v1/models/bench/predict";
  predict.bodies = BenchBodies(*model, kBodies, flags.seed);
  Json out = Json::object();
  for (const int connections : {1, 8, 64}) {
    echo.connections = predict.connections = connections;
    std::vector<Measured> echoed, predicted;
    std::vector<double> ratios;
    for (int round = 0; round <= kServeRounds; ++round) {
      VIGIL_ASSIGN_OR_RETURN(const Measured e, MeasurePath(echo));
      VIGIL_ASSIGN_OR_RETURN(const Measured p, MeasurePath(predict));
      if (round == 0) continue;  // warms both
      echoed.push_back(e);
      predicted.push_back(p);
      ratios.push_back(p[0] / e[0]);
    }
    out[absl::StrCat(connections)] = Json{{"echo", Medians(echoed)}, {"predict", Medians(predicted)}, {"ratio", Median(ratios)}};
  }
  server->Stop();
  return Json{{"model", flags.model}, {"connections", out}};
}

int BenchServe(const Flags& flags) {
  LogOptions log;
  log.level = LogLevel::kError;
  if (const Status quiet = StartLog(log); !quiet.ok()) return Fail(quiet, kFailed);
  RemoveAbandonedTemporaries();
  const StatusOr<std::string> state_dir = MakeTemporaryFolder("bench");
  if (!state_dir.ok()) return Fail(state_dir.status(), kFailed);
  const StatusOr<Json> result = RunServeBench(flags, *state_dir);
  std::error_code ignored;
  std::filesystem::remove_all(*state_dir, ignored);
  if (!result.ok()) return FailForData(result.status());
  if (flags.json) {
    PrintJson(*result);
    return kDone;
  }
  std::cout << "one serving thread, medians of " << kServeRounds
            << " rounds; echo is GET /v2/health/live, predict the whole path with sketch and log\n";
  for (const auto& [connections, paths] : (*result)["connections"].items()) {
    for (const char* path : {"echo", "predict"}) {
      const Json& m = paths[path];
      std::cout << absl::StrFormat("  %3s connections  %-8s %9.0f req/s  p50 %6.0f us  p99 %6.0f us  server CPU %5.1f us\n", connections,
                                   path, m["requests_per_second"].get<double>(), m["p50_us"].get<double>(), m["p99_us"].get<double>(),
                                   m["server_cpu_us_per_request"].get<double>());
    }
    std::cout << absl::StrFormat("                   predict is %.2f of echo\n", paths["ratio"].get<double>());
  }
  return kDone;
}

}  // namespace

void AddBench(CLI::App& app, std::function<int()>* run) {
  CLI::App* bench = NewVerb(app, "bench", "Measure this machine: scoring engines, or the whole server.", "vigil bench engine model.json");
  bench->require_subcommand(1);
  const auto add = [&](const std::string& name, const std::string& summary, int (*action)(const Flags&)) {
    auto flags = std::make_shared<Flags>();
    CLI::App* verb = NewVerb(*bench, name, summary, absl::StrCat("vigil bench ", name, " model.json --json"));
    verb->add_option("MODEL", flags->model, "model: file, directory or address")->required();
    verb->add_option("--seed", flags->seed, "of the rows");
    verb->add_option("--duration-ms", flags->duration_ms, "of each load, all rounds together")->check(CLI::Range(100, 60'000));
    verb->add_flag("--json", flags->json, "for machines");
    verb->callback([run, flags, action] { *run = [flags, action] { return action(*flags); }; });
  };
  add("engine", "Nanoseconds a row of every engine, by batch size.", BenchEngine);
  add("serve", "Requests a second, p50, p99 and server CPU a request, by connections.", BenchServe);
}

}  // namespace vigil::cli
