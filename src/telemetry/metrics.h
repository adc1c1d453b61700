// How this process is doing: counters and histograms. Each thread adds to cells of its own with plain relaxed stores; whoever scrapes sums
// the cells of a series. What is cheaper to ask than to count (connections, memory, findings) comes from sources called at the scrape.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vigil {

enum class MetricType : uint8_t { kCounter, kGauge, kHistogram };

// A series' labels must come from a bounded set; beyond this many series of one family every label value becomes "other".
inline constexpr size_t kSeriesPerFamilyMax = 1000;

// One thread's cell of a counter.
class Counter {
 public:
  // Only the owning thread.
  void Add(int64_t n = 1) { value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed); }
  int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> value_{0};
};

// One thread's cell of a histogram.
class Histogram {
 public:
  explicit Histogram(const std::vector<double>& bounds) : bounds_(bounds), counts_(bounds.size() + 1) {}
  // Only the owning thread. A bucket holds value <= bound.
  void Observe(double value);
  int64_t count(size_t bucket) const { return counts_[bucket].load(std::memory_order_relaxed); }
  double sum() const { return sum_.load(std::memory_order_relaxed); }

 private:
  const std::vector<double>& bounds_;  // the family's
  std::vector<std::atomic<int64_t>> counts_;
  std::atomic<double> sum_{0};
};

// Upper bounds in seconds from 50 µs to 10 s: the serving path's own answers lie in the first few.
const std::vector<double>& LatencyBounds();

using MetricLabels = std::vector<std::pair<std::string, std::string>>;

// What a source fills at a scrape.
class MetricSink {
 public:
  virtual ~MetricSink() = default;
  virtual void Add(MetricType type, std::string_view name, std::string_view help, MetricLabels labels, double value) = 0;
};
using MetricSource = std::function<void(MetricSink&)>;

enum class ExpositionFormat : uint8_t { kPrometheusText, kOpenMetrics };
std::string_view ExpositionContentType(ExpositionFormat format);

// All metrics of a process. Any thread may call; only creating cells, adding sources and scraping take the lock.
class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // A new cell for the calling thread; lives as long as this. `name` of a counter ends in `_total`. The first call for a name declares its
  // help and label names; later calls give the same ones.
  Counter& NewCounter(std::string_view name, std::string_view help, const MetricLabels& labels);
  Histogram& NewHistogram(std::string_view name, std::string_view help, const MetricLabels& labels, const std::vector<double>& bounds);
  // Called at each scrape, on the scraping thread.
  void AddSource(MetricSource source);

  // Everything, one block a family, in order of names. OpenMetrics ends with `# EOF`.
  std::string Expose(ExpositionFormat format) const;

 private:
  struct Series;
  struct Family;
  Series& FindSeries(MetricType type, std::string_view name, std::string_view help, const MetricLabels& labels);

  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Family>> families_;
  std::vector<MetricSource> sources_;
};

}  // namespace vigil
