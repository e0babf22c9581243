// What is wrong with the recordings of a manifest, found by decoding every one.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "pal/data/manifest.h"

namespace pal {

// A class of problems. A clip may be of several.
enum class AudioProblem {
  kUnreadable,  // cannot be decoded, whole or in the segment that is asked for
  kSilent,      // no sample above a level
  kClipped,     // too many samples at full scale
  kTooShort,    // shorter than a limit
  kTooLong,     // longer than a limit; such a clip is not decoded
  kWrongRate,   // another sample rate than the one that is expected
};

// All of them, in the order of reports.
inline constexpr std::array kAudioProblems = {AudioProblem::kUnreadable, AudioProblem::kSilent,  AudioProblem::kClipped,
                                       AudioProblem::kTooShort,   AudioProblem::kTooLong, AudioProblem::kWrongRate};

// "unreadable", "silent", "clipped", "too_short", "too_long", "wrong_rate".
const char* name_of(AudioProblem problem);

// Where the classes begin. Levels are those of the mean of the channels, which is what models hear.
struct AudioLimits {
  double silent_below = -60;             // dB of full scale, of the loudest sample
  double full_scale = 0.999;             // samples from here on, up or down, count as clipped
  double clipped_share = 0.001;          // of all samples; more are clipped
  double min_seconds = 0.1;              // of what is decoded
  double max_seconds = 3600;             // the same
  std::optional<int> sample_rate = {};   // Hz; none: every rate will do
};

// One problem of one clip.
struct AudioFinding {
  AudioProblem problem;  // its class
  std::string id;        // of the first sample with the clip
  Clip clip;             // the recording, or the part of it
  std::string what;      // in words, with numbers
};

// The result.
struct AudioReport {
  std::int64_t clips = 0;              // that were looked at: different ones
  double seconds = 0;                  // length of those that were decoded
  std::vector<AudioFinding> findings;  // in the order of the clips

  std::int64_t count(AudioProblem problem) const;  // clips that have it
};

// The clips of samples, each once, with the first sample that has it.
class ClipList {
 public:
  void add(const Sample& sample);  // those of its clips that are new

  // A clip of the list.
  struct Entry {
    Clip clip;       // the recording, or the part of it
    std::string id;  // of the first sample
  };
  const std::vector<Entry>& entries() const { return entries_; }  // in the order in which they were added

 private:
  std::vector<Entry> entries_;
  std::unordered_set<std::string> seen_;
};

// Decodes all clips in `jobs` threads (at least 1); each holds one clip in memory. The result does not depend on `jobs`. `progress`, where
// given, is called from time to time, never twice at once, with how many clips are done.
AudioReport check_audio(const ClipList& clips, const AudioLimits& limits, int jobs, const std::function<void(std::int64_t)>& progress = {});

}  // namespace pal
