#include "pal/kernels/swiglu.h"

#include "device.h"

namespace pal::kernels {

namespace {

constexpr int kThreads = 256;

__device__ float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }

// Thread t has pack t of all rows' packs.
template <typename T, int N>
__global__ void forward_kernel(SwigluForward<T> p) {
  const int64_t packs = p.width / N, index = int64_t(blockIdx.x) * kThreads + threadIdx.x;
  if (index >= p.rows * packs) return;
  const int64_t row = index / packs, column = index % packs * N;
  const auto gate = *reinterpret_cast<const Pack<T, N>*>(p.gate + row * p.pitch + column);
  const auto up = *reinterpret_cast<const Pack<T, N>*>(p.up + row * p.pitch + column);
  Pack<T, N> out;
  for (int j = 0; j < N; ++j) {
    const float g = to_float(gate.values[j]);
    from_float(g * sigmoid(g) * to_float(up.values[j]), out.values[j]);
  }
  *reinterpret_cast<Pack<T, N>*>(p.out + row * p.width + column) = out;
}

template <typename T, int N>
__global__ void backward_kernel(SwigluBackward<T> p) {
  const int64_t packs = p.width / N, index = int64_t(blockIdx.x) * kThreads + threadIdx.x;
  if (index >= p.rows * packs) return;
  const int64_t row = index / packs, column = index % packs * N, at = row * p.pitch + column;
  const auto gradient = *reinterpret_cast<const Pack<T, N>*>(p.out_gradient + row * p.width + column);
  const auto gate = *reinterpret_cast<const Pack<T, N>*>(p.gate + at);
  const auto up = *reinterpret_cast<const Pack<T, N>*>(p.up + at);
  Pack<T, N> gate_gradient, up_gradient, out;
  for (int j = 0; j < N; ++j) {
    const float g = to_float(gate.values[j]), u = to_float(up.values[j]), d = to_float(gradient.values[j]);
    const float s = sigmoid(g), silu = g * s;
    from_float(d * u * (s + silu * (1.0f - s)), gate_gradient.values[j]);
    from_float(d * silu, up_gradient.values[j]);
    from_float(silu * u, out.values[j]);
  }
  *reinterpret_cast<Pack<T, N>*>(p.gate_gradient + at) = gate_gradient;
  *reinterpret_cast<Pack<T, N>*>(p.up_gradient + at) = up_gradient;
  if (p.out != nullptr) *reinterpret_cast<Pack<T, N>*>(p.out + row * p.width + column) = out;
}

int64_t blocks_for(int64_t rows, int64_t width, int n) { return (rows * (width / n) + kThreads - 1) / kThreads; }

// Whether rows may be read in whole packs.
template <typename T, typename... Pointers>
bool in_packs(int64_t width, int64_t pitch, Pointers... pointers) {
  return width % kFullPack<T> == 0 && pitch % kFullPack<T> == 0 && (is_aligned(pointers) && ...);
}

}  // namespace

template <typename T>
void swiglu_forward(const SwigluForward<T>& p, Stream stream) {
  constexpr int kFull = kFullPack<T>;
  if (in_packs<T>(p.width, p.pitch, p.gate, p.up, p.out))
    launch(forward_kernel<T, kFull>, blocks_for(p.rows, p.width, kFull), kThreads, stream, p);
  else
    launch(forward_kernel<T, 1>, blocks_for(p.rows, p.width, 1), kThreads, stream, p);
}

template <typename T>
void swiglu_backward(const SwigluBackward<T>& p, Stream stream) {
  constexpr int kFull = kFullPack<T>;
  if (in_packs<T>(p.width, p.pitch, p.out_gradient, p.gate, p.up, p.gate_gradient, p.up_gradient, p.out))
    launch(backward_kernel<T, kFull>, blocks_for(p.rows, p.width, kFull), kThreads, stream, p);
  else
    launch(backward_kernel<T, 1>, blocks_for(p.rows, p.width, 1), kThreads, stream, p);
}

template void swiglu_forward(const SwigluForward<float>&, Stream);
template void swiglu_forward(const SwigluForward<Bf16>&, Stream);
template void swiglu_backward(const SwigluBackward<float>&, Stream);
template void swiglu_backward(const SwigluBackward<Bf16>&, Stream);

}  // namespace pal::kernels
