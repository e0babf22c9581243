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
  // -> what the step gave; after the first it is one tensor, which the next run writes anew.
  virtual torch::Tensor run(const std::function<torch::Tensor()>& step) = 0;
};

// None but on CUDA, where our kernels are built.
std::unique_ptr<StepGraph> make_step_graph(torch::Device device);

}  // namespace pal
