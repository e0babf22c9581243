// What pal-eval does with a checkpoint: as its config says, or as a benchmark says.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <vector>

#include "pal/eval/answer_file.h"
#include "pal/eval/evaluation_options.h"
#include "pal/train/session.h"
#include "tools/eval/checkpoint_command.h"

namespace pal {

struct EvaluationJob {
  EvaluationOptions options;    // how the model is asked
  std::vector<Sample> samples;  // what it is asked
  nlohmann::json settings;      // what the answers depend on, beyond checkpoint, manifest and options
  nlohmann::json scoring;       // what the scores depend on beyond that
  // What belongs into results.json beside the settings: score, predictions and more.
  std::function<nlohmann::json(const std::vector<Answer>&)> score;
};

EvaluationJob config_job(const Session& session, const ManifestPart& manifest);
EvaluationJob benchmark_job(const Session& session, const ManifestPart& manifest, const CheckpointArguments& arguments);

}  // namespace pal
