#include "tools/bench/cost_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "pal/core/check.h"

namespace pal {

namespace {

constexpr double kWidth = 460, kHeight = 380, kLeft = 70, kRight = 20, kTop = 70, kBottom = 50;  // of a panel and its margins, px
constexpr std::array kColours{"#c0392b", "#2471a3", "#1e8449", "#7d3c98"};

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : std::string(1, c);
  return out;
}

std::string text(double x, double y, const std::string& content, const std::string& attributes = "") {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" {}>{}</text>\n", x, y, attributes, escaped(content));
}

// A logarithmic axis over at least the values, along `length` px.
class Axis {
 public:
  Axis(double least, double most, double length) : length_(length) {
    low_ = std::floor(std::log10(least) * 3 + 1e-9) / 3, high_ = std::ceil(std::log10(most) * 3 - 1e-9) / 3;
    if (high_ - low_ < 0.3) low_ -= 0.2, high_ += 0.2;
  }
  double place(double value) const { return (std::log10(value) - low_) / (high_ - low_) * length_; }
  // 1, 2 and 5 times powers of ten.
  std::vector<double> ticks() const {
    std::vector<double> ticks;
    for (int power = int(std::floor(low_)); power <= int(std::ceil(high_)); ++power)
      for (const double factor : {1.0, 2.0, 5.0}) {
        const double value = factor * std::pow(10.0, power), place = std::log10(value);
        if (place >= low_ - 1e-9 && place <= high_ + 1e-9) ticks.push_back(value);
      }
    return ticks;
  }

 private:
  double length_, low_ = 0, high_ = 0;
};

Axis axis_of(const PlotPanel& panel, std::vector<double> PlotLine::*values, double length) {
  double least = INFINITY, most = 0;
  for (const auto& line : panel.lines)
    for (const double value : line.*values) {
      PAL_ASSERT(value > 0, "{} at a logarithmic axis", value);
      least = std::min(least, value), most = std::max(most, value);
    }
  return {least, most, length};
}

std::string draw_axes(const PlotPanel& panel, const Axis& x, const Axis& y, double width, double height) {
  std::string out = fmt::format("<rect x=\"0\" y=\"0\" width=\"{}\" height=\"{}\" fill=\"none\" stroke=\"#888\"/>\n", width, height);
  for (const double tick : x.ticks()) {
    out += fmt::format("<line x1=\"{0:.1f}\" y1=\"0\" x2=\"{0:.1f}\" y2=\"{1}\" stroke=\"#e5e5e5\"/>\n", x.place(tick), height);
    out += text(x.place(tick), height + 18, fmt::format("{:g}", tick), "text-anchor=\"middle\"");
  }
  for (const double tick : y.ticks()) {
    out += fmt::format("<line x1=\"0\" y1=\"{0:.1f}\" x2=\"{1}\" y2=\"{0:.1f}\" stroke=\"#e5e5e5\"/>\n", height - y.place(tick), width);
    out += text(-8, height - y.place(tick) + 4, fmt::format("{:g}", tick), "text-anchor=\"end\"");
  }
  out += text(width / 2, height + 40, panel.x_name, "text-anchor=\"middle\"");
  out += text(0, -12, panel.title + ", " + panel.y_name, "font-weight=\"bold\"");
  return out;
}

std::string draw_line(const PlotLine& line, std::size_t number, const Axis& x, const Axis& y, double height) {
  const char* colour = kColours.at(number);
  std::string points, dots;
  for (std::size_t i = 0; i < line.x.size(); ++i) {
    const double px = x.place(line.x[i]), py = height - y.place(line.y[i]);
    points += fmt::format("{:.1f},{:.1f} ", px, py);
    dots += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" fill=\"{}\"><title>{}: {:g}, {:.4g}</title></circle>\n", px, py, colour, escaped(line.name), line.x[i], line.y[i]);
  }
  const double row = 18 + 16 * double(number);
  return fmt::format("<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>\n", points, colour) + dots +
         fmt::format("<line x1=\"12\" y1=\"{0}\" x2=\"34\" y2=\"{0}\" stroke=\"{1}\" stroke-width=\"2\"/>\n", row - 4, colour) + text(40, row, line.name);
}

}  // namespace

std::string svg_of(const std::string& title, const std::vector<PlotPanel>& panels) {
  const double inner_width = kWidth - kLeft - kRight, inner_height = kHeight - kTop - kBottom;
  std::string out = fmt::format("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" font-family=\"sans-serif\" font-size=\"12\">\n"
                                "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
                                kWidth * double(panels.size()), kHeight);
  out += text(kLeft, 28, title, "font-size=\"14\"");
  for (std::size_t i = 0; i < panels.size(); ++i) {
    const auto x = axis_of(panels[i], &PlotLine::x, inner_width), y = axis_of(panels[i], &PlotLine::y, inner_height);
    out += fmt::format("<g transform=\"translate({},{})\">\n", kWidth * double(i) + kLeft, kTop) + draw_axes(panels[i], x, y, inner_width, inner_height);
    for (std::size_t l = 0; l < panels[i].lines.size(); ++l) out += draw_line(panels[i].lines[l], l, x, y, inner_height);
    out += "</g>\n";
  }
  return out + "</svg>\n";
}

}  // namespace pal
