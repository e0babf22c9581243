// The one trainer: runs the stages of a config, and goes on exactly where an earlier process stopped.
//
//   OUTPUT/log.jsonl            one line a step
//   OUTPUT/validation.jsonl     one line a validation
//   OUTPUT/tensorboard/         the same as events
//   OUTPUT/checkpoints/step-N/  while it runs (checkpoint.h)
//   OUTPUT/diverged/            a checkpoint of what it had when it ended because losses were no numbers
//   OUTPUT/final/               every trained tensor, by name, when all stages are done
#pragma once

#include <chrono>
#include <filesystem>

#include "pal/distributed/process_group.h"
#include "pal/train/session.h"

namespace pal {

// What a config does not say of a run.
struct TrainerOptions {
  std::filesystem::path output;  // folder of the run
  bool resume = false;           // go on from the newest whole checkpoint, where there is one
  bool dry_run = false;          // build everything, run nothing, write nothing
  std::chrono::seconds stall{600};  // a step that takes longer is named, with its samples
};

// How train() ended.
enum class TrainingEnd { kFinished, kWasFinished, kDryRun, kStopped };  // kStopped: by signal, with a checkpoint saved

// Trains. Throws UserError for an output folder that holds another run, or a config that does not fit the run that is resumed.
TrainingEnd train(const RunConfig& config, const TrainerOptions& options, torch::Device device);

// The same as one of several processes, which all call it alike: each runs its share of every step, and sums of gradients are exchanged; process 0
// writes. What is learned does not depend on their number, but for rounding. Throws ProcessLost where one of them is gone, and what
// another threw as together() does.
TrainingEnd train(const RunConfig& config, const TrainerOptions& options, torch::Device device, ProcessGroup& group);

}  // namespace pal
