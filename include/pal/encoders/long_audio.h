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

// Counts the clips that were cropped or cut into chunks, and logs the first, second, fourth, eighth, ...
class LongAudioCounter {
 public:
  void count(const char* encoder, LongAudio policy, double seconds, double window_seconds);  // lengths in seconds
  std::int64_t clips() const { return clips_; }                                              // so far

 private:
  std::atomic<std::int64_t> clips_{0};
};

}  // namespace pal
