#include "pal/encoders/long_audio.h"

#include <bit>

#include "pal/core/check.h"
#include "pal/core/logging.h"

namespace pal {

LongAudio parse_long_audio(const std::string& name) {
  if (name == "error") return LongAudio::kError;
  if (name == "crop") return LongAudio::kCrop;
  if (name == "chunk") return LongAudio::kChunk;
  user_error("encoder: unknown long_audio '{}'; known are: error, crop, chunk", name);
}

void LongAudioCounter::count(const char* encoder, LongAudio policy, double seconds, double window_seconds) {
  const std::int64_t clips = ++clips_;
  if (!std::has_single_bit(std::uint64_t(clips))) return;
  spdlog::warn("{}: a clip of {:.1f} s is {} of {:.0f} s (long_audio); {} such so far", encoder, seconds,
               policy == LongAudio::kCrop ? "cropped to its first window" : "heard in windows",
               window_seconds, clips);
}

}  // namespace pal
