// Hot swaps under load: a `vigil serve` of its own exchanges a 500-tree model a thousand times, asked over HTTP, while that model and
// another answer at half of what the machine can do. Judged: failed and mixed answers (none), the other model's p99 with swaps over without
// (the median of interleaved pairs, 1.1; null pairs printed beside it), and the server's resident memory at the last ten swaps over the
// first ten (medians, 1.05). Exits 1 for answers or memory; a p99 is a miss of a quiet machine only.
//
//   swap_bench [--swaps N] [--rounds N]
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "base/json.h"
#include "base/random.h"
#include "base/status.h"
#include "base/testing/paths.h"
#include "storage/whole_file.h"

namespace vigil {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kTrees = 500, kDepth = 6, kFeatures = 15, kRows = 8, kVersions = 3;

[[noreturn]] void Die(const std::string& why) {
  std::fprintf(stderr, "swap_bench: %s\n", why.c_str());
  std::exit(1);
}

void Must(const Status& status) {
  if (!status.ok()) Die(std::string(status.message()));
}

// Version v predicts about 1000 v: an answer shows which version each of its rows was scored by.
std::string ModelText(int version) {
  Random random(static_cast<uint64_t>(version));
  Json trees = Json::array(), classes = Json::array(), rounds = Json::array({0});
  const int splits = (1 << kDepth) - 1, nodes = 2 * splits + 1;
  for (int t = 0; t < kTrees; ++t) {
    std::vector<int> left(nodes, -1), right(nodes, -1), feature(nodes, 0), zero(nodes, 0);
    std::vector<double> value(nodes);
    for (int i = 0; i < nodes; ++i) {
      value[i] = i < splits ? static_cast<float>(random.Uniform()) : static_cast<float>(random.Uniform(-0.01, 0.01));
      if (i >= splits) continue;
      left[i] = 2 * i + 1;
      right[i] = 2 * i + 2;
      feature[i] = static_cast<int>(random.Below(kFeatures));
    }
    trees.push_back(
        {{"left_children", left},
         {"right_children", right},
         {"split_indices", feature},
         {"split_conditions", value},
         {"default_left", zero},
         {"split_type", zero},
         {"tree_param", {{"num_nodes", std::to_string(nodes)}, {"num_feature", std::to_string(kFeatures)}, {"size_leaf_vector", "1"}}}});
    classes.push_back(0);
    rounds.push_back(t + 1);
  }
  Json learner;
  learner["attributes"] = Json::object();
  learner["feature_names"] = Json::array();
  learner["feature_types"] = Json::array();
  learner["gradient_booster"] = {{"name", "gbtree"},
                                 {"model",
                                  {{"gbtree_model_param", {{"num_trees", std::to_string(kTrees)}, {"num_parallel_tree", "1"}}},
                                   {"iteration_indptr", rounds},
                                   {"tree_info", classes},
                                   {"trees", trees}}}};
  learner["learner_model_param"] = {
      {"base_score", std::to_string(1000 * version)}, {"num_class", "0"}, {"num_feature", std::to_string(kFeatures)}, {"num_target", "1"}};
  learner["objective"] = {{"name", "reg:squarederror"}};
  return DumpJson({{"learner", learner}, {"version", {3, 2, 0}}});
}

std::string Message(const std::string& line, const std::string& body) {
  return line + " HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

std::string Request(const std::string& model) {
  Random random(7);
  Json rows = Json::array();
  for (int r = 0; r < kRows; ++r) {
    Json& row = rows.emplace_back(Json::array());
    for (int f = 0; f < kFeatures; ++f) row.push_back(static_cast<float>(random.Uniform()));
  }
  Json columns = Json::array();
  for (int f = 0; f < kFeatures; ++f) columns.push_back("f" + std::to_string(f));
  return Message("POST /api/v1/models/" + model + "/predict", DumpJson({{"columns", columns}, {"data", rows}}));
}

// One blocking connection.
class Client {
 public:
  explicit Client(int port) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) Die("cannot connect");
    const int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  }
  ~Client() { close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  bool Send(const std::string& request) {
    return send(fd_, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size());
  }
  // The status line, headers and body of the answer; empty when the connection broke.
  const std::string& Receive() {
    answer_.clear();
    size_t whole = std::string::npos;
    while (answer_.size() < whole) {
      std::array<char, 16384> buffer;
      const ssize_t got = recv(fd_, buffer.data(), buffer.size(), 0);
      if (got <= 0) return answer_ = std::string();
      answer_.append(buffer.data(), static_cast<size_t>(got));
      const size_t end = answer_.find("\r\n\r\n");
      if (end == std::string::npos || whole != std::string::npos) continue;
      size_t at = answer_.find("ontent-");
      while (at < end && !answer_.substr(at, 14).ends_with("ength:")) at = answer_.find("ontent-", at + 1);
      const size_t digits = at == std::string::npos ? at : answer_.find_first_of("0123456789", at);
      if (digits == std::string::npos || digits > end) return answer_ = std::string();
      whole = end + 4 + std::stoul(answer_.substr(digits));
    }
    return answer_;
  }
  const std::string& Ask(const std::string& request) { return Send(request) ? Receive() : answer_ = std::string(); }

 private:
  const int fd_;
  std::string answer_;
};

// Whether every row was scored by the version that the answer names.
bool IsWhole(const std::string& answer, bool* failed) {
  *failed = !answer.starts_with("HTTP/1.1 200");
  if (*failed) return true;
  const auto body = ParseJson(answer.substr(answer.find("\r\n\r\n") + 4), "answer");
  if (!body.ok()) return false;
  const double about = 1000 * std::stod(body->at("version").get<std::string>());
  const Json& predictions = body->at("predictions");
  return predictions.size() == kRows && std::all_of(predictions.begin(), predictions.end(),
                                                    [&](const Json& value) { return std::abs(value.get<double>() - about) < 400; });
}

struct Tally {
  std::atomic<int64_t> answers{0}, failed{0}, mixed{0};
};

// Asks both models at fixed times until told to stop, on one thread: two would wait for one another on one core, for milliseconds. Returns
// the latencies of `other`, in microseconds from the time when a request was due.
std::vector<double> Drive(int port, double interval_us, const std::atomic<bool>& stop, Tally* tally) {
  Client swapped(port), other(port);
  const std::string to_swapped = Request("fraud"), to_other = Request("other");
  std::vector<double> latencies_us;
  const auto count = [&](const std::string& answer) {
    bool failed = false;
    const bool whole = IsWhole(answer, &failed);
    ++tally->answers;
    tally->failed += failed ? 1 : 0;
    tally->mixed += whole ? 0 : 1;
    return !answer.empty();
  };
  auto due = Clock::now();
  while (!stop) {
    due += std::chrono::nanoseconds(static_cast<int64_t>(interval_us * 1000));
    if (interval_us > 0) {
      std::this_thread::sleep_until(due);
    } else {
      due = Clock::now();
    }
    if (!swapped.Send(to_swapped) || !other.Send(to_other)) break;
    const std::string& answer = other.Receive();
    latencies_us.push_back(std::chrono::duration<double, std::micro>(Clock::now() - due).count());
    if (!count(answer) || !count(swapped.Receive())) break;
  }
  return latencies_us;
}

double Quantile(std::vector<double> values, double q) {
  if (values.empty()) Die("no answers");
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(q * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

// The calling thread, and what it starts from now on, keeps to these cores. A client that shares the server's core waits for its turn there
// for milliseconds, swaps or none; so the last core is the clients' where there are two.
void UseCores(int first, int count) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  for (int i = 0; i < count; ++i) CPU_SET(first + i, &cores);
  if (sched_setaffinity(0, sizeof(cores), &cores) != 0) Die("cannot choose cores");
}

// `vigil serve`, stopped at the end.
class ServerProcess {
 public:
  ServerProcess(const std::string& config, const std::string& folder) {
    const char* given = std::getenv("VIGIL_BIN");
    const std::string program = given != nullptr ? given : std::filesystem::read_symlink("/proc/self/exe").parent_path() / "vigil";
    const std::string ports = folder + "/ports.json";
    std::vector<std::string> words = {program,       "serve",           "--config",    config,      "--http-port",
                                      "0",           "--grpc-port",     "0",           "--threads", "1",
                                      "--state-dir", folder + "/state", "--port-file", ports,       "--no-log"};
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDERR_FILENO, (folder + "/server.log").c_str(), O_WRONLY | O_CREAT, 0644);
    const int cores = static_cast<int>(std::thread::hardware_concurrency());
    if (cores > 1) UseCores(0, cores - 1);
    if (posix_spawn(&pid_, program.c_str(), &files, nullptr, arguments.data(), environ) != 0) Die(program + " does not start");
    if (cores > 1) UseCores(cores - 1, 1);
    posix_spawn_file_actions_destroy(&files);
    while (!std::filesystem::exists(ports)) {
      if (waitpid(pid_, nullptr, WNOHANG) != 0) Die(program + " ended before it was ready");
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    auto text = ReadWholeFile(ports, 4096);
    Must(text.status());
    port_ = ParseJson(*text, ports)->at("http").get<int>();
  }
  ~ServerProcess() {
    kill(pid_, SIGTERM);
    waitpid(pid_, nullptr, 0);
  }
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  int port() const { return port_; }
  double ResidentMib() const {
    long pages = 0, resident = 0;
    std::FILE* file = std::fopen(("/proc/" + std::to_string(pid_) + "/statm").c_str(), "r");
    if (file == nullptr || std::fscanf(file, "%ld %ld", &pages, &resident) != 2) Die("the server is gone");
    std::fclose(file);
    return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20);
  }

 private:
  pid_t pid_ = 0;
  int port_ = 0;
};

double Median(std::vector<double> values) { return Quantile(std::move(values), 0.5); }

class Bench {
 public:
  Bench() {
    Json models = Json::array();
    for (int v = 1; v <= kVersions; ++v) Write("fraud/" + std::to_string(v), v);
    Write("other/1", 1);
    for (const char* name : {"fraud", "other"}) models.push_back({{"name", name}, {"path", dir_.file(name)}, {"versions", "all"}});
    Must(WriteFileAtomically(dir_.file("vigil.yaml"), DumpJson({{"models", models}})));  // JSON is YAML
    server_ = std::make_unique<ServerProcess>(dir_.file("vigil.yaml"), dir_.path());
    control_ = std::make_unique<Client>(server_->port());
  }

