// A CUDA graph of a step that is always the same work on the same tensors: recorded once, then started as a whole.
#pragma once

#include <torch/torch.h>

#include <functional>
#include <memory>

namespace pal {

// The first run() only runs the step, so that libraries settle; the second records it and starts what was recorded; all later ones start that alone.
// What the step does on the host is then not done again.
class StepGraph {
 public:
  virtual ~StepGraph() = default;
  // What the step leaves in tensors of its own after the second run, each later one writes anew.
  virtual void run(const std::function<void()>& step) = 0;
};

// None but on CUDA, where our kernels are built.
std::unique_ptr<StepGraph> make_step_graph(torch::Device device);

}  // namespace pal
