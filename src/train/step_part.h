// What one process has of a step.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "pal/integration/collate.h"
#include "step_loader.h"

namespace pal {

// A sample whose recordings cannot be read.
struct Unreadable {
  std::string id, problem;
};

struct StepPart {
  std::vector<PalBatch> batches;       // run one after the other; none is empty
  std::vector<Unreadable> unreadable;  // samples that are left out
  std::vector<std::string> ids;        // of the samples in the batches
  std::chrono::duration<double> loading{0}, waiting{0};  // until all of it was there; of that, for samples

  int64_t targets() const;  // tokens in all batches
  int64_t tokens() const;
};

// Waits for the step's samples and makes batches of them. `step` is the loader's last one.
StepPart take_part(StepLoader& loader, const LoadedStep& step, const Collator& collator);

}  // namespace pal
