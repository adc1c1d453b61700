// One line plot as inline SVG.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "report/report.h"

namespace vigil::report {

struct Line {
  std::string name;
  std::vector<std::pair<TimeUs, double>> points;  // rising times; a value that is not finite breaks the line
};

struct Plot {
  std::string title;
  std::vector<Line> lines;
  std::optional<double> baseline;  // drawn dashed
  const std::vector<Mark>* marks = nullptr;
};

std::string RenderSvg(const Plot& plot);
std::string EscapeHtml(std::string_view text);

}  // namespace vigil::report
