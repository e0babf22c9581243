// The history of a run, written by process 0 alone: JSON lines, and the same as TensorBoard events.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>

#include "pal/metrics/score.h"
#include "pal/train/metrics_log.h"
#include "pal/train/tensorboard.h"
#include "run_folder.h"

namespace pal {

class RunLog {
 public:
  // To go on after `finished_steps`. Throws as MetricsLog.
  RunLog(const RunFolder& folder, bool tensorboard, int64_t finished_steps);
  // The run has validations, of which those up to `validated_steps` are there.
  void expect_validations(const RunFolder& folder, int64_t validated_steps);

  void step(const nlohmann::json& line);                 // an object; its numbers are log.jsonl's
  void validation(int64_t step, const Score& score);     // after so many steps

 private:
  MetricsLog steps_;
  std::optional<MetricsLog> validations_;
  std::optional<TensorboardLog> tensorboard_;
};

}  // namespace pal
