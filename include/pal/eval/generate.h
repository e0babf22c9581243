// Batched answers with cached keys and values: greedy or sampled.
#pragma once

#include <cstdint>
#include <vector>

#include "pal/integration/cached_decoding.h"

namespace pal {

// How the next token is chosen.
struct GenerateOptions {
  int64_t max_new_tokens = 64;      // an answer ends there, or with a stop token
  double temperature = 0.0;         // 0: greedy
  int64_t top_k = 0;                // keep the k likeliest tokens; 0: all
  double top_p = 1.0;               // then the fewest tokens whose probabilities reach p
  double repetition_penalty = 1.0;  // divides the positive logits of tokens in prompt or answer, multiplies the negative (CTRL, 2019)
  int64_t seed = 0;                 // of sampling; each sample draws from a stream of its own
};

// The answers' token ids, without the stop token that ended them. first_index: the data set index of the batch's first sample, so
// that what is drawn does not depend on batching. Deterministic for given options.
std::vector<std::vector<int64_t>> generate(PalModel& model, const PalBatch& batch, const std::vector<int64_t>& stop_tokens,
                                           const GenerateOptions& options, int64_t first_index = 0);

}  // namespace pal
