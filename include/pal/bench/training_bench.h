// What a training step of PLITS, LAL and PAL costs: the same batch, the same LLM, the same machine.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "pal/integration/pal_model.h"
#include "pal/integration/training_graphs.h"
#include "pal/train/stage.h"

namespace pal {

// The streams of `integration` (plits | lal | pal) made from those of a PAL config:
//   pal     as they stand
//   lal     without summaries, the rest by LAL
//   plits   without summaries, the rest by PLITS: the prevailing baseline
// A summary is a PLITS stream whose encoder a LAL stream hears too (PAL unified). Where another encoder goes by PLITS (PAL multi-encoder),
// `lal` has it read by the layers of the first LAL stream. Throws UserError for another word, and where the streams are not those of PAL.
std::vector<StreamOptions> integration_streams(const std::vector<StreamOptions>& pal, const std::string& integration);

// The batch, drawn at random: every sample has one clip at its start, and text at its end is learned.
struct BenchBatch {
  int64_t samples = 4;         // of the batch
  int64_t text_tokens = 48;    // per sample
  int64_t audio_tokens = 120;  // per sample, of each encoder
  double audio_seconds = 0;    // per sample, where above 0: of each encoder as many tokens as a recording of this length has
  int64_t targets = -1;        // per sample: its last tokens; < 0: all but the first
};

// Parts of a step, in their order.
enum class Phase { kConnectors, kForward, kBackward, kOptimizer };
constexpr std::array kPhaseNames{"connectors", "forward", "backward", "optimizer"};  // as they are printed

// What training_cost() measured and counted.
struct TrainingCost {
  std::vector<double> step_seconds;  // one a timed step, of all phases; encoders do not run
  std::array<std::vector<double>, kPhaseNames.size()> phase_seconds;  // of other steps, which wait for the device after every phase
  int64_t weight_bytes = 0;          // of all parameters, encoders too
  int64_t optimizer_bytes = 0;       // moments and master copies
  int64_t activation_bytes = 0;      // most that a forward takes at once
  int64_t beyond_bytes = 0;          // most that a step takes at once beyond weights and optimizer: activations, gradients, buffers
  int64_t peak_bytes = 0;            // weights, optimizer and `beyond_bytes`
  int64_t predicted_peak_bytes = 0;  // what step_memory() says of it; 0 where graphs were asked for, whose memory it does not know
  int64_t allocated_bytes = 0;       // all that a step allocates, however soon it frees it
  int64_t operators = 0;             // torch's operators that a step runs (flop_counter.h)
  double model_flops = 0;            // of a step (step_flops.h), connectors included
  int64_t optimizer_traffic = 0;     // bytes of a step (step_floor.h)
  BucketCounts buckets;              // of all steps, where graphs were asked for
};

// Takes `steps` timed steps, and as many for the phases, of what `stage` trains, with its optimizer but a learning rate near 0, after three steps that are not timed: one to
// settle, one to measure memory, one to count operators. graphs: with a round above 0 batches are filled up to a bucket and, on CUDA, steps recorded as graphs; connectors,
// forward and backward are then counted as backward. Throws UserError for a batch that the model has no positions for.
TrainingCost training_cost(const ModelOptions& model, const StageOptions& stage, const BenchBatch& batch, int64_t steps,
                           torch::Device device, const GraphOptions& graphs = {});

}  // namespace pal
