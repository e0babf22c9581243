// What comes before a training step: from recordings to what encoders make of them.
#pragma once

#include "pal/bench/training_bench.h"

namespace pal {

// Seconds for the clips of a whole batch, one number a repetition; clips one after the other, in one thread of loading.
struct HearingCost {
  std::vector<double> load_seconds;    // decode, resample, compute features
  std::vector<double> encode_seconds;  // run the encoders
};

// Times the model's encoders on noise, from a 16-bit wav of 44.1 kHz each, as long as the batch's audio tokens need; no tokens: no seconds. Throws UserError where an
// encoder makes so many tokens of no clip, or may not hear so long a one.
HearingCost hearing_cost(const ModelOptions& model, const BenchBatch& batch, int64_t repetitions, torch::Device device);

}  // namespace pal
