// Progress on stderr: one line that is redrawn on a terminal, now and then a plain line elsewhere.
//
//   stage2  120/1000 [###-----------------]  loss 2.345  1.2k tokens/s  03:21 left
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>

namespace pal {

// How often and how wide progress is shown.
struct ProgressOptions {
  bool terminal = false;           // redraw one line; otherwise print plain lines
  int width = 80;                  // columns of the terminal
  double redraw_seconds = 0.1;     // terminal: at most one redraw in this time
  std::int64_t plain_steps = 100;  // no terminal: a line after this many steps ...
  double plain_seconds = 10.0;     // ... or after this time, whichever comes first
};

// Terminal and width as they are on this process's stderr.
ProgressOptions progress_options_for_stderr();

// The line of one run.
class ProgressBar {
 public:
  using Clock = std::function<double()>;  // seconds from any origin, never going back

  // `out` must outlive the bar. Without a clock it uses the steady one.
  ProgressBar(std::ostream& out, const ProgressOptions& options, Clock clock = {});

  // A stage begins, or goes on after `finished_steps` of its `total_steps`.
  void start(const std::string& stage, std::int64_t total_steps, std::int64_t finished_steps = 0);

  // `finished_steps` counts those of the stage; `tokens`: how many this step was trained on. A loss that is
  // no number is shown as it is and kept out of the smoothed loss.
  void update(std::int64_t finished_steps, double loss, std::int64_t tokens);

  // Draws the last state and ends the line.
  void finish();

  // Takes the line off the terminal, so that something else can be printed; the next update draws it again.
  void clear();

 private:
  std::string line(bool with_bar) const;
  void draw();

  std::ostream& out_;
  ProgressOptions options_;
  Clock clock_;
  std::string stage_;
  std::int64_t total_ = 0, step_ = 0, printed_step_ = 0;
  double last_time_ = 0, printed_time_ = 0;
  double loss_ = 0, loss_sum_ = 0, loss_weight_ = 0;  // the newest loss; decayed sums of losses and of ones
  double tokens_ = 0, steps_ = 0, seconds_ = 0;       // decayed sums
  bool drawn_ = false;
};

// "07:05", "3:07:05", "2d 03:07": minutes and seconds, hours, days; "--:--" for what is not known yet.
std::string format_duration(double seconds);
// "950", "1.2k", "3.4M": a count in three or so digits.
std::string format_count(double count);

}  // namespace pal
