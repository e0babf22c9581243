#include "pal/train/progress_bar.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ostream>

namespace pal {

namespace {

constexpr double kDecay = 0.95;  // a step's weight halves in 14 steps
constexpr int kBarCells = 20;

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

ProgressOptions progress_options_for_stderr() {
  ProgressOptions options;
  winsize size{};
  options.terminal = ::isatty(STDERR_FILENO) == 1;
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) options.width = size.ws_col;
  return options;
}

std::string format_duration(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0 || seconds > 1e9) return "--:--";
  const auto whole = std::int64_t(std::llround(seconds));
  const auto days = whole / 86400, hours = whole / 3600 % 24, minutes = whole / 60 % 60;
  if (days > 0) return fmt::format("{}d {:02}:{:02}", days, hours, minutes);
  if (hours > 0) return fmt::format("{}:{:02}:{:02}", hours, minutes, whole % 60);
  return fmt::format("{:02}:{:02}", minutes, whole % 60);
}

std::string format_count(double count) {
  if (!std::isfinite(count)) return "-";
  if (count < 999.5) return fmt::format("{:.0f}", count);
  if (count < 999.95e3) return fmt::format("{:.1f}k", count / 1e3);
  return fmt::format("{:.1f}M", count / 1e6);
}

ProgressBar::ProgressBar(std::ostream& out, const ProgressOptions& options, Clock clock)
    : out_(out), options_(options), clock_(clock ? std::move(clock) : Clock(steady_seconds)) {}

void ProgressBar::start(const std::string& stage, std::int64_t total_steps, std::int64_t finished_steps) {
  stage_ = stage;
  total_ = total_steps;
  step_ = printed_step_ = finished_steps;
  last_time_ = printed_time_ = clock_();
  loss_ = loss_sum_ = loss_weight_ = tokens_ = steps_ = seconds_ = 0;
}

void ProgressBar::update(std::int64_t finished_steps, double loss, std::int64_t tokens) {
  const double now = clock_();
  const auto decay = [](double& sum, double value) { sum = kDecay * sum + value; };
  decay(tokens_, double(tokens));
  decay(steps_, double(finished_steps - step_));
  decay(seconds_, now - last_time_);
  loss_ = loss;
  if (std::isfinite(loss)) {
    decay(loss_sum_, loss);
    decay(loss_weight_, 1.0);
  }
  step_ = finished_steps;
  last_time_ = now;
  const double waited = now - printed_time_;
  const bool due = options_.terminal
                       ? !drawn_ || waited >= options_.redraw_seconds
                       : step_ - printed_step_ >= options_.plain_steps || waited >= options_.plain_seconds;
  if (due) draw();
}

void ProgressBar::finish() {
  if (step_ != printed_step_ || (options_.terminal && !drawn_)) draw();
  if (options_.terminal && drawn_) out_ << '\n' << std::flush;
  drawn_ = false;
}

void ProgressBar::clear() {
  if (options_.terminal && drawn_) out_ << "\r\x1b[K" << std::flush;
  drawn_ = false;
}

std::string ProgressBar::line(bool with_bar) const {
  const double loss = std::isfinite(loss_) && loss_weight_ > 0 ? loss_sum_ / loss_weight_ : loss_;
  const double left =
      step_ >= total_ ? 0.0 : double(total_ - step_) * seconds_ / steps_;  // NaN: not known yet
  const double tokens_per_second = seconds_ > 0 ? tokens_ / seconds_ : 0.0;
  const double share = total_ > 0 ? std::clamp(double(step_) / double(total_), 0.0, 1.0) : 1.0;
  const int filled = int(share * kBarCells);
  const std::string bar =
      with_bar ? fmt::format(" [{}{}]", std::string(filled, '#'), std::string(kBarCells - filled, '-')) : "";
  return fmt::format("{}  {}/{}{}  loss {:.3f}  {} tokens/s  {} left", stage_, step_, total_, bar, loss,
                     format_count(tokens_per_second), format_duration(left));
}

void ProgressBar::draw() {
  if (options_.terminal) {
    std::string text = line(true);
    const auto columns = std::size_t(std::max(options_.width - 1, 1));  // the last one would wrap the line
    if (text.size() > columns) text = line(false).substr(0, columns);
    out_ << '\r' << text << "\x1b[K" << std::flush;
    drawn_ = true;
  } else {
    out_ << line(false) << '\n' << std::flush;
  }
  printed_step_ = step_;
  printed_time_ = last_time_;
}

}  // namespace pal
