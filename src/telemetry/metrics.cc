#include "telemetry/metrics.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>

namespace vigil {

struct Metrics::Series {
  MetricLabels labels;
  std::deque<Counter> counters;
  std::deque<Histogram> histograms;
};

struct Metrics::Family {
  MetricType type = MetricType::kCounter;
  std::string name;
  std::string help;
  std::vector<double> bounds;
  std::deque<Series> series;
};

namespace {

// One sample of a family at a scrape.
struct Sample {
  MetricLabels labels;
  double value = 0;
  std::vector<int64_t> buckets;  // histograms: not yet cumulative
};
struct FamilySamples {
  MetricType type = MetricType::kGauge;
  std::string help;
  std::vector<double> bounds;
  std::vector<Sample> samples;
};
using Scrape = std::map<std::string, FamilySamples, std::less<>>;

class ScrapeSink final : public MetricSink {
 public:
  explicit ScrapeSink(Scrape* scrape) : scrape_(scrape) {}
  void Add(MetricType type, std::string_view name, std::string_view help, MetricLabels labels, double value) override {
    FamilySamples& family = (*scrape_)[std::string(name)];
    if (family.samples.empty()) {
      family.type = type;
      family.help = help;
    }
    if (family.samples.size() >= kSeriesPerFamilyMax) return;
    for (Sample& sample : family.samples) {  // a series appears once, whatever sources do
      if (sample.labels == labels) {
        sample.value = type == MetricType::kCounter ? sample.value + value : value;
        return;
      }
    }
    family.samples.push_back({std::move(labels), value, {}});
  }

