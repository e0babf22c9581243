// Streams, events and what is recorded into graphs.
#pragma once

#include <cuda_runtime_api.h>

#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace dry_cuda {

struct Capture {
  unsigned long long id;
  cudaStream_t origin;
  cudaStreamCaptureMode mode;
  std::thread::id owner;              // who began it
  std::vector<std::string> nodes;     // kernels, products, copies
  std::set<cudaStream_t> joined = {};  // the other streams that it records
  std::set<cudaStream_t> unjoined = {};  // of these that have work which the origin does not wait for
  bool broken = false;
};

// Notes one kernel or product on the stream: launched, or into the graph that the stream records. False, and a fault, where that is a stream of another
// device than the current one.
bool add_launch(cudaStream_t stream, const std::string& name);

// The same where a device can launch it; else it is a fault, and false is the result. most_shared: bytes of dynamic shared memory that the kernel has asked for.
bool launch(const std::string& name, dim3 grid, dim3 block, size_t shared, size_t most_shared, cudaStream_t stream);

// The same for a copy or a fill, which a stream of another device takes, too.
void add_copy(cudaStream_t stream, const std::string& name);

// The host waits in `function`. False where a recording forbids that.
bool may_wait(const char* function, cudaStream_t stream);

// Whether `function` (cudaMalloc, say), which cannot be recorded, may be called by this thread now.
bool may_call(const char* function);

}  // namespace dry_cuda
