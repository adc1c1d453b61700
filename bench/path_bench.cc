// The whole path (parse, validate, score 500 trees of depth 6, sketch, log, count, answer) against our own echo of the same bytes, in one
// run: one serving thread on CPU 0, the client on CPU 1, rounds interleaved.
//
//   path_bench MODEL [rounds] [milliseconds a round] [connections]
#include <sched.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "app/config.h"
#include "app/server.h"
#include "app/wiring.h"
#include "net/load_client.h"
#include "net/server.h"
#include "runtime/engine_bench.h"
#include "telemetry/log.h"

namespace vigil {
namespace {

constexpr std::string_view kAnswer = "{\"model\":\"fraud\",\"version\":\"3\",\"predictions\":[0.031250000000]}";
constexpr size_t kBodies = 1024;

class EchoHandler final : public net::HttpHandler {
 public:
  void OnRequest(const net::HttpRequest&, net::Exchange& exchange) override { exchange.Send(200, "application/json", kAnswer); }
  std::string ErrorBody(int, std::string_view reason, std::string_view) override { return std::string(reason); }
  std::string ErrorRequestId(std::string_view) override { return {}; }
};

void PinTo(int cpu) {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(cpu, &cpus);
  if (sched_setaffinity(0, sizeof cpus, &cpus) != 0) std::fprintf(stderr, "cannot pin to CPU %d: figures are noisier\n", cpu);
}

StatusOr<double> Rate(int port, const std::string& target, const std::vector<std::string>& bodies, int64_t ms, int connections) {
  net::LoadOptions load;
  load.port = port;
  load.target = target;
  load.bodies = bodies;
  load.duration_ms = ms;
  load.connections = connections;
  VIGIL_ASSIGN_OR_RETURN(const net::LoadResult result, net::RunLoad(load));
  if (result.errors > 0) return absl::InternalError(result.first_error);
  return result.requests_per_s;
}

Status Run(const std::string& path, int rounds, int64_t ms, int connections) {
  const auto loaders = MakeLoaders();
  VIGIL_ASSIGN_OR_RETURN(const std::unique_ptr<LoadedModel> model, LoadModel(loaders, path, LoadOptions{}));
  const std::vector<std::string> bodies = BenchBodies(*model, kBodies, 1);
  std::string state = (std::filesystem::temp_directory_path() / "vigil-path-bench-XXXXXX").string();
  if (mkdtemp(state.data()) == nullptr) return absl::UnavailableError("no temporary directory can be made");

  PinTo(0);  // threads inherit it
  VIGIL_ASSIGN_OR_RETURN(ServerConfig config,
                         LoadConfig("", {}, {{"/server/http_port", "0"}, {"/server/threads", "1"}, {"/server/state_dir", state}}));
  config.models = {ModelFromArgument("bench=" + path)};
  VIGIL_ASSIGN_OR_RETURN(const std::unique_ptr<Server> server, Server::Start(config));
  net::ServerOptions echo_options;
  echo_options.port = 0;
  echo_options.threads = 1;
  VIGIL_ASSIGN_OR_RETURN(const auto echo,
                         net::HttpServer::Start(echo_options, [](net::EventLoop&) { return std::make_unique<EchoHandler>(); }));
  PinTo(1);

  std::vector<double> ratios, echo_rates, path_rates;
  for (int round = 0; round <= rounds; ++round) {
    VIGIL_ASSIGN_OR_RETURN(const double echoed, Rate(echo->port(), "/", bodies, ms, connections));
    VIGIL_ASSIGN_OR_RETURN(const double answered, Rate(server->http_port(), "/api/v1/models/bench/predict", bodies, ms, connections));
    if (round == 0) continue;  // warms both
    echo_rates.push_back(echoed);
    path_rates.push_back(answered);
    ratios.push_back(answered / echoed);
  }
  const auto median = [](std::vector<double> v) {
    std::nth_element(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2), v.end());
    return v[v.size() / 2];
  };
  std::printf("%d connections, %d rounds of %lld ms, bodies of %zu bytes\n", connections, rounds, static_cast<long long>(ms),
              bodies[0].size());
  std::printf("echo %.0f req/s, whole path %.0f req/s, ratio %.3f (medians; ratio of each round)\n", median(echo_rates), median(path_rates),
              median(ratios));
  echo->Drain();
  server->Stop();
  std::error_code ignored;
  std::filesystem::remove_all(state, ignored);
  return absl::OkStatus();
}

}  // namespace
}  // namespace vigil

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: path_bench MODEL [rounds] [milliseconds a round] [connections]\n");
    return 2;
  }
  const auto number = [&](int at, int fallback) { return argc > at ? std::atoi(argv[at]) : fallback; };
  vigil::LogOptions quiet;
  quiet.level = vigil::LogLevel::kError;
  (void)vigil::StartLog(quiet);
  const vigil::Status status = vigil::Run(argv[1], number(2, 9), number(3, 500), number(4, 64));
  if (!status.ok()) std::fprintf(stderr, "error: %s\n", std::string(status.message()).c_str());
  return status.ok() ? 0 : 1;
}
