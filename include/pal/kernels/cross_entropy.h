// Cross-entropy of logits and its gradient, a row a block. CUDA.
//
//   loss = log(sum(exp(logits))) - logits[target]        gradient = softmax(logits) - [the target's place]
//
// A target below 0 counts nothing: loss and gradient are 0, whatever the logits are.
//
// T is float or Bf16; arithmetic is in float, the gradient is rounded once. All pointers are device memory.
#pragma once

#include <cstdint>

#include "pal/kernels/stream.h"

namespace pal::kernels {

// What the kernel reads and writes.
template <typename T>
struct CrossEntropy {
  const T* logits = nullptr;         // [n, V]
  const int64_t* targets = nullptr;  // [n], from 0 to before V; below 0: the row counts nothing
  float* losses = nullptr;           // [n]
  T* gradient = nullptr;             // [n, V], may be the logits; null: not wanted
  int64_t rows = 0, vocabulary = 0;  // n and V
};

// Launches it. T: float, Bf16.
template <typename T>
void cross_entropy(const CrossEntropy<T>& p, Stream stream);

}  // namespace pal::kernels
