#include "step_graph.h"

#ifdef PAL_HAS_KERNELS
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAGuard.h>
#endif

namespace pal {

#ifdef PAL_HAS_KERNELS

namespace {

class RecordedGraph : public StepGraph {
 public:
  explicit RecordedGraph(torch::Device device) : device_(device) {}

  torch::Tensor run(const std::function<torch::Tensor()>& step) override {
    if (runs_++ == 0) return step();
    if (!output_.defined()) record(step);
    graph_.replay();
    return output_;
  }

 private:
  // Recording needs a stream of its own, which begins when the current one is done with what it was given, and the other way round.
  void record(const std::function<torch::Tensor()>& step) {
    const auto current = c10::cuda::getCurrentCUDAStream(device_.index());
    const auto own = c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device_.index());
    current.synchronize();
    {
      const c10::cuda::CUDAStreamGuard guard(own);
      graph_.capture_begin();
      output_ = step();
      graph_.capture_end();
    }
    own.synchronize();
  }

  torch::Device device_;
  at::cuda::CUDAGraph graph_;
  torch::Tensor output_;
  int64_t runs_ = 0;
};

}  // namespace

std::unique_ptr<StepGraph> make_step_graph(torch::Device device) { return device.is_cuda() ? std::make_unique<RecordedGraph>(device) : nullptr; }

#else

std::unique_ptr<StepGraph> make_step_graph(torch::Device) { return nullptr; }

#endif

}  // namespace pal
