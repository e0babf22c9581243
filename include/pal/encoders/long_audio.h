// What happens to a clip longer than an encoder hears at once: a declared policy, counted and logged.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

namespace pal {

// What an encoder does with such a clip.
enum class LongAudio {
  kError,  // refuse the clip
  kCrop,   // hear its beginning
  kChunk,  // hear it window by window, tokens one after the other
};

// error | crop | chunk; throws UserError that names them for another word.
LongAudio parse_long_audio(const std::string& name);

// How many samples of a clip are heard by an encoder with windows of `window` samples. Throws UserError, which names the
// encoder, where the clip is longer than the policy allows. sample_rate: Hz.
std::int64_t heard_samples(const char* encoder, LongAudio policy, std::int64_t samples, std::int64_t window,
                           int sample_rate);

// Counts the clips that were cropped or cut into chunks, and logs the first, second, fourth, eighth, ...
class LongAudioCounter {
 public:
  // Counts the clip where it is longer than a window. Arguments as above.
  void count_if_longer(const char* encoder, LongAudio policy, std::int64_t samples, std::int64_t window,
                       int sample_rate);
  std::int64_t clips() const { return clips_; }  // so far

 private:
  std::atomic<std::int64_t> clips_{0};
};

}  // namespace pal
