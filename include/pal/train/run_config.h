// A run as the user writes it in YAML: the one place where YAML meets the options of pal's modules.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "pal/audio/augmentation.h"
#include "pal/data/training_set.h"
#include "pal/eval/evaluation.h"
#include "pal/integration/pal_model.h"
#include "pal/integration/training_graphs.h"
#include "pal/train/stage.h"

namespace pal {

// What a run trains on and is scored on.
struct DataOptions {
  TrainingSources train;                          // what is trained on; empty: nothing
  ManifestPart validation, test;                  // empty: none
  int64_t shuffle_window = 0;                     // samples among which the next is drawn; 0: all
  PromptOptions prompt;                           // what is asked and answered
  std::filesystem::path cache;                    // of what frozen encoders give, made by pal-data cache; empty: none
  int64_t encoded_clips_mib = 2048;               // memory for what frozen encoders gave; beyond it clips are encoded anew
  int64_t threads = 2;                            // that decode and compute features ahead of training
  int64_t read_ahead = 64;                        // samples that they may be ahead
  AugmentationOptions augment;                    // of what is trained on
  int64_t skip_unreadable = 0;                    // samples that training may leave out because their recordings cannot be read
};

// What all stages share.
struct TrainOptions {
  int64_t seed = 0;            // of weights that are drawn, and of the order of samples
  int64_t save_every = 100;    // steps; 0: only at the ends of stages
  int64_t keep = 2;            // checkpoints
  bool keep_best = true;       // and that of the best validation score
  int64_t validate_every = 0;  // steps; 0: only at the ends of stages
  int64_t bad_steps = 10;      // in a row, without a finite loss or gradient, end the run
  int64_t attention_every = 100;                  // steps between looks at how much attention goes to the audio; 0: none
  double peak_tflops = 0;                         // of a device, for MFU; 0: no MFU
  int64_t prometheus_port = 0;                    // where process 0 serves its numbers; 0: nowhere
  std::string prometheus_address = "127.0.0.1";   // an address of this machine
  bool tensorboard = true;     // write events beside the JSONL log
  bool log_samples = false;    // which samples each step was of
  GraphOptions graphs;         // buckets of shapes, and CUDA graphs of steps
  std::string shard = "none";  // what several processes keep a part of each: none, optimizer or gradients
};

// A whole config file.
struct RunConfig {
  ModelOptions model;                // decoder, encoders and streams
  DataOptions data;                  // manifests
  TrainOptions train;                // what all stages share
  std::vector<StageOptions> stages;  // the curriculum, in order
  EvaluationOptions eval;            // how answers are scored
};

// Reads and checks a config file. sets: texts of --set, "a.b=c". Throws UserError that lists all problems with file and line.
RunConfig load_run_config(const std::filesystem::path& path, const std::vector<std::string>& sets = {});
// The same from the text that a checkpoint holds; `where` names it in messages.
RunConfig parse_run_config(const std::string& yaml, const std::string& where, const std::vector<std::string>& sets = {});

// Every option with its value, as YAML that reads back to the same config.
std::string run_config_yaml(const RunConfig& config);

// The reference of all options as Markdown, from the table that validates them.
std::string run_config_reference();

}  // namespace pal
