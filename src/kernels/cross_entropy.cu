#include "pal/kernels/cross_entropy.h"

#include "device.h"

namespace pal::kernels {

namespace {

constexpr int kThreads = 512;

// The largest number so far, and the sum of exp(number - largest).
struct Softmax {
  float largest, sum;
};

// Of two parts of a row. A part that has seen nothing is {-inf, 0}.
__device__ Softmax joined(Softmax a, Softmax b) {
  const float largest = fmaxf(a.largest, b.largest);
  const auto scaled = [&](Softmax part) { return part.sum == 0.0f ? 0.0f : part.sum * expf(part.largest - largest); };
  return {largest, scaled(a) + scaled(b)};
}

__device__ Softmax warp_joined(Softmax part) {
  for (int step = kWarp / 2; step > 0; step /= 2) {
    const Softmax other{__shfl_xor_sync(0xffffffffu, part.largest, step), __shfl_xor_sync(0xffffffffu, part.sum, step)};
    part = joined(part, other);
  }
  return part;
}

// For all threads of a row that counts nothing.
template <typename T, int N>
__device__ void write_nothing(const CrossEntropy<T>& p) {
  if (threadIdx.x == 0) p.losses[blockIdx.x] = 0.0f;
  if (p.gradient == nullptr) return;
  Pack<T, N> zeros;
  for (int j = 0; j < N; ++j) from_float(0.0f, zeros.values[j]);
  const int64_t row = int64_t(blockIdx.x) * p.vocabulary;
  for (int64_t at = int64_t(threadIdx.x) * N; at < p.vocabulary; at += kThreads * N) *reinterpret_cast<Pack<T, N>*>(p.gradient + row + at) = zeros;
}

// The row is read twice; the second time it still lies in the cache.
template <typename T, int N>
__global__ void cross_entropy_kernel(CrossEntropy<T> p) {
  __shared__ Softmax room[kThreads / kWarp];
  const int64_t row = int64_t(blockIdx.x) * p.vocabulary, target = p.targets[blockIdx.x];
  if (target < 0) {  // so for all threads of the block, before any waits for another
    write_nothing<T, N>(p);
    return;
  }
  const float wanted = to_float(p.logits[row + target]);  // before the gradient may overwrite it
  Softmax part{-INFINITY, 0.0f};
  for (int64_t at = int64_t(threadIdx.x) * N; at < p.vocabulary; at += kThreads * N) {
    const auto logits = *reinterpret_cast<const Pack<T, N>*>(p.logits + row + at);
    float largest = part.largest;
    for (int j = 0; j < N; ++j) largest = fmaxf(largest, to_float(logits.values[j]));
    float sum = part.sum == 0.0f ? 0.0f : part.sum * expf(part.largest - largest);
    for (int j = 0; j < N; ++j) sum += expf(to_float(logits.values[j]) - largest);
    part = {largest, sum};
  }
  part = warp_joined(part);
  if (threadIdx.x % kWarp == 0) room[threadIdx.x / kWarp] = part;
  __syncthreads();
  const unsigned lane = threadIdx.x % kWarp;
  const Softmax whole = warp_joined(lane < kThreads / kWarp ? room[lane] : Softmax{-INFINITY, 0.0f});
  if (threadIdx.x == 0) p.losses[blockIdx.x] = logf(whole.sum) + (whole.largest - wanted);  // in this order nothing is lost where logits are large
  if (p.gradient == nullptr) return;
  for (int64_t at = int64_t(threadIdx.x) * N; at < p.vocabulary; at += kThreads * N) {
    const auto logits = *reinterpret_cast<const Pack<T, N>*>(p.logits + row + at);
    Pack<T, N> out;
    for (int j = 0; j < N; ++j) {
      const float probability = expf(to_float(logits.values[j]) - whole.largest) / whole.sum;
      from_float(at + j == target ? probability - 1.0f : probability, out.values[j]);
    }
    *reinterpret_cast<Pack<T, N>*>(p.gradient + row + at) = out;
  }
}

}  // namespace

template <typename T>
void cross_entropy(const CrossEntropy<T>& p, Stream stream) {
  constexpr int kFull = kFullPack<T>;
  if (p.vocabulary % kFull == 0 && is_aligned(p.logits) && is_aligned(p.gradient))
    launch(cross_entropy_kernel<T, kFull>, p.rows, kThreads, stream, p);
  else
    launch(cross_entropy_kernel<T, 1>, p.rows, kThreads, stream, p);
}

template void cross_entropy(const CrossEntropy<float>&, Stream);
template void cross_entropy(const CrossEntropy<Bf16>&, Stream);

}  // namespace pal::kernels
