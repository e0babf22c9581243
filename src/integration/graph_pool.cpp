#include "graph_pool.h"

#ifdef PAL_HAS_KERNELS
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAGuard.h>

#include <map>
#include <mutex>
#endif

namespace pal {

torch::Tensor memory_of(const torch::Tensor& tensor) {
  return torch::from_blob(tensor.data_ptr(), tensor.sizes(), tensor.strides(), tensor.options().requires_grad(false));
}

#ifdef PAL_HAS_KERNELS

namespace {

// The name of a pool, as long as one of its graphs is there. When the last one goes, LibTorch's allocators forget the pool, and that of pinned
// memory fails where it meets the name again.
using PoolName = std::shared_ptr<const c10::MempoolId_t>;

class CudaGraph : public RecordedWork {
 public:
  explicit CudaGraph(PoolName pool) : pool_(std::move(pool)) {}
  void replay() override { graph.replay(); }
  at::cuda::CUDAGraph graph;

 private:
  PoolName pool_;
};

// One a device for the whole process: libraries keep memory for every stream that they have seen.
c10::cuda::CUDAStream recording_stream(torch::Device device) {
  static std::mutex mutex;
  static std::map<c10::DeviceIndex, c10::cuda::CUDAStream> streams;
  const std::lock_guard lock(mutex);
  const auto index = device.has_index() ? device.index() : c10::cuda::current_device();
  auto found = streams.find(index);
  if (found == streams.end()) found = streams.emplace(index, c10::cuda::getStreamFromPool(/*isHighPriority=*/false, index)).first;
  return found->second;
}

class CudaGraphPool : public GraphPool {
 public:
  CudaGraphPool(torch::Device device, bool makes_room) : device_(device), makes_room_(makes_room), stream_(recording_stream(device)) {}

  std::unique_ptr<RecordedWork> record(const std::function<void()>& work) override {
    const auto pool = name();
    auto recorded = std::make_unique<CudaGraph>(pool);
    c10::cuda::getCurrentCUDAStream(device_.index()).synchronize();
    // Memory that the allocator keeps for work that is not recorded cannot be given back while something is being recorded.
    if (makes_room_) c10::cuda::CUDACachingAllocator::emptyCache();
    // One stream for all: the allocator hands a block out again in the stream alone that it was first used in.
    const c10::cuda::CUDAStreamGuard guard(stream_);
    // A backward runs in autograd's own thread, in the stream of its forward, so that what it launches is recorded here, too. ThreadLocal: what that
    // thread and those that load data call beside (allocating, pinning memory) is then not taken for a part of the graph that cannot be recorded.
    recorded->graph.capture_begin(*pool, cudaStreamCaptureModeThreadLocal);
    try {
      work();
    } catch (...) {
      give_up(recorded->graph);
      throw;
    }
    recorded->graph.capture_end();
    return recorded;
  }

 private:
  PoolName name() {
    auto pool = pool_.lock();
    if (!pool) pool_ = pool = std::make_shared<const c10::MempoolId_t>(at::cuda::graph_pool_handle());
    return pool;
  }

  // Ends recording, so that stream and allocator can be used again; why `work` failed is what is to be told, not that this graph is of no use.
  static void give_up(at::cuda::CUDAGraph& graph) {
    try {
      graph.capture_end();
    } catch (const std::exception&) {
    }
  }

  torch::Device device_;
  bool makes_room_;
  c10::cuda::CUDAStream stream_;
  std::weak_ptr<const c10::MempoolId_t> pool_;
};

}  // namespace

std::unique_ptr<GraphPool> make_graph_pool(torch::Device device, bool makes_room) { return device.is_cuda() ? std::make_unique<CudaGraphPool>(device, makes_room) : nullptr; }

#else

std::unique_ptr<GraphPool> make_graph_pool(torch::Device, bool) { return nullptr; }

#endif

}  // namespace pal
