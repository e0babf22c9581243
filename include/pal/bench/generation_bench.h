// What answers of PLITS, LAL and PAL cost: the same prompts, the same LLM, the same machine.
#pragma once

#include <cstdint>
#include <vector>

#include "pal/bench/training_bench.h"

namespace pal {

// What generation_cost() measured and counted. Answers are greedy and all of one length.
struct GenerationCost {
  std::vector<double> seconds;         // one a timed run: prompt and answers
  std::vector<double> prompt_seconds;  // of the prompt alone; as many, beside them
  int64_t weight_bytes = 0;            // of all parameters, encoders too
  int64_t beyond_bytes = 0;            // most that a run takes at once beyond the weights: the prompt's activations, keys and values
  int64_t cache_bytes = 0;             // of that, keys and values that the last token reads
  double token_traffic = 0;            // bytes that a token of all samples must read, on average: the decoder's weights, keys and values
};

// Generates `new_tokens` tokens after the prompts of `batch` (its text tokens stand after the audio) `runs` times, after one run that is not timed.
// Throws UserError for prompts and answers that the model has no positions for.
GenerationCost generation_cost(const ModelOptions& model, const BenchBatch& batch, int64_t new_tokens, int64_t runs, torch::Device device);

}  // namespace pal
