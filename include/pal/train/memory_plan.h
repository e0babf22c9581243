// What training holds in memory from its first step to its last, computed from shapes before anything starts; what a step takes beside it is in step_memory.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pal/train/named_parameter.h"
#include "pal/train/stage_policy.h"
#include "pal/train/stage.h"

namespace pal {

// What a stage holds from its first step to its last.
struct StageMemory {
  std::string stage;               // its name
  std::vector<GroupCount> groups;  // what it trains and what it leaves
  int64_t weight_bytes = 0;        // of all parameters
  int64_t gradient_bytes = 0;      // of the trained ones
  int64_t optimizer_bytes = 0;     // moments, and master copies where there are any
  int64_t sent_bytes = 0;          // what a process sends to others in a step, and as much comes to it; a ring's, which no exchange can do with less (docs/scaling.md)

  int64_t bytes() const { return weight_bytes + gradient_bytes + optimizer_bytes; }  // of all three
};

// What each of several processes holds.
struct Sharding {
  int64_t processes = 1;       // how many there are
  std::string shard = "none";  // the config's train.shard
};

// For one stage, in the process that holds most; sets requires_grad as the stage would. Sharded gradients: the process's sums, in fp32 where a step has
// several parts, and the buckets of whole ones that are on their way.
StageMemory stage_memory(const std::vector<NamedParameter>& parameters, const StageOptions& stage, const Sharding& sharding = {});

}  // namespace pal
