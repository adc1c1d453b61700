#include "report/plot.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/text.h"

namespace vigil::report {
namespace {

constexpr double kWidth = 720, kHeight = 190, kLeft = 62, kRight = 14, kTop = 12, kBottom = 24;
// Distinguishable also without colour vision (Okabe and Ito).
constexpr const char* kColours[] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"};
constexpr size_t kLinesMax = 7;
constexpr int kTicks = 4;

struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -std::numeric_limits<double>::infinity();
  void Add(double v) {
    if (!std::isfinite(v)) return;
    low = std::min(low, v);
    high = std::max(high, v);
  }
  bool empty() const { return low > high; }
};

// 1, 2 or 5 times a power of ten: ticks that people can read.
double NiceStep(double span) {
  const double rough = span / kTicks, power = std::pow(10, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough) return factor * power;
  }
  return 10 * power;
}

class Canvas {
 public:
  Canvas(const Range& time, const Range& value) : time_(time), value_(value) {}
  double X(double t) const { return kLeft + (t - time_.low) / std::max(1.0, time_.high - time_.low) * (kWidth - kLeft - kRight); }
  double Y(double v) const { return kHeight - kBottom - (v - value_.low) / (value_.high - value_.low) * (kHeight - kTop - kBottom); }

  std::string Axes() const {
    std::string out;
    const double step = NiceStep(value_.high - value_.low);
    for (double v = std::ceil(value_.low / step) * step; v <= value_.high + step * 1e-9; v += step) {
      absl::StrAppendFormat(&out,
                            "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" class=\"grid\"/><text x=\"%.1f\" y=\"%.1f\" "
                            "class=\"tick\" text-anchor=\"end\">%g</text>",
                            kLeft, kWidth - kRight, Y(v), Y(v), kLeft - 6, Y(v) + 4, std::abs(v) < step * 1e-6 ? 0.0 : v);
    }
    for (int i = 0; i <= kTicks; ++i) {
      const double t = time_.low + (time_.high - time_.low) * i / kTicks;
      absl::StrAppendFormat(&out, "<text x=\"%.1f\" y=\"%.1f\" class=\"tick\" text-anchor=\"%s\">%s</text>", X(t), kHeight - 6,
                            i == 0        ? "start"
                            : i == kTicks ? "end"
                                          : "middle",
                            FormatTime(static_cast<TimeUs>(t)).substr(0, 10));
    }
    return out;
  }

  std::string Path(const Line& line, const char* colour) const {
    std::string d;
    bool pen_down = false;
    for (const auto& [time, value] : line.points) {
      if (!std::isfinite(value)) {
        pen_down = false;
        continue;
      }
      absl::StrAppendFormat(&d, "%c%.1f %.1f", pen_down ? 'L' : 'M', X(static_cast<double>(time)), Y(value));
      pen_down = true;
    }
    return absl::StrCat("<path d=\"", d, "\" fill=\"none\" stroke=\"", colour, "\" stroke-width=\"1.8\"><title>", EscapeHtml(line.name),
                        "</title></path>");
  }

 private:
  const Range time_, value_;
};

std::string Legend(const Plot& plot) {
  if (plot.lines.size() < 2) return "";
  std::string out = "<div class=\"legend\">";
  for (size_t i = 0; i < std::min(plot.lines.size(), kLinesMax); ++i) {
    absl::StrAppend(&out, "<span><i style=\"background:", kColours[i], "\"></i>", EscapeHtml(plot.lines[i].name), "</span>");
  }
  return out + "</div>";
}

}  // namespace

std::string EscapeHtml(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out.push_back(c);
    }
  }
  return out;
}

std::string RenderSvg(const Plot& plot) {
  Range time, value;
  for (const Line& line : plot.lines) {
    for (const auto& [at, v] : line.points) {
      time.Add(static_cast<double>(at));
      value.Add(v);
    }
  }
  if (plot.baseline) value.Add(*plot.baseline);
  if (time.empty() || value.empty()) return "";
  if (value.high - value.low < 1e-12 * std::max(1.0, std::abs(value.high))) {
    value.low -= 0.5;
    value.high += 0.5;
  }
  const double slack = 0.06 * (value.high - value.low);
  if (value.low < 0 || value.low > slack) value.low -= slack;  // a range that begins at 0 keeps its floor
  value.high += slack;
  const Canvas canvas(time, value);
  std::string out = absl::StrFormat("<figure><figcaption>%s</figcaption><svg viewBox=\"0 0 %g %g\" role=\"img\" aria-label=\"%s\">",
                                    EscapeHtml(plot.title), kWidth, kHeight, EscapeHtml(plot.title));
  out += canvas.Axes();
  if (plot.baseline) {
    absl::StrAppendFormat(&out, "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" class=\"baseline\"><title>baseline</title></line>",
                          kLeft, kWidth - kRight, canvas.Y(*plot.baseline), canvas.Y(*plot.baseline));
  }
  for (const Mark& mark : plot.marks == nullptr ? std::vector<Mark>() : *plot.marks) {
    const double t = static_cast<double>(mark.time);
    if (t < time.low || t > time.high) continue;
    absl::StrAppendFormat(&out, "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%g\" y2=\"%g\" class=\"mark\"><title>%s</title></line>", canvas.X(t),
                          canvas.X(t), kTop, kHeight - kBottom, EscapeHtml(mark.text));
  }
  for (size_t i = 0; i < std::min(plot.lines.size(), kLinesMax); ++i) out += canvas.Path(plot.lines[i], kColours[i]);
  return absl::StrCat(out, "</svg>", Legend(plot), "</figure>");
}

}  // namespace vigil::report
