// CUDA graphs of different work that share their memory.
#pragma once

#include <torch/torch.h>

#include <functional>
#include <memory>

namespace pal {

// Recorded work.
class RecordedWork {
 public:
  virtual ~RecordedWork() = default;
  virtual void replay() = 0;  // in the current stream
};

// All graphs of a pool use the same memory, one after the other: what one has written is gone when another one, or itself, is started again.
class GraphPool {
 public:
  virtual ~GraphPool() = default;
  // Records what `work` launches; nothing is computed yet. Tensors that it allocates and that are to be looked at after a replay must be
  // held by memory_of() alone: a tensor that is held would keep its memory from the other graphs.
  virtual std::unique_ptr<RecordedWork> record(const std::function<void()>& work) = 0;
};

// The same numbers in the same place, without keeping the memory.
torch::Tensor memory_of(const torch::Tensor& tensor);

// None but on CUDA, where our kernels are built. makes_room: before it records, memory that is kept for other work is given back: where a graph needs much, and is recorded seldom.
std::unique_ptr<GraphPool> make_graph_pool(torch::Device device, bool makes_room);

}  // namespace pal
