// A step whose loss or gradient is no finite number, or that has nothing to train on: it is skipped, and said.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "pal/distributed/process_group.h"
#include "pal/train/optimizer.h"

namespace pal {

struct BadStep {
  int64_t step = 0;              // from 1
  int64_t targets = 0;           // tokens of all processes; 0: none of the samples can be read
  double loss = 0;
  GradientNorms norms;
  std::vector<std::string> ids;  // of this process's samples
};

std::string describe(const BadStep& bad);  // one sentence for people, with this process's samples
// For what the run leaves to be looked at: the samples of all processes, which all call it.
nlohmann::json to_json(ProcessGroup& group, const BadStep& bad);

}  // namespace pal
