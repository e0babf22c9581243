// The history of a run, written by process 0 alone: JSON lines, and the same as TensorBoard events.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "pal/metrics/score.h"
#include "metrics_endpoint.h"
#include "pal/train/metrics_log.h"
#include "pal/train/run_config.h"
#include "pal/train/tensorboard.h"
#include "run_folder.h"

namespace pal {

class RunLog {
 public:
  // To go on after `finished_steps`.
  // It listens for Prometheus where the options say so. Throws as MetricsLog and MetricsEndpoint.
  RunLog(const RunFolder& folder, const TrainOptions& options, int64_t finished_steps);
  // The run has validations, of which those up to `validated_steps` are there.
  void expect_validations(const RunFolder& folder, int64_t validated_steps);

  void step(const nlohmann::json& line);                 // an object; its numbers are log.jsonl's
  bool validation(int64_t step, const Score& score);     // after so many steps; whether it is better than all before
  void finish();                                         // throws UserError where something still waits to be written

 private:
  bool is_best(const std::string& metric, double score);

  MetricsLog steps_;
  std::optional<MetricsLog> validations_;
  std::optional<TensorboardLog> tensorboard_;
  std::optional<MetricsEndpoint> endpoint_;
  std::map<std::string, double> best_;  // validation score so far, by metric
};

}  // namespace pal
