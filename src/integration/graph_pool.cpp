#include "graph_pool.h"

#ifdef PAL_HAS_KERNELS
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAGuard.h>
#endif

namespace pal {

torch::Tensor memory_of(const torch::Tensor& tensor) {
  return torch::from_blob(tensor.data_ptr(), tensor.sizes(), tensor.strides(), tensor.options().requires_grad(false));
}

#ifdef PAL_HAS_KERNELS

namespace {

class CudaGraph : public RecordedWork {
 public:
  void replay() override { graph.replay(); }
  at::cuda::CUDAGraph graph;
};

class CudaGraphPool : public GraphPool {
 public:
  explicit CudaGraphPool(torch::Device device)
      : device_(device), stream_(c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device.index())), pool_(at::cuda::graph_pool_handle()) {
    c10::cuda::CUDACachingAllocator::createOrIncrefPool(device_.index(), pool_);  // it outlives its last graph: another one may follow
  }
  ~CudaGraphPool() override { c10::cuda::CUDACachingAllocator::releasePool(device_.index(), pool_); }

  std::unique_ptr<RecordedWork> record(const std::function<void()>& work) override {
    auto recorded = std::make_unique<CudaGraph>();
    c10::cuda::getCurrentCUDAStream(device_.index()).synchronize();
    // Memory that the allocator keeps for work that is not recorded cannot be given back while something is being recorded.
    c10::cuda::CUDACachingAllocator::emptyCache();
    // One stream for all: the allocator hands a block out again in the stream alone that it was first used in.
    const c10::cuda::CUDAStreamGuard guard(stream_);
    // A backward runs in autograd's own thread, in the stream of its forward, so that what it launches is recorded here, too. ThreadLocal: what that
    // thread and those that load data call beside (allocating, pinning memory) is then not taken for a part of the graph that cannot be recorded.
    recorded->graph.capture_begin(pool_, cudaStreamCaptureModeThreadLocal);
    work();
    recorded->graph.capture_end();
    return recorded;
  }

 private:
  torch::Device device_;
  c10::cuda::CUDAStream stream_;
  c10::MempoolId_t pool_;
};

}  // namespace

std::unique_ptr<GraphPool> make_graph_pool(torch::Device device) { return device.is_cuda() ? std::make_unique<CudaGraphPool>(device) : nullptr; }

#else

std::unique_ptr<GraphPool> make_graph_pool(torch::Device) { return nullptr; }

#endif

}  // namespace pal
