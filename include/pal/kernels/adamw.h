// AdamW (Loshchilov and Hutter 2019) over many tensors in few launches. CUDA. What the step depends on, the gradients' scale and whether they
// are finite, stays on the device, so that no one waits for it.
//
//   value *= 1 - rate * decay
//   avg += (1 - beta1) (g - avg)        square = beta2 square + (1 - beta2) g^2        g = scale * gradient
//   value -= rate / (1 - beta1^t) * avg / (sqrt(square / (1 - beta2^t)) + eps)
//
// All pointers are device memory; arithmetic is in float.
#pragma once

#include <cstdint>
#include <vector>

#include "pal/kernels/stream.h"

namespace pal::kernels {

// One tensor of `count` numbers without gaps.
template <typename Value, typename Gradient, typename State>
struct AdamWTensor {
  Value* value = nullptr;               // stepped
  const Gradient* gradient = nullptr;   // as it was summed, not scaled
  State* exp_avg = nullptr;             // avg
  State* exp_avg_sq = nullptr;          // square
  float* master = nullptr;  // the value in full, which is stepped and then rounded into `value`; null: the value itself is stepped
  int64_t count = 0;        // numbers
  float decay = 0;          // the formula's
};

// What all tensors share.
struct AdamWStep {
  double learning_rate = 0, beta1 = 0, beta2 = 0, eps = 0;  // as in the formula
  const float* step = nullptr;            // t, from 1
  const float* gradient_scale = nullptr;  // that gradients are multiplied by
  const bool* finite = nullptr;           // false: nothing is changed
};

// Launches one step. Value, Gradient, State: Bf16 all three; float all three; Bf16, Bf16 or float, float.
template <typename Value, typename Gradient, typename State>
void adamw(const std::vector<AdamWTensor<Value, Gradient, State>>& tensors, const AdamWStep& step, Stream stream);

}  // namespace pal::kernels
