// SwiGLU's activation and its backward in one pass each (Shazeer 2020): out = silu(gate) * up.
//
// n rows of F numbers; gate and up may lie side by side in one product, hence their pitch. Arithmetic is in float, of doubles in double; results are rounded once.
#pragma once

#include <cstdint>

#include "pal/kernels/stream.h"

namespace pal::kernels {

// What the forward reads and writes.
template <typename T>
struct SwigluForward {
  const T* gate = nullptr;  // [n, F], rows `pitch` numbers apart
  const T* up = nullptr;    // the same
  T* out = nullptr;         // [n, F], without gaps
  int64_t rows = 0, width = 0, pitch = 0;  // n, F, and numbers from one row to the next
};

// Launches the forward on a GPU, where all pointers are. T: float, Bf16.
template <typename T>
void swiglu_forward(const SwigluForward<T>& p, Stream stream);
// The same on the CPU. T: float, double.
template <typename T>
void swiglu_forward_cpu(const SwigluForward<T>& p);

// What the backward reads and writes. The gradients may be written over gate and up.
template <typename T>
struct SwigluBackward {
  const T* out_gradient = nullptr;  // [n, F], without gaps
  const T* gate = nullptr;          // [n, F], rows `pitch` numbers apart
  const T* up = nullptr;            // the same
  T* gate_gradient = nullptr;       // the same
  T* up_gradient = nullptr;         // the same
  T* out = nullptr;                 // [n, F], without gaps: the forward's result again, for whoever did not keep it; null: not wanted
  int64_t rows = 0, width = 0, pitch = 0;  // n, F, and numbers from one row to the next
};

// Launches the backward.
template <typename T>
void swiglu_backward(const SwigluBackward<T>& p, Stream stream);
// The same on the CPU.
template <typename T>
void swiglu_backward_cpu(const SwigluBackward<T>& p);

}  // namespace pal::kernels
