// The prediction log on this machine: how many records a second one thread appends, and how many labels a second are joined against
// what was logged. `storage_bench [--full] [DIRECTORY]`: --full logs 10M predictions (needs 4 GB of disk).
#include <sys/resource.h>
#include <time.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "base/random.h"
#include "storage/prediction_log.h"

namespace vigil {
namespace {

constexpr size_t kFeatures = 30;
constexpr int64_t kRecordsAFlush = 64;  // what a turn of the event loop gathers under load

double Seconds(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

[[noreturn]] void Fail(const Status& status) {
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  std::exit(1);
}
void Check(const Status& status) {
  if (!status.ok()) Fail(status);
}
template <typename T>
T Take(StatusOr<T> value) {
  if (!value.ok()) Fail(value.status());
  return *std::move(value);
}

void SetId(int64_t i, std::string* id) {
  id->assign("transaction-");
  id->append(std::to_string(1'000'000'000 + i));
}

// Appends `records` of 300 bytes with one thread; the ids of every tenth.
std::vector<PredictionId> BenchAppend(PredictionLog& log, int64_t records, const char* name) {
  LogSchema schema;
  schema.model = "fraud";
  schema.version = "1";
  for (size_t c = 0; c < kFeatures; ++c) schema.columns.push_back("feature_" + std::to_string(c));
  schema.outputs = {"prediction"};
  const uint32_t number = Take(log.RegisterSchema(schema));
  const std::unique_ptr<LogWriter> writer = Take(log.NewWriter());
  Random random(1);
  std::vector<float> features(kFeatures);
  for (float& f : features) f = static_cast<float>(random.Normal());
  const float output[] = {0.25f};
  const std::string entity = "customer-000000000000000000000000000000000000000000000000000000000000000000000000000000000042",
                    arm = "champion";
  std::string id;
  std::vector<PredictionId> ids;
  ids.reserve(static_cast<size_t>(records / 10));
  const double wall = Seconds(CLOCK_MONOTONIC), cpu = Seconds(CLOCK_THREAD_CPUTIME_ID);
  for (int64_t i = 0; i < records; ++i) {
    SetId(i, &id);
    features[static_cast<size_t>(i) % kFeatures] = static_cast<float>(i);
    PredictionRecord record;
    record.schema = number;
    record.time = 1'530'000'000'000'000 + i * 1000;
    record.latency_us = 100;
    record.id = id;
    record.entity = entity;
    record.arm = arm;
    record.features = features;
    record.outputs = output;
    Check(writer->Append(record));
    if (i % 10 == 0) ids.push_back(record.prediction_id);
    if (i % kRecordsAFlush == kRecordsAFlush - 1) Check(writer->Flush());
  }
  Check(writer->Flush());
  const double elapsed = Seconds(CLOCK_MONOTONIC) - wall, used = Seconds(CLOCK_THREAD_CPUTIME_ID) - cpu;
  const LogCounters counters = log.counters();
  std::printf("%-34s %6.2f M records/s  %5.0f ns thread CPU a record  (%.0f bytes each, %lld syncs)\n", name,
              1e-6 * static_cast<double>(records) / elapsed, 1e9 * used / static_cast<double>(records),
              static_cast<double>(counters.bytes) / static_cast<double>(counters.records), static_cast<long long>(counters.syncs));
  return ids;
}

void BenchJoin(PredictionLog& log, const std::vector<Label>& labels, const char* name) {
  int64_t seen = 0;
  double sum = 0;
  const double wall = Seconds(CLOCK_MONOTONIC);
  LabelCounts total;
  constexpr size_t kBatch = 10'000;
  for (size_t begin = 0; begin < labels.size(); begin += kBatch) {
    const std::vector<Label> batch(labels.begin() + static_cast<ptrdiff_t>(begin),
                                   labels.begin() + static_cast<ptrdiff_t>(std::min(labels.size(), begin + kBatch)));
    const LabelCounts counts = Take(log.Join(batch, [&](const LabelledPrediction& joined) {
      ++seen;
      sum += joined.outputs[0];
    }));
    total.accepted += counts.accepted;
    total.unmatched += counts.unmatched;
    total.duplicate += counts.duplicate;
  }
  const double elapsed = Seconds(CLOCK_MONOTONIC) - wall;
  std::printf("%-34s %6.2f M labels/s   (%lld accepted, %lld unmatched, %lld duplicate, mean output %.2f)\n", name,
              1e-6 * static_cast<double>(labels.size()) / elapsed, static_cast<long long>(total.accepted),
              static_cast<long long>(total.unmatched), static_cast<long long>(total.duplicate),
              sum / static_cast<double>(std::max<int64_t>(seen, 1)));
}

int Main(int argc, char** argv) {
  int64_t records = 2'000'000;
  std::string directory = (std::filesystem::temp_directory_path() / "vigil-storage-bench").string();
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--full") == 0) {
      records = 10'000'000;
    } else {
      directory = std::string(argv[i]) + "/vigil-storage-bench";
    }
  }
  std::filesystem::remove_all(directory);
  SystemClock clock;
  PredictionLogOptions options;
  options.directory = directory;
  {
    PredictionLogOptions off = options;
    off.directory += "/off";
    off.sync = LogSync::kOff;
    const auto log = Take(PredictionLog::Open(off, clock));
    BenchAppend(*log, 1'000'000, "append, never synced");
  }
  std::filesystem::remove_all(directory);
  auto log = Take(PredictionLog::Open(options, clock));
  const std::vector<PredictionId> ids = BenchAppend(*log, records, "append, synced each 10 ms");

  double wall = Seconds(CLOCK_MONOTONIC);
  Check(log->Maintain());
  std::printf("%-34s %6.2f M records/s\n", "index", 1e-6 * static_cast<double>(records) / (Seconds(CLOCK_MONOTONIC) - wall));

  Random random(2);
  std::vector<Label> by_prediction, by_id;
  for (const PredictionId id : ids) by_prediction.push_back({.prediction_id = id.Text(), .value = 1});
  std::string id;
  for (size_t i = 0; i < ids.size(); ++i) {
    SetId(static_cast<int64_t>(random.Below(static_cast<uint64_t>(records))), &id);
    by_id.push_back({.id = id, .value = 0});
  }
  std::printf("label join against %lld predictions, 10,000 labels a call:\n", static_cast<long long>(records));
  BenchJoin(*log, by_prediction, "  by prediction id, in order");
  std::vector<Label> shuffled = by_prediction;
  for (size_t i = shuffled.size(); i > 1; --i) std::swap(shuffled[i - 1], shuffled[random.Below(i)]);
  for (Label& label : shuffled) label.value = 2;
  BenchJoin(*log, shuffled, "  by prediction id, shuffled");
  BenchJoin(*log, by_id, "  by the caller's id, random");

  wall = Seconds(CLOCK_MONOTONIC);
  int64_t scanned = 0, labelled = 0;
  Check(log->Scan({.with_labels = true}, [&](const LoggedPrediction& prediction) {
    ++scanned;
    labelled += prediction.labelled;
    return true;
  }));
  std::printf("%-34s %6.2f M records/s  (%lld, %lld labelled)\n", "scan with labels",
              1e-6 * static_cast<double>(scanned) / (Seconds(CLOCK_MONOTONIC) - wall), static_cast<long long>(scanned),
              static_cast<long long>(labelled));
  log.reset();
  wall = Seconds(CLOCK_MONOTONIC);
  log = Take(PredictionLog::Open(options, clock));
  std::printf("%-34s %6.2f ms\n", "open", 1e3 * (Seconds(CLOCK_MONOTONIC) - wall));
  log.reset();
  std::filesystem::remove_all(directory);
  return 0;
}

}  // namespace
}  // namespace vigil

int main(int argc, char** argv) { return vigil::Main(argc, argv); }
