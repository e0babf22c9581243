// A stage of the curriculum, as data: what is trained, for how long and how.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pal/data/batch_plan.h"
#include "pal/train/optimizer.h"
#include "pal/train/schedule.h"

namespace pal {

// One stage as a config describes it.
struct StageOptions {
  std::string name;                               // for logs and --set stages.NAME.key
  std::vector<std::string> trainable;             // patterns, see stage_policy.h
  int64_t steps = 0;                   // optimizer steps; 0: as many as `epochs` takes
  double epochs = 0;                   // times that the training manifest is gone through; 0: `steps` says
  int64_t batch_size = 8;                         // samples a step
  int64_t accumulate = 1;                         // parts that a step's samples are run in; the gradient is the same
  int64_t batch_tokens = 0;                       // most tokens of a part, of text and audio, whatever batch_size; 0: batch_size says
  int64_t sort_window = 4096;                     // with batch_tokens: samples that are sorted by length at a time
  double learning_rate = 1e-3;                    // peak
  double warmup = 0.05;                           // below 1: share of the steps
  Decay decay = Decay::kCosine;                   // after the warm-up
  double final_ratio = 0.1;                       // of the peak, after the last step
  double weight_decay = 0.0;                      // decoupled
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;  // AdamW's
  bool master_weights = true;                     // fp32 copies of bf16 parameters
  double clip_norm = 1.0;                         // of the whole gradient; 0: no limit
};

// The samples that `epochs` are of a manifest of so many, rounded up, at least one.
int64_t samples_of(const StageOptions& stage, int64_t samples);

// The stage's steps over a manifest of so many samples: `steps`, or what `epochs` takes, rounded up. Not for batch_tokens, where the
// samples' lengths say (data/batch_plan.h).
int64_t steps_of(const StageOptions& stage, int64_t samples);

// How the stage's samples become steps.
BatchRule batch_rule(const StageOptions& stage);

// The optimizer's options, at the peak learning rate.
AdamWOptions adamw_options(const StageOptions& stage);

}  // namespace pal
