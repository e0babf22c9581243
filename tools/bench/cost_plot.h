// Costs against the length of the audio, drawn as SVG.
#pragma once

#include <string>
#include <vector>

namespace pal {

// One line of a panel.
struct PlotLine {
  std::string name;
  std::vector<double> x, y;  // as many of both, all above 0, x increasing
};

// Lines over one pair of logarithmic axes.
struct PlotPanel {
  std::string title, x_name, y_name;
  std::vector<PlotLine> lines;  // at least one, of at least one point; four colours are there
};

// The panels side by side, as a whole SVG file; no script, no font and no style from elsewhere.
std::string svg_of(const std::string& title, const std::vector<PlotPanel>& panels);

}  // namespace pal
