#include "pal/audio/mel_scale.h"

#include <cmath>

namespace pal {

namespace {
constexpr double kBreak = 1000.0;                    // Hz, where Slaney's scale turns logarithmic
constexpr double kHertzPerMel = 200.0 / 3.0;         // below the break
const double kLogStep = std::log(6.4) / 27.0;        // per mel, above it
constexpr double kBreakMel = kBreak / kHertzPerMel;  // 15
}  // namespace

double hertz_to_htk_mel(double hertz) { return 1127.0 * std::log(1.0 + hertz / 700.0); }

double htk_mel_to_hertz(double mel) { return 700.0 * (std::exp(mel / 1127.0) - 1.0); }

double hertz_to_slaney_mel(double hertz) {
  return hertz < kBreak ? hertz / kHertzPerMel : kBreakMel + std::log(hertz / kBreak) / kLogStep;
}

double slaney_mel_to_hertz(double mel) {
  return mel < kBreakMel ? mel * kHertzPerMel : kBreak * std::exp((mel - kBreakMel) * kLogStep);
}

}  // namespace pal
