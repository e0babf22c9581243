// What kernels use of CUDA, in one place. nvcc compiles them for GPUs; a C++ compiler compiles the same sources against
// tests/support/emulated_device.h, which runs a block's threads as threads: so every kernel is tested where there is no GPU.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

#include "pal/kernels/numbers.h"
#include "pal/kernels/stream.h"

#ifdef __CUDACC__
#include <cuda_runtime.h>
#else
#include "support/emulated_device.h"
#endif

namespace pal::kernels {

#ifdef __CUDACC__
// kernel<<<blocks, threads>>>(arguments...) on the stream. Throws std::runtime_error where CUDA refuses the launch.
template <typename... Parameters, typename... Arguments>
void launch(void (*kernel)(Parameters...), int64_t blocks, int threads, Stream stream, Arguments... arguments) {
  if (blocks == 0) return;
  kernel<<<unsigned(blocks), unsigned(threads), 0, stream>>>(arguments...);
  if (const auto error = cudaGetLastError(); error != cudaSuccess)
    throw std::runtime_error(std::string("a kernel could not be launched: ") + cudaGetErrorString(error));
}
#endif

constexpr int kWarp = 32;

// So many numbers as one load or store moves.
template <typename T, int N>
struct alignas(sizeof(T) * N) Pack {
  T values[N];
};

// Numbers in a load of 16 bytes.
template <typename T>
constexpr int kFullPack = 16 / int(sizeof(T));

inline bool is_aligned(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer) % 16 == 0; }

__device__ inline float warp_sum(float value) {
  for (int step = kWarp / 2; step > 0; step /= 2) value += __shfl_xor_sync(0xffffffffu, value, step);
  return value;
}

__device__ inline float warp_max(float value) {
  for (int step = kWarp / 2; step > 0; step /= 2) value = fmaxf(value, __shfl_xor_sync(0xffffffffu, value, step));
  return value;
}

// The sum over the block's threads, in all of them. `room`: shared, one for each warp. The block's size is a multiple of kWarp.
__device__ inline float block_sum(float value, float* room) {
  value = warp_sum(value);
  if (threadIdx.x % kWarp == 0) room[threadIdx.x / kWarp] = value;
  __syncthreads();
  const unsigned lane = threadIdx.x % kWarp;
  value = warp_sum(lane < blockDim.x / kWarp ? room[lane] : 0.0f);
  __syncthreads();  // the room may be used again
  return value;
}

}  // namespace pal::kernels
