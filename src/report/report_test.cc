#include "report/report.h"

#include <cmath>

#include <gtest/gtest.h>

#include "report/plot.h"

namespace vigil::report {
namespace {

Finding Point(const std::string& kind, const std::string& metric, TimeUs end, double value) {
  Finding f;
  f.kind = kind;
  f.metric = metric;
  f.window_end = end;
  f.value = value;
  return f;
}

TEST(Report, EscapesEveryText) {
  Page page;
  page.title = "<script>alert(1)</script>";
  Alert alert;
  alert.annotations["summary"] = "a & b <i>";
  page.alerts = {alert};
  const std::string html = RenderHtml(page);
  EXPECT_EQ(html.find("<script"), std::string::npos);
  EXPECT_NE(html.find("a &amp; b &lt;i&gt;"), std::string::npos);
}

TEST(Report, PlotsSeriesAndTabulatesSingleWindows) {
  Page page;
  page.findings = {Point("drift", "psi", kDayUs, 0.1), Point("drift", "psi", 2 * kDayUs, 0.3),
                   Point("quality", "missing_share", kDayUs, 0.05)};
  const std::string html = RenderHtml(page);
  EXPECT_NE(html.find("<svg"), std::string::npos);
  EXPECT_NE(html.find("<td>missing_share</td>"), std::string::npos);
  EXPECT_EQ(html.find("http"), std::string::npos) << "a report fetches nothing";
}

TEST(Plot, BreaksTheLineAtAGapAndDrawsNothingFromNothing) {
  Plot plot;
  EXPECT_EQ(RenderSvg(plot), "");
  plot.lines = {{"a", {{0, 1.0}, {kDayUs, std::nan("")}, {2 * kDayUs, 2.0}, {3 * kDayUs, 2.0}}}};
  const std::string svg = RenderSvg(plot);
  const std::string d = svg.substr(svg.find("d=\"M"), 80);
  EXPECT_EQ(std::count(d.begin(), d.begin() + static_cast<std::ptrdiff_t>(d.find("\" fill")), 'M'), 2);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
}

TEST(Plot, AConstantSeriesStillHasARange) {
  Plot plot;
  plot.lines = {{"a", {{0, 5.0}, {kDayUs, 5.0}}}};
  EXPECT_EQ(RenderSvg(plot).find("inf"), std::string::npos);
  EXPECT_EQ(RenderSvg(plot).find("nan"), std::string::npos);
}

}  // namespace
}  // namespace vigil::report
