#include "pal/data/audio_check.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>

#include "pal/audio/decode.h"
#include "pal/core/check.h"
#include "pal/core/run_tasks.h"

namespace pal {

namespace {

// What one clip is found to be.
struct Verdict {
  double seconds = 0;  // decoded
  std::vector<std::pair<AudioProblem, std::string>> problems;
};

// The length of the clip, as the header and the segment say; none where the header does not.
std::optional<double> stated_seconds(const Clip& clip) {
  try {
    const double whole = read_audio_header(clip.recording()).seconds();
    return std::min(clip.segment.end.value_or(whole), whole) - clip.segment.start;
  } catch (const UserError&) {
    return std::nullopt;  // decoding says what is wrong, or reads on where only the length is not known
  }
}

double decibels(double level) { return level > 0 ? 20 * std::log10(level) : -HUGE_VAL; }

void judge_level(const torch::Tensor& samples, const AudioLimits& limits, Verdict& verdict) {
  const float* level = samples.data_ptr<float>();
  const std::int64_t count = samples.size(0);
  float peak = 0;
  std::int64_t at_full_scale = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const float size = std::abs(level[i]);
    peak = std::max(peak, size);
    at_full_scale += size >= float(limits.full_scale);
  }
  if (decibels(peak) < limits.silent_below)
    verdict.problems.emplace_back(AudioProblem::kSilent, fmt::format("the loudest sample is at {:.1f} dB", decibels(peak)));
  const double share = double(at_full_scale) / double(count);
  if (share > limits.clipped_share)
    verdict.problems.emplace_back(AudioProblem::kClipped, fmt::format("{:.2f} % of the samples are at full scale", 100 * share));
}

void judge(const Clip& clip, const AudioLimits& limits, Verdict& verdict) {
  if (const auto stated = stated_seconds(clip); stated && *stated > limits.max_seconds) {
    verdict.problems.emplace_back(AudioProblem::kTooLong, fmt::format("{:.3f} s", *stated));
    return;
  }
  DecodeLimits decoding;
  decoding.max_seconds = std::max(decoding.max_seconds, limits.max_seconds);
  const Waveform wave = decode_audio(clip.recording(), decoding, clip.segment);
  verdict.seconds = double(wave.samples.size(0)) / wave.sample_rate;
  judge_level(wave.samples, limits, verdict);
  if (verdict.seconds < limits.min_seconds) verdict.problems.emplace_back(AudioProblem::kTooShort, fmt::format("{:.3f} s", verdict.seconds));
  if (verdict.seconds > limits.max_seconds) verdict.problems.emplace_back(AudioProblem::kTooLong, fmt::format("{:.3f} s", verdict.seconds));
  if (limits.sample_rate && wave.sample_rate != *limits.sample_rate)
    verdict.problems.emplace_back(AudioProblem::kWrongRate, fmt::format("{} Hz", wave.sample_rate));
}

Verdict verdict_of(const Clip& clip, const AudioLimits& limits) {
  Verdict verdict;
  try {
    judge(clip, limits, verdict);
  } catch (const UserError& error) {
    verdict.problems.emplace_back(AudioProblem::kUnreadable, error.what());
  }
  return verdict;
}

// Hands out clips to threads and collects what they find.
class Checker {
 public:
  Checker(const ClipList& clips, const AudioLimits& limits, const std::function<void(std::int64_t)>& progress)
      : clips_(clips.entries()), limits_(limits), progress_(progress) {}

  AudioReport run(int jobs) {
    run_tasks(std::int64_t(clips_.size()), jobs, [this](std::int64_t i) {
      Verdict verdict = verdict_of(clips_[std::size_t(i)].clip, limits_);
      const std::lock_guard lock(mutex_);
      keep(std::size_t(i), std::move(verdict));
    });
    return report();
  }

 private:
  void keep(std::size_t index, Verdict verdict) {
    lengths_[index] = verdict.seconds;
    if (!verdict.problems.empty()) found_[index] = std::move(verdict);
    if (progress_) progress_(++done_);
  }

  // Clip by clip, so that the sum of lengths, too, does not depend on which thread was faster.
  AudioReport report() {
    AudioReport report;
    report.clips = std::int64_t(clips_.size());
    for (double seconds : lengths_) report.seconds += seconds;
    for (auto& [index, verdict] : found_)
      for (auto& [problem, what] : verdict.problems) report.findings.push_back({problem, clips_[index].id, clips_[index].clip, std::move(what)});
    return report;
  }

  const std::vector<ClipList::Entry>& clips_;
  const AudioLimits& limits_;
  const std::function<void(std::int64_t)>& progress_;
  std::mutex mutex_;  // of all below
  std::int64_t done_ = 0;
  std::vector<double> lengths_ = std::vector<double>(clips_.size());
  std::map<std::size_t, Verdict> found_;
};

}  // namespace

const char* name_of(AudioProblem problem) {
  switch (problem) {
    case AudioProblem::kUnreadable: return "unreadable";
    case AudioProblem::kSilent: return "silent";
    case AudioProblem::kClipped: return "clipped";
    case AudioProblem::kTooShort: return "too_short";
    case AudioProblem::kTooLong: return "too_long";
    case AudioProblem::kWrongRate: return "wrong_rate";
  }
  PAL_ASSERT(false, "an audio problem without a name");
  return "";
}

std::int64_t AudioReport::count(AudioProblem problem) const { return std::ranges::count(findings, problem, &AudioFinding::problem); }

void ClipList::add(const Sample& sample) {
  for (const auto& clip : sample.clips) {
    if (seen_.insert(clip.key()).second) entries_.push_back({clip, sample.id});
  }
}

AudioReport check_audio(const ClipList& clips, const AudioLimits& limits, int jobs, const std::function<void(std::int64_t)>& progress) {
  PAL_CHECK(jobs >= 1, "{} threads to decode in; at least 1 is needed", jobs);
  return Checker(clips, limits, progress).run(jobs);
}

}  // namespace pal
