// The most memory that a training step takes at once, computed from shapes before anything starts.
//
// It follows a step operation by operation: what each layer keeps for the backward (or computes again there), the head's logits, what the backward holds at every
// layer, and the optimizer's copies. Counted are the bytes asked of torch's allocator, as pal-bench measures them: neither its rounding, nor what libraries
// take for themselves (cuBLAS, NCCL, the CUDA context), nor encoders, which run before the step, nor what adapters keep beside the inputs of their layers.
// The naive attention backend counts as sdpa.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <string>
#include <vector>

#include "pal/integration/pal_model.h"
#include "pal/train/memory_plan.h"

namespace pal {

// What is run at once: samples that are all alike, with one clip each.
struct BatchShape {
  int64_t samples = 8;           // of the batch
  int64_t text_tokens = 64;      // per sample
  std::vector<int64_t> streams;  // per sample: tokens of each stream
  int64_t audio_at = 0;          // text tokens before the clip
  int64_t targets = -1;          // text tokens per sample that are learned; below 0: all but the first
};

// Bytes of one training step, beside those of weights and optimizer but for the last.
struct StepMemory {
  int64_t kept_bytes = 0;     // activations that the forward keeps for the backward
  int64_t forward_bytes = 0;  // most that the forward holds at once: TrainingCost::activation_bytes
  int64_t beyond_bytes = 0;   // most that the step holds at once: activations, gradients, buffers
  int64_t peak_bytes = 0;     // that, weights and optimizer state
  std::string phase;          // where the peak is: forward | backward | optimizer
};

// For one stage on such a device, in the process that holds most; sets requires_grad as the stage would. Of several processes it is an estimate: buckets under
// way and sharded gradients are counted by their sums.
StepMemory step_memory(const ModelOptions& model, const DecoderOptions& decoder, const std::vector<NamedParameter>& parameters, const StageOptions& stage, const BatchShape& batch,
                       c10::DeviceType device, const Sharding& sharding = {});

// kept_bytes of a step in which the whole decoder learns, without connectors.
int64_t activation_bytes(const ModelOptions& model, const DecoderOptions& decoder, const BatchShape& batch, c10::DeviceType device);

}  // namespace pal
