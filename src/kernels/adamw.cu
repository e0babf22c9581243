#include "pal/kernels/adamw.h"

#include <algorithm>

#include "device.h"

namespace pal::kernels {

namespace {

constexpr int kThreads = 256;
constexpr int64_t kPerBlock = 1 << 14;  // numbers of a tensor that one block steps
constexpr int kMostTensors = 48;        // of a launch: they travel with it, in the 4 KiB that a kernel's arguments may have

template <typename Value, typename Gradient, typename State>
struct Tensors {
  AdamWTensor<Value, Gradient, State> tensor[kMostTensors];
  int32_t first_block[kMostTensors + 1];
  int count;
};

// The step's factors, the same for every number.
struct Factors {
  float scale, rate, beta1, beta2, eps, step_size, root;  // root: sqrt(1 - beta2^t)
};

__device__ Factors factors_of(const AdamWStep& step) {
  const double t = double(*step.step), first = 1.0 - pow(step.beta1, t), second = 1.0 - pow(step.beta2, t);
  return {*step.gradient_scale, float(step.learning_rate), float(step.beta1), float(step.beta2), float(step.eps), float(step.learning_rate / first), float(sqrt(second))};
}

// One number: the new value, and both averages in place.
__device__ float stepped(float value, float gradient, float& avg, float& square, float decay, const Factors& f) {
  const float g = gradient * f.scale;
  value -= f.rate * decay * value;
  avg += (1.0f - f.beta1) * (g - avg);
  square = f.beta2 * square + (1.0f - f.beta2) * g * g;
  return value - f.step_size * avg / (sqrtf(square) / f.root + f.eps);
}

template <typename Value, typename Gradient, typename State, int N>
__device__ void step_pack(const AdamWTensor<Value, Gradient, State>& t, int64_t at, const Factors& f) {
  const auto gradient = *reinterpret_cast<const Pack<Gradient, N>*>(t.gradient + at);
  auto avg = *reinterpret_cast<const Pack<State, N>*>(t.exp_avg + at), square = *reinterpret_cast<const Pack<State, N>*>(t.exp_avg_sq + at);
  Pack<float, N> master;
  Pack<Value, N> value;
  if (t.master != nullptr)
    master = *reinterpret_cast<const Pack<float, N>*>(t.master + at);
  else
    value = *reinterpret_cast<const Pack<Value, N>*>(t.value + at);
  for (int j = 0; j < N; ++j) {
    float a = to_float(avg.values[j]), s = to_float(square.values[j]);
    const float old = t.master != nullptr ? master.values[j] : to_float(value.values[j]);
    master.values[j] = stepped(old, to_float(gradient.values[j]), a, s, t.decay, f);
    from_float(a, avg.values[j]);
    from_float(s, square.values[j]);
    from_float(master.values[j], value.values[j]);
  }
  *reinterpret_cast<Pack<State, N>*>(t.exp_avg + at) = avg;
  *reinterpret_cast<Pack<State, N>*>(t.exp_avg_sq + at) = square;
  if (t.master != nullptr) *reinterpret_cast<Pack<float, N>*>(t.master + at) = master;
  *reinterpret_cast<Pack<Value, N>*>(t.value + at) = value;
}

template <typename Value, typename Gradient, typename State, int N>
__global__ void adamw_kernel(Tensors<Value, Gradient, State> tensors, AdamWStep step) {
  if (!*step.finite) return;
  int which = 0;
  while (int(blockIdx.x) >= tensors.first_block[which + 1]) ++which;
  const auto& tensor = tensors.tensor[which];
  const Factors factors = factors_of(step);
  const int64_t begin = (int64_t(blockIdx.x) - tensors.first_block[which]) * kPerBlock;
  const int64_t end = begin + kPerBlock < tensor.count ? begin + kPerBlock : tensor.count;
  for (int64_t at = begin + int64_t(threadIdx.x) * N; at < end; at += kThreads * N) step_pack<Value, Gradient, State, N>(tensor, at, factors);
}

constexpr int kPack = 4;

template <typename Value, typename Gradient, typename State>
bool in_packs(const AdamWTensor<Value, Gradient, State>& t) {
  return t.count % kPack == 0 && is_aligned(t.value) && is_aligned(t.gradient) && is_aligned(t.exp_avg) && is_aligned(t.exp_avg_sq) && is_aligned(t.master);
}

// Those of `all` that are `packed`, so many a launch.
template <int N, typename Value, typename Gradient, typename State>
void step_those(const std::vector<AdamWTensor<Value, Gradient, State>>& all, bool packed, const AdamWStep& step, Stream stream) {
  Tensors<Value, Gradient, State> tensors{};
  const auto flush = [&] {
    launch(adamw_kernel<Value, Gradient, State, N>, tensors.first_block[tensors.count], kThreads, stream, tensors, step);
    tensors.count = 0;
  };
  for (const auto& tensor : all) {
    if (in_packs(tensor) != packed || tensor.count == 0) continue;
    tensors.tensor[tensors.count] = tensor;
    tensors.first_block[tensors.count + 1] = tensors.first_block[tensors.count] + int32_t((tensor.count + kPerBlock - 1) / kPerBlock);
    if (++tensors.count == kMostTensors) flush();
  }
  if (tensors.count > 0) flush();
}

}  // namespace

template <typename Value, typename Gradient, typename State>
void adamw(const std::vector<AdamWTensor<Value, Gradient, State>>& tensors, const AdamWStep& step, Stream stream) {
  step_those<kPack>(tensors, true, step, stream);
  step_those<1>(tensors, false, step, stream);
}

template void adamw(const std::vector<AdamWTensor<float, float, float>>&, const AdamWStep&, Stream);
template void adamw(const std::vector<AdamWTensor<Bf16, Bf16, Bf16>>&, const AdamWStep&, Stream);
template void adamw(const std::vector<AdamWTensor<Bf16, Bf16, float>>&, const AdamWStep&, Stream);
template void adamw(const std::vector<AdamWTensor<Bf16, float, float>>&, const AdamWStep&, Stream);

}  // namespace pal::kernels
