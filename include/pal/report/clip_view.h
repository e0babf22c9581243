// A recording as a page shows it: something to hear and something to see.
#pragma once

#include <cstdint>
#include <string>

#include "pal/data/manifest.h"

namespace pal {

// Of the clip's first seconds.
struct ClipView {
  static constexpr int64_t bands = 80;              // of the spectrogram, from 0 to 8000 Hz
  static constexpr double seconds_a_column = 0.01;  // of the spectrogram

  double seconds = 0;       // of the clip
  double shown = 0;         // of what is shown
  std::string wav;          // a WAV file: 16 kHz, mono, 16 bits
  int64_t columns = 0;      // of the spectrogram
  std::string spectrogram;  // [bands, columns] bytes from the lowest band up: Whisper's log-mel energies, 0 the faintest, 255 the loudest
};

// The clip's first `most_seconds`, of at most 30. Throws UserError as decode_audio().
ClipView view_clip(const Clip& clip, double most_seconds);

}  // namespace pal