  // Both models as fast as they answer: requests a second of both.
  double Capacity() { return Run(0, 0, std::chrono::seconds(2)).first.answers_per_second; }

  struct Result {
    double p99_us = 0, seconds = 0, answers_per_second = 0;
  };
  // With `swaps` swaps, or for as long as `duration`. The second number is the other model's share only.
  std::pair<Result, int> Run(double interval_us, int swaps, Clock::duration duration) {
    std::atomic<bool> stop{false};
    std::vector<double> other;
    const int64_t before = tally_.answers;
    const auto begin = Clock::now();
    std::thread clients([&] { other = Drive(server_->port(), interval_us, stop, &tally_); });
    for (int i = 0; i < swaps; ++i) Swap();
    if (swaps == 0) std::this_thread::sleep_for(duration);
    stop = true;
    clients.join();
    Result result;
    result.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    result.answers_per_second = static_cast<double>(tally_.answers - before) / result.seconds;
    result.p99_us = Quantile(std::move(other), 0.99);
    return {result, swaps};
  }

  // The version that has been out of memory longest takes over.
  void Swap() {
    const std::string version = std::to_string(swaps_++ % kVersions + 1);
    const std::string& answer = control_->Ask(Message("PUT /api/v1/models/fraud/roles/champion", DumpJson({{"version", version}})));
    if (!answer.starts_with("HTTP/1.1 200")) Die("swap refused: " + answer);
    resident_mib_.push_back(server_->ResidentMib());
  }

