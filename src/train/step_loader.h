// The samples of a stage's steps, made ready by threads ahead of whoever trains on them.
#pragma once

#include <deque>
#include <functional>
#include <future>

#include "pal/core/worker_threads.h"
#include "pal/data/batch_plan.h"
#include "pal/integration/collate.h"

namespace pal {

// A step as one of the processes that run it together sees it.
struct LoadedStep {
  PlannedStep planned;                 // of all processes
  std::vector<std::vector<Draw>> own;  // this one's samples, to be taken in this order
};

// What the steps hold depends neither on the number of threads nor on how far they are ahead: samples come in the plan's order, each made
// by one thread that computes alone.
class StepLoader {
 public:
  using Prepare = std::function<PreparedSample(const Draw&)>;

  using Divide = std::function<std::vector<std::vector<Draw>>(const PlannedStep&)>;

  // divide: what of a step is this process's. steps: how many will be asked for. prepare: called by several threads; what it throws is thrown by
  // take(). ahead: samples that are prepared, or being prepared, and not taken: what bounds the memory.
  StepLoader(BatchPlan plan, Divide divide, int64_t steps, Prepare prepare, int threads, int64_t ahead);

  LoadedStep next();      // the next step
  PreparedSample take();  // waits for the next sample

 private:
  void fill();

  BatchPlan plan_;
  Divide divide_;
  int64_t unplanned_;  // steps
  Prepare prepare_;
  int64_t ahead_;
  std::deque<LoadedStep> steps_;   // planned, not asked for
  std::deque<Draw> waiting_;       // of planned steps, not given to a thread
  std::deque<std::future<PreparedSample>> pending_;
  WorkerThreads threads_;  // the last one: it ends before what its tasks use
};

}  // namespace pal
