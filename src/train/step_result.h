// The numbers of a step, and what log.jsonl says of them.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "pal/distributed/process_group.h"
#include "pal/train/optimizer.h"
#include "progress.h"

namespace pal {

// Numbers that are summed over processes before the step is computed.
struct StepCounts {
  int64_t targets = 0, tokens = 0, unreadable = 0;
  int64_t written = 0;   // processes that are done with their part of a checkpoint
  int64_t stopping = 0;  // processes that were told to stop
};

StepCounts sum_of(ProcessGroup& group, const StepCounts& own);

// What a step came to, in all processes alike.
struct StepResult {
  StepCounts counts;
  double loss = 0;  // mean over target tokens
  GradientNorms norms;
  double rate = 0, flops = 0;
  std::optional<double> padding_share;  // where batches are filled up to buckets

  bool is_sound() const;  // there was something to learn, and loss and gradients are finite
};

// The step's line, but for its samples and times. after: where the run stands then.
nlohmann::json line_of(const StepResult& result, const std::string& stage, const Progress& after);

}  // namespace pal