 private:
  Scrape* scrape_;
};

// The way Go prints a float, which OpenMetrics demands of `le`: 0.0001, 1e-05, 1.0, +Inf.
std::string FloatText(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  char buffer[40];
  for (int digits = 1; digits <= 17; ++digits) {
    std::snprintf(buffer, sizeof(buffer), "%.*g", digits, value);
    if (std::strtod(buffer, nullptr) == value) break;
  }
  std::string text(buffer);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

void AppendValue(std::string* out, double value) {
  if (std::floor(value) == value && std::abs(value) < 1e15) {
    char buffer[24];
    out->append(buffer, std::to_chars(buffer, buffer + sizeof(buffer), static_cast<int64_t>(value)).ptr);
  } else {
    out->append(FloatText(value));
  }
}

void AppendEscaped(std::string* out, std::string_view text, bool quotes) {
  for (const char c : text) {
    if (c == '\\') {
      out->append("\\\\");
    } else if (c == '\n') {
      out->append("\\n");
    } else if (c == '"' && quotes) {
      out->append("\\\"");
    } else {
      out->push_back(c);
    }
  }
}

// `extra` is a further label ("le", bound), already in the format's form; empty name: none.
void AppendSample(std::string* out, std::string_view name, std::string_view suffix, const MetricLabels& labels, std::string_view le,
                  double value) {
  out->append(name);
  out->append(suffix);
  if (!labels.empty() || !le.empty()) {
    char separator = '{';
    for (const auto& [key, text] : labels) {
      out->push_back(separator);
      out->append(key);
      out->append("=\"");
      AppendEscaped(out, text, true);
      out->push_back('"');
      separator = ',';
    }
    if (!le.empty()) {
      out->push_back(separator);
      out->append("le=\"");
      out->append(le);
      out->push_back('"');
    }
    out->push_back('}');
  }
  out->push_back(' ');
  AppendValue(out, value);
  out->push_back('\n');
}

void AppendFamily(std::string* out, std::string_view name, const FamilySamples& family, ExpositionFormat format) {
  constexpr std::string_view kTotal = "_total";
  static constexpr std::string_view kTypes[] = {"counter", "gauge", "histogram"};
  std::string_view declared = name;
  if (format == ExpositionFormat::kOpenMetrics && family.type == MetricType::kCounter && declared.ends_with(kTotal)) {
    declared.remove_suffix(kTotal.size());
  }
  out->append("# HELP ").append(declared).push_back(' ');
  AppendEscaped(out, family.help, format == ExpositionFormat::kOpenMetrics);
  out->append("\n# TYPE ").append(declared).append(" ").append(kTypes[static_cast<size_t>(family.type)]).push_back('\n');
  for (const Sample& sample : family.samples) {
    if (family.type != MetricType::kHistogram) {
      AppendSample(out, name, "", sample.labels, "", sample.value);
      continue;
    }
    int64_t cumulative = 0;
    for (size_t i = 0; i < sample.buckets.size(); ++i) {
      cumulative += sample.buckets[i];
      const std::string le = i < family.bounds.size() ? FloatText(family.bounds[i]) : "+Inf";
      AppendSample(out, name, "_bucket", sample.labels, le, static_cast<double>(cumulative));
    }
    AppendSample(out, name, "_sum", sample.labels, "", sample.value);
    AppendSample(out, name, "_count", sample.labels, "", static_cast<double>(cumulative));
  }
}

}  // namespace

void Histogram::Observe(double value) {
  const size_t bucket = static_cast<size_t>(std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin());
  std::atomic<int64_t>& count = counts_[bucket];
  count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  sum_.store(sum_.load(std::memory_order_relaxed) + value, std::memory_order_relaxed);
}

const std::vector<double>& LatencyBounds() {
  static const std::vector<double> kBounds{50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3,
                                           50e-3, 100e-3, 250e-3, 500e-3, 1.0,  2.5,    5.0,  10.0};
  return kBounds;
}

std::string_view ExpositionContentType(ExpositionFormat format) {
  return format == ExpositionFormat::kOpenMetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                                  : "text/plain; version=0.0.4; charset=utf-8";
}

Metrics::Metrics() = default;
Metrics::~Metrics() = default;

Metrics::Series& Metrics::FindSeries(MetricType type, std::string_view name, std::string_view help, const MetricLabels& labels) {
  Family* family = nullptr;
  for (const auto& known : families_) {
    if (known->name == name) family = known.get();
  }
  if (family == nullptr) {
    families_.push_back(std::make_unique<Family>());
    family = families_.back().get();
    family->type = type;
    family->name = name;
    family->help = help;
  }
  MetricLabels wanted = labels;
  for (int attempt = 0; attempt < 2; ++attempt) {
    for (Series& series : family->series) {
      if (series.labels == wanted) return series;
    }
    if (family->series.size() < kSeriesPerFamilyMax) break;
    for (auto& label : wanted) label.second = "other";  // the overflow series itself is the one beyond the maximum
  }
  family->series.emplace_back();
  family->series.back().labels = std::move(wanted);
  return family->series.back();
}

Counter& Metrics::NewCounter(std::string_view name, std::string_view help, const MetricLabels& labels) {
  std::lock_guard lock(mutex_);
  return FindSeries(MetricType::kCounter, name, help, labels).counters.emplace_back();
}

Histogram& Metrics::NewHistogram(std::string_view name, std::string_view help, const MetricLabels& labels,
                                 const std::vector<double>& bounds) {
  std::lock_guard lock(mutex_);
  Series& series = FindSeries(MetricType::kHistogram, name, help, labels);
  for (const auto& family : families_) {
    if (family->name != name) continue;
    if (family->bounds.empty()) family->bounds = bounds;
    return series.histograms.emplace_back(family->bounds);
  }
  std::abort();  // FindSeries has just made the family
}

void Metrics::AddSource(MetricSource source) {
  std::lock_guard lock(mutex_);
  sources_.push_back(std::move(source));
}

std::string Metrics::Expose(ExpositionFormat format) const {
  Scrape scrape;
  std::vector<MetricSource> sources;
  {
    std::lock_guard lock(mutex_);
    sources = sources_;
    for (const auto& family : families_) {
      FamilySamples& samples = scrape[family->name];
      samples.type = family->type;
      samples.help = family->help;
      samples.bounds = family->bounds;
      for (const Series& series : family->series) {
        Sample sample{series.labels, 0, {}};
        for (const Counter& cell : series.counters) sample.value += static_cast<double>(cell.value());
        if (family->type == MetricType::kHistogram) sample.buckets.resize(family->bounds.size() + 1);
        for (const Histogram& cell : series.histograms) {
          sample.value += cell.sum();
          for (size_t i = 0; i < sample.buckets.size(); ++i) sample.buckets[i] += cell.count(i);
        }
        samples.samples.push_back(std::move(sample));
      }
    }
  }
  ScrapeSink sink(&scrape);
  for (const MetricSource& source : sources) source(sink);
  std::string out;
  for (const auto& [name, family] : scrape) AppendFamily(&out, name, family, format);
  if (format == ExpositionFormat::kOpenMetrics) out.append("# EOF\n");
  return out;
}

}  // namespace vigil
