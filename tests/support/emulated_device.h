// What the kernels use of CUDA, on the CPU, so that the sources of src/kernels run in tests without a GPU: one block at a time, each of its
// threads a thread, so that a barrier that is missing shows (to ThreadSanitizer, too).
#pragma once

#include <algorithm>
#include <barrier>
#include <cmath>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#define __global__
#define __device__
#define __host__
#define __shared__ static
#define __launch_bounds__(threads)

namespace pal::kernels {

struct EmulatedIndex {
  unsigned x = 0;
};

constexpr int kEmulatedWarp = 32;

// What the threads of a warp exchange.
struct EmulatedWarp {
  explicit EmulatedWarp(int threads) : barrier(threads) {}
  std::barrier<> barrier;
  float values[kEmulatedWarp] = {};
};

// What the threads of a block share.
struct EmulatedBlock {
  explicit EmulatedBlock(int threads) : barrier(threads) {
    for (int begin = 0; begin < threads; begin += kEmulatedWarp) warps.push_back(std::make_unique<EmulatedWarp>(std::min(kEmulatedWarp, threads - begin)));
  }
  std::barrier<> barrier;
  std::vector<std::unique_ptr<EmulatedWarp>> warps;
};

inline thread_local EmulatedIndex threadIdx, blockIdx, blockDim;
inline thread_local EmulatedBlock* emulated_block = nullptr;

inline void __syncthreads() { emulated_block->barrier.arrive_and_wait(); }

inline float __shfl_xor_sync(unsigned, float value, int step) {
  auto& warp = *emulated_block->warps[threadIdx.x / kEmulatedWarp];
  const unsigned lane = threadIdx.x % kEmulatedWarp;
  warp.values[lane] = value;
  warp.barrier.arrive_and_wait();
  const float other = warp.values[lane ^ unsigned(step)];
  warp.barrier.arrive_and_wait();  // read before the next exchange writes
  return other;
}

inline unsigned __ballot_sync(unsigned, bool bit) {
  auto& warp = *emulated_block->warps[threadIdx.x / kEmulatedWarp];
  warp.values[threadIdx.x % kEmulatedWarp] = bit ? 1.0f : 0.0f;
  warp.barrier.arrive_and_wait();
  unsigned bits = 0;
  for (int lane = 0; lane < kEmulatedWarp; ++lane) bits |= unsigned(warp.values[lane] != 0.0f) << lane;
  warp.barrier.arrive_and_wait();  // read before the next exchange writes
  return bits;
}

inline int __ffs(int bits) { return __builtin_ffs(bits); }

// As the one of src/kernels/device.h.
template <typename... Parameters, typename... Arguments>
void launch(void (*kernel)(Parameters...), int64_t blocks, int threads, Stream, Arguments... arguments) {
  for (int64_t b = 0; b < blocks; ++b) {
    EmulatedBlock block(threads);
    std::vector<std::jthread> running;
    for (int t = 0; t < threads; ++t)
      running.emplace_back([&, t] {
        threadIdx.x = unsigned(t), blockIdx.x = unsigned(b), blockDim.x = unsigned(threads);
        emulated_block = &block;
        kernel(arguments...);
        block.warps[std::size_t(t / kEmulatedWarp)]->barrier.arrive_and_drop();  // who has ended is waited for no more
        block.barrier.arrive_and_drop();
      });
  }
}

}  // namespace pal::kernels
