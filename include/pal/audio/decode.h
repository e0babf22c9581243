// Recordings as mono samples, through libsndfile. What cannot be decoded as asked is refused; nothing is ever
// put in its place.
#pragma once

#include <torch/types.h>

#include <cstdint>

#include "pal/audio/recording.h"
#include "pal/audio/segment.h"

namespace pal {

// A decoded recording.
struct Waveform {
  torch::Tensor samples;  // [n] float32, full scale is +-1, the mean of the channels
  int sample_rate = 0;    // Hz
};

// What is accepted. Formats: wav (RF64 too), flac, ogg (Vorbis, Opus), mp3.
struct DecodeLimits {
  double max_seconds = 3600;  // of what is decoded; checked by the header before anything is read
  int min_rate = 1000;        // Hz
  int max_rate = 768000;      // Hz
  int max_channels = 64;      // channels of the file
};

// What a recording's header says.
struct AudioInfo {
  std::int64_t frames = 0;                                         // samples a channel
  int sample_rate = 0;                                             // Hz
  int channels = 0;                                                // of the file
  double seconds() const { return double(frames) / sample_rate; }  // length of the recording
};

// The header alone, held to the limits of rate and channels, not to that of length. A file that does not say
// its length (streamed flac) is refused here, though decode_audio() reads it. Throws UserError as
// decode_audio() does.
AudioInfo read_audio_header(const Recording& recording, const DecodeLimits& limits = {});

// Decodes a recording or a segment of it. Throws UserError that names it where it is missing, a folder or no
// ordinary file, no recording or in another format, damaged or shorter than its headers say, without samples,
// outside the limits, not finite (NaN, infinity), or does not reach the segment. Where a format states no
// length, a recording is as long as what it holds: ogg, and mp3 without a Xing, Info or VBRI header. An mp3
// that has one may lack two frames of 1152 samples, which programs count differently.
Waveform decode_audio(const Recording& recording, const DecodeLimits& limits = {},
                      const AudioSegment& segment = {});

}  // namespace pal
