// Where a run stands: everything beside tensors that the next step depends on, and what it must find unchanged.
#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "pal/data/batch_plan.h"

namespace pal {

struct Progress {
  int64_t step = 0;        // optimizer steps of all stages
  std::size_t stage = 0;
  int64_t stage_step = 0;  // of this stage
  BatchPosition data;
  std::set<std::string> trained;     // names of all tensors that a stage so far has trained
  std::set<std::string> unreadable;  // samples that were left out, by id
  int64_t skipped = 0;               // steps whose loss or gradient was not finite
};

// What the training samples were: another manifest would be shuffled into another order.
struct DataFingerprint {
  std::string sha256;  // of the manifest
  int64_t samples = 0;
};

struct RunState {
  Progress progress;
  DataFingerprint data;
  std::string config;  // YAML
  int threads = 0;     // of the CPU: with another number, sums are rounded otherwise
};

nlohmann::json to_json(const RunState& state);
RunState run_state_from(const nlohmann::json& json);

}  // namespace pal
