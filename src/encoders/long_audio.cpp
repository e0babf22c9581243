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

std::int64_t heard_samples(const char* encoder, LongAudio policy, std::int64_t samples, std::int64_t window,
                           int sample_rate) {
  if (samples <= window || policy == LongAudio::kChunk) return samples;
  PAL_CHECK(policy == LongAudio::kCrop,
            "{}: the clip is {:.1f} s long, but the encoder hears {:.0f} s at once; set long_audio to crop "
            "or chunk",
            encoder, double(samples) / sample_rate, double(window) / sample_rate);
  return window;
}

void LongAudioCounter::count_if_longer(const char* encoder, LongAudio policy, std::int64_t samples,
                                       std::int64_t window, int sample_rate) {
  if (samples <= window) return;
  const std::int64_t clips = ++clips_;
  if (!std::has_single_bit(std::uint64_t(clips))) return;
  spdlog::warn("{}: a clip of {:.1f} s is {} of {:.0f} s (long_audio); {} such so far", encoder,
               double(samples) / sample_rate,
               policy == LongAudio::kCrop ? "cropped to its first window" : "heard in windows",
               double(window) / sample_rate, clips);
}

}  // namespace pal
