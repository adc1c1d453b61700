// A self-contained HTML report with plots (inline SVG, no script, no network): rendering only, from plain values.
#pragma once

#include <string>
#include <vector>

#include "domain/alert.h"
#include "domain/finding.h"
#include "domain/job.h"

namespace vigil::report {

// One figure of the summary.
struct Fact {
  std::string name;
  std::string value;
};

// A moment to mark on every plot over time.
struct Mark {
  TimeUs time = 0;
  std::string text;
};

struct Page {
  std::string title;
  std::string subtitle;
  std::vector<Fact> summary;
  std::vector<Mark> marks;
  std::vector<Finding> findings;  // plots over time where a series has several windows, tables where it has one
  std::vector<Alert> alerts;
  std::vector<TimelineEvent> timeline;
};

// Every text is escaped.
std::string RenderHtml(const Page& page);

}  // namespace vigil::report
