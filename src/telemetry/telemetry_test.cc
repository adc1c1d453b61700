#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/json.h"
#include "base/testing/paths.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace vigil {
namespace {

std::map<std::string, std::string> Samples(const std::string& text) {
  std::map<std::string, std::string> out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] == '#') continue;
    const size_t space = line.rfind(' ');
    EXPECT_TRUE(out.emplace(line.substr(0, space), line.substr(space + 1)).second) << "twice: " << line;
  }
  return out;
}

TEST(Metrics, SumsTheCellsOfEveryThread) {
  Metrics metrics;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&metrics] {
      Counter& cell = metrics.NewCounter("vigil_things_total", "Things.", {{"kind", "a"}});
      for (int i = 0; i < 1000; ++i) cell.Add();
    });
  }
  for (std::thread& thread : threads) thread.join();
  metrics.NewCounter("vigil_things_total", "Things.", {{"kind", "b"}}).Add(7);
  const auto samples = Samples(metrics.Expose(ExpositionFormat::kPrometheusText));
  EXPECT_EQ(samples.at("vigil_things_total{kind=\"a\"}"), "4000");
  EXPECT_EQ(samples.at("vigil_things_total{kind=\"b\"}"), "7");
}

TEST(Metrics, HistogramBucketsAreCumulativeAndInclusive) {
  Metrics metrics;
  Histogram& cell = metrics.NewHistogram("vigil_wait_seconds", "Wait.", {}, {0.0001, 0.5, 1.0});
  for (const double v : {0.0001, 0.00005, 0.2, 1.0, 3.0}) cell.Observe(v);
  const auto samples = Samples(metrics.Expose(ExpositionFormat::kPrometheusText));
  EXPECT_EQ(samples.at("vigil_wait_seconds_bucket{le=\"0.0001\"}"), "2");
  EXPECT_EQ(samples.at("vigil_wait_seconds_bucket{le=\"0.5\"}"), "3");
  EXPECT_EQ(samples.at("vigil_wait_seconds_bucket{le=\"1.0\"}"), "4");
  EXPECT_EQ(samples.at("vigil_wait_seconds_bucket{le=\"+Inf\"}"), "5");
  EXPECT_EQ(samples.at("vigil_wait_seconds_count"), "5");
  EXPECT_NEAR(std::stod(samples.at("vigil_wait_seconds_sum")), 4.20015, 1e-12);
}

TEST(Metrics, OpenMetricsNamesCountersWithoutTotalAndEnds) {
  Metrics metrics;
  metrics.NewCounter("vigil_things_total", "A \"thing\"\\.", {}).Add(3);
  const std::string open = metrics.Expose(ExpositionFormat::kOpenMetrics);
  EXPECT_EQ(open, "# HELP vigil_things A \\\"thing\\\"\\\\.\n# TYPE vigil_things counter\nvigil_things_total 3\n# EOF\n");
  EXPECT_EQ(metrics.Expose(ExpositionFormat::kPrometheusText),
            "# HELP vigil_things_total A \"thing\"\\\\.\n# TYPE vigil_things_total counter\nvigil_things_total 3\n");
}

TEST(Metrics, SeriesAreBounded) {
  Metrics metrics;
  for (size_t i = 0; i < 3 * kSeriesPerFamilyMax; ++i) metrics.NewCounter("vigil_x_total", "X.", {{"model", std::to_string(i)}}).Add();
  const auto samples = Samples(metrics.Expose(ExpositionFormat::kPrometheusText));
  EXPECT_EQ(samples.size(), kSeriesPerFamilyMax + 1);
  EXPECT_EQ(samples.at("vigil_x_total{model=\"other\"}"), std::to_string(2 * kSeriesPerFamilyMax));
}

TEST(Metrics, SourcesAreAskedAtTheScrapeAndNeverRepeatASeries) {
  Metrics metrics;
  int asked = 0;
  metrics.AddSource([&asked](MetricSink& sink) {
    ++asked;
    sink.Add(MetricType::kGauge, "vigil_depth", "Depth.", {{"queue", "a\"b\n"}}, 1.5);
    sink.Add(MetricType::kGauge, "vigil_depth", "Depth.", {{"queue", "a\"b\n"}}, 2.5);
  });
  const std::string text = metrics.Expose(ExpositionFormat::kPrometheusText);
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(text, "# HELP vigil_depth Depth.\n# TYPE vigil_depth gauge\nvigil_depth{queue=\"a\\\"b\\n\"} 2.5\n");
}

TEST(LogLine, TextQuotesWhatNeedsIt) {
  EXPECT_EQ(FormatLogLine(LogFormat::kText, "T", LogLevel::kInfo, "model\nloaded", {{"model", "fraud"}, {"why", "a b"}, {"empty", ""}}),
            "T info    model loaded model=fraud why=\"a b\" empty=\"\"");
}

TEST(LogLine, JsonIsOneObject) {
  const std::string line = FormatLogLine(LogFormat::kJson, "T", LogLevel::kWarning, "odd \"thing\"\n", {{"path", "a\\b"}});
  const StatusOr<Json> parsed = ParseJson(line, "line");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ((*parsed)["level"], "warning");
  EXPECT_EQ((*parsed)["message"], "odd \"thing\"\n");
  EXPECT_EQ((*parsed)["path"], "a\\b");
  EXPECT_EQ(line.find('\n'), std::string::npos);
}

TEST(LogFile, WritesLinesAtOrAboveItsLevel) {
  const testing::TempDir dir;
  LogOptions options;
  options.file = dir.file("vigil.log");
  options.format = LogFormat::kJson;
  ASSERT_TRUE(StartLog(options).ok());
  Log(LogLevel::kDebug, "hidden");
  LogInfo("shown", {{"n", "1"}});
  std::ifstream in(options.file);
  std::string line;
  ASSERT_TRUE(std::getline(in, line));
  EXPECT_NE(line.find("\"message\":\"shown\""), std::string::npos);
  EXPECT_FALSE(std::getline(in, line));
  options.file = dir.path() + "/no/such\0dir";
  ASSERT_TRUE(StartLog(LogOptions{}).ok());
}

}  // namespace
}  // namespace vigil
