// The two scales of pitch that mel filter banks use.
#pragma once

namespace pal {

// HTK's: 1127 ln(1 + f / 700), as Kaldi, YAMNet and CLAP's fusion mode use it. f: Hz.
double hertz_to_htk_mel(double hertz);
// Its inverse: Hz of a mel.
double htk_mel_to_hertz(double mel);

// Slaney's: linear below 1000 Hz (3 mel per 200 Hz), logarithmic above (27 mel per factor 6.4), as librosa,
// Whisper and CLAP without fusion use it. f: Hz.
double hertz_to_slaney_mel(double hertz);
// Its inverse: Hz of a mel.
double slaney_mel_to_hertz(double mel);

}  // namespace pal