  int swaps() const { return swaps_; }
  const std::vector<double>& resident_mib() const { return resident_mib_; }  // after each swap
  const Tally& tally() const { return tally_; }

 private:
  void Write(const std::string& folder, int version) {
    std::filesystem::create_directories(dir_.file(folder));
    Must(WriteFileAtomically(dir_.file(folder + "/model.json"), ModelText(version)));
  }

  testing::TempDir dir_;
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<Client> control_;
  Tally tally_;
  int swaps_ = 0;
  std::vector<double> resident_mib_;
};

int Main(int swaps, int rounds) {
  Bench bench;
  const double capacity = bench.Capacity();
  const double interval_us = 2 * 1e6 / (capacity / 2);  // both models are asked at once
  std::printf("capacity %.0f requests/s of %d rows on one serving thread; load %.0f/s\n", capacity, kRows, capacity / 2);
  std::fflush(stdout);
  std::vector<double> ratios, nulls;
  for (int r = 0; r < rounds; ++r) {
    const int share = swaps * (r + 1) / rounds - swaps * r / rounds;
    const auto with = bench.Run(interval_us, share, {}).first;
    const auto same_time = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(with.seconds));
    const auto without = bench.Run(interval_us, 0, same_time).first;
    const auto again = bench.Run(interval_us, 0, same_time).first;
    ratios.push_back(with.p99_us / without.p99_us);
    nulls.push_back(again.p99_us / without.p99_us);
    std::printf("round %d: %d swaps in %.1f s; p99 of the other model %.0f us with, %.0f and %.0f us without; ratio %.2f, null %.2f\n",
                r + 1, share, with.seconds, with.p99_us, without.p99_us, again.p99_us, ratios.back(), nulls.back());
    std::fflush(stdout);
  }
  const auto [null_low, null_high] = std::minmax_element(nulls.begin(), nulls.end());
  const std::vector<double>& mib = bench.resident_mib();
  const double first = Median({mib.begin(), mib.begin() + 10}), last = Median({mib.end() - 10, mib.end()});
  const Tally& tally = bench.tally();
  const auto word = [](bool holds) { return holds ? "holds" : "MISS"; };
  const bool whole = tally.failed == 0 && tally.mixed == 0, bounded = last <= 1.05 * first;
  std::printf("answers %ld, failed %ld, mixed %ld: %s\n", static_cast<long>(tally.answers), static_cast<long>(tally.failed),
              static_cast<long>(tally.mixed), word(whole));
  std::printf("p99 with swaps / without: median %.2f of at most 1.10 (null pairs: median %.2f, from %.2f to %.2f): %s\n", Median(ratios),
              Median(nulls), *null_low, *null_high, word(Median(ratios) <= 1.10));
  std::printf("resident: %.1f MiB at the first ten swaps, %.1f MiB at the last ten of %d (%+.1f %% of at most +5), %.1f MiB at most: %s\n",
              first, last, bench.swaps(), 100 * (last / first - 1), *std::max_element(mib.begin(), mib.end()), word(bounded));
  return whole && bounded ? 0 : 1;
}

}  // namespace
}  // namespace vigil

int main(int argc, char** argv) {
  int swaps = 1000, rounds = 7;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::string(argv[i]) == "--swaps") swaps = std::atoi(argv[i + 1]);
    if (std::string(argv[i]) == "--rounds") rounds = std::atoi(argv[i + 1]);
  }
  if (swaps < 20 || rounds < 1) {
    std::fprintf(stderr, "usage: swap_bench [--swaps N>=20] [--rounds N>=1]\n");
    return 2;
  }
  return vigil::Main(swaps, rounds);
}
