// What monitoring costs the serving path: one row of 30 features against 32 and 127 reference bins a feature, in turns of 1 and of 1000
// rows, hand-over included; and what a replay's short minutes cost. Minimum of several runs, thread CPU time.
#include <ctime>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "monitoring/monitor.h"

namespace {

using vigil::TimeUs;

constexpr size_t kColumns = 30;
constexpr size_t kRows = 100'000;
constexpr int kRuns = 9;

double CpuNs() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

std::vector<float> RandomRows(vigil::Random& random) {
  std::vector<float> rows(kRows * kColumns);
  for (float& x : rows) x = random.Uniform() < 0.05 ? NAN : static_cast<float>(random.Normal());
  return rows;
}

struct Case {
  const char* name;
  size_t bins;
  size_t turn;
  TimeUs step;  // event time between rows
};

double NsPerRow(const Case& c, const std::vector<float>& rows, const std::shared_ptr<const vigil::ReferenceProfile>& reference,
                const std::vector<std::string>& names) {
  double best = 1e18;
  const auto monitor = vigil::Monitor::Create({});
  vigil::MonitoredVersion version;
  version.model = std::string("m");
  version.version = std::string("1");
  version.columns = names;
  version.reference = reference;
  if (!monitor->AddVersion(version).ok()) return -1;
  const auto writer = monitor->NewWriter();
  for (int run = 0; run < kRuns; ++run) {
    vigil::Observation row;
    const float score = 0.1f;
    row.outputs = {&score, 1};
    row.latency_us = 200;
    const double start = CpuNs();
    for (size_t i = 0; i < kRows; ++i) {
      row.features = {&rows[i * kColumns], kColumns};
      row.time = static_cast<TimeUs>(i) * c.step;
      writer->Observe(row);
      if (i % c.turn == c.turn - 1) writer->Seal();
    }
    best = std::min(best, (CpuNs() - start) / static_cast<double>(kRows));
    monitor->Advance(0);
  }
  return best;
}

}  // namespace

int main() {
  vigil::Random random(1);
  const std::vector<float> rows = RandomRows(random);
  std::vector<std::string> names;
  for (size_t c = 0; c < kColumns; ++c) names.push_back(absl::StrCat("f", c));
  const Case cases[] = {{"32 bins, turns of 1000 rows, one minute", 32, 1000, 0},
                        {"127 bins, turns of 1000 rows, one minute", 127, 1000, 0},
                        {"32 bins, turns of 1 row", 32, 1, 0},
                        {"32 bins, replay of 10,000 rows a day, turns of 1000", 32, 1000, 8'640'000}};
  std::printf("%-55s %10s %12s\n", "30 features, 5% missing", "ns/row", "ns/value");
  for (const Case& c : cases) {
    vigil::ProfileBuilder builder(names, {.bins = c.bins});
    for (size_t i = 0; i < kRows / 4; ++i) builder.Add({&rows[i * kColumns], kColumns}, NAN, NAN);
    const auto reference = std::make_shared<const vigil::ReferenceProfile>(builder.Finish("bench"));
    const double ns = NsPerRow(c, rows, reference, names);
    std::printf("%-55s %10.1f %12.2f\n", c.name, ns, ns / kColumns);
  }
}
