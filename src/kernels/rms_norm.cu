#include "pal/kernels/rms_norm.h"

#include <algorithm>

#include "device.h"

namespace pal::kernels {

namespace {

// The largest blocks that choose() starts are told to the compiler: with more registers a thread they could not be.
//
// A thread holds kHeld packs of N numbers of its row, so that the row is read once: pack `i` of thread t is at (i * threads + t) * N.
template <typename T, int N, int kHeld>
__global__ void __launch_bounds__(N == 1 ? 1024 : 512) forward_kernel(RmsNormForward<T> p) {
  __shared__ float room[kWarp];
  const int64_t row = int64_t(blockIdx.x) * p.width;
  float held[kHeld][N];
  float square = 0;
  for (int i = 0; i < kHeld; ++i) {
    const int64_t at = (int64_t(i) * blockDim.x + threadIdx.x) * N;
    if (at >= p.width) continue;
    auto x = *reinterpret_cast<const Pack<T, N>*>(p.x + row + at);
    if (p.update != nullptr) {
      const auto update = *reinterpret_cast<const Pack<T, N>*>(p.update + row + at);
      for (int j = 0; j < N; ++j) from_float(to_float(x.values[j]) + to_float(update.values[j]), x.values[j]);
      *reinterpret_cast<Pack<T, N>*>(p.sum + row + at) = x;
    }
    for (int j = 0; j < N; ++j) {
      held[i][j] = to_float(x.values[j]);
      square += held[i][j] * held[i][j];
    }
  }
  const float rstd = 1.0f / sqrtf(block_sum(square, room) / float(p.width) + float(p.eps));
  if (threadIdx.x == 0) p.rstd[blockIdx.x] = rstd;
  for (int i = 0; i < kHeld; ++i) {
    const int64_t at = (int64_t(i) * blockDim.x + threadIdx.x) * N;
    if (at >= p.width) continue;
    const auto weight = *reinterpret_cast<const Pack<T, N>*>(p.weight + at);
    Pack<T, N> out;
    for (int j = 0; j < N; ++j) from_float(held[i][j] * rstd * to_float(weight.values[j]), out.values[j]);
    *reinterpret_cast<Pack<T, N>*>(p.normed + row + at) = out;
  }
}

// Block b does rows b, b + parts, ...; each thread keeps what its columns give to the weight's gradient.
template <typename T, int N, int kHeld>
__global__ void __launch_bounds__(N == 1 ? 1024 : 512) backward_kernel(RmsNormBackward<T> p) {
  __shared__ float room[kWarp];
  float weight_sum[kHeld][N] = {};
  for (int64_t r = blockIdx.x; r < p.rows; r += p.parts) {
    const int64_t row = r * p.width;
    const float rstd = p.rstd[r];
    float scaled[kHeld][N], unit[kHeld][N];  // gradient * weight, and sum * rstd
    float dot = 0;
    for (int i = 0; i < kHeld; ++i) {
      const int64_t at = (int64_t(i) * blockDim.x + threadIdx.x) * N;
      if (at >= p.width) continue;
      const auto gradient = *reinterpret_cast<const Pack<T, N>*>(p.normed_gradient + row + at);
      const auto sum = *reinterpret_cast<const Pack<T, N>*>(p.sum + row + at);
      const auto weight = *reinterpret_cast<const Pack<T, N>*>(p.weight + at);
      for (int j = 0; j < N; ++j) {
        const float g = to_float(gradient.values[j]);
        unit[i][j] = to_float(sum.values[j]) * rstd;
        scaled[i][j] = g * to_float(weight.values[j]);
        weight_sum[i][j] += g * unit[i][j];
        dot += scaled[i][j] * unit[i][j];
      }
    }
    const float mean = block_sum(dot, room) / float(p.width);
    for (int i = 0; i < kHeld; ++i) {
      const int64_t at = (int64_t(i) * blockDim.x + threadIdx.x) * N;
      if (at >= p.width) continue;
      Pack<T, N> other, out;
      if (p.sum_gradient != nullptr) other = *reinterpret_cast<const Pack<T, N>*>(p.sum_gradient + row + at);
      for (int j = 0; j < N; ++j) {
        const float through = rstd * (scaled[i][j] - unit[i][j] * mean);
        from_float(p.sum_gradient != nullptr ? through + to_float(other.values[j]) : through, out.values[j]);
      }
      *reinterpret_cast<Pack<T, N>*>(p.gradient + row + at) = out;
    }
  }
  if (p.partial == nullptr) return;
  for (int i = 0; i < kHeld; ++i) {
    const int64_t at = (int64_t(i) * blockDim.x + threadIdx.x) * N;
    if (at >= p.width) continue;
    for (int j = 0; j < N; ++j) p.partial[int64_t(blockIdx.x) * p.width + at + j] = weight_sum[i][j];
  }
}

constexpr int kColumns = kWarp, kLines = 8;  // of a block that adds up columns

// Column c of all parts: kLines threads add every kLines-th part, then one adds theirs.
template <typename T>
__global__ void add_parts_kernel(const float* partial, int64_t parts, int64_t width, T* out) {
  __shared__ float room[kLines][kColumns];
  const int column = int(threadIdx.x) % kColumns, line = int(threadIdx.x) / kColumns;
  const int64_t at = int64_t(blockIdx.x) * kColumns + column;
  float sum = 0;
  if (at < width)
    for (int64_t part = line; part < parts; part += kLines) sum += partial[part * width + at];
  room[line][column] = sum;
  __syncthreads();
  if (line != 0 || at >= width) return;
  for (int other = 1; other < kLines; ++other) sum += room[other][column];
  from_float(sum, out[at]);
}

int threads_for(int64_t width, int n, int held) {
  const int64_t packs = (width + n - 1) / n, each = (packs + held - 1) / held;
  return int((each + kWarp - 1) / kWarp * kWarp);
}

// Runs `with` for the packs that fit the row and the pointers, and so many of them a thread that a block is large but not all of a
// processor: with.template operator()<N, kHeld>(threads).
template <typename T, typename With>
void choose(int64_t width, bool aligned, const With& with) {
  if (width < 1 || width > kMostRmsNormWidth) throw std::logic_error("rms_norm: rows of " + std::to_string(width) + " numbers");
  constexpr int kFull = kFullPack<T>;
  if (!aligned || width % kFull != 0)
    with.template operator()<1, 8>(threads_for(width, 1, 8));
  else if (width <= kFull * 512)
    with.template operator()<kFull, 1>(threads_for(width, kFull, 1));
  else
    with.template operator()<kFull, 4>(threads_for(width, kFull, 4));
}

}  // namespace

template <typename T>
void rms_norm_forward(const RmsNormForward<T>& p, Stream stream) {
  const bool aligned = is_aligned(p.x) && is_aligned(p.update) && is_aligned(p.weight) && is_aligned(p.sum) && is_aligned(p.normed);
  choose<T>(p.width, aligned, [&]<int N, int kHeld>(int threads) { launch(forward_kernel<T, N, kHeld>, p.rows, threads, stream, p); });
}

template <typename T>
void rms_norm_backward(const RmsNormBackward<T>& p, Stream stream) {
  const bool aligned = is_aligned(p.normed_gradient) && is_aligned(p.sum_gradient) && is_aligned(p.sum) && is_aligned(p.weight) && is_aligned(p.gradient);
  choose<T>(p.width, aligned, [&]<int N, int kHeld>(int threads) { launch(backward_kernel<T, N, kHeld>, p.parts, threads, stream, p); });
  if (p.weight_gradient != nullptr)
    launch(add_parts_kernel<T>, (p.width + kColumns - 1) / kColumns, kColumns * kLines, stream, static_cast<const float*>(p.partial), p.parts, p.width, p.weight_gradient);
}

template void rms_norm_forward(const RmsNormForward<float>&, Stream);
template void rms_norm_forward(const RmsNormForward<Bf16>&, Stream);
template void rms_norm_backward(const RmsNormBackward<float>&, Stream);
template void rms_norm_backward(const RmsNormBackward<Bf16>&, Stream);

}  // namespace pal::kernels
