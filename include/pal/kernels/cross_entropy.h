// Cross-entropy of logits and its gradient, each row read while it lies in a cache.
//
//   loss = log(sum(exp(logits))) - logits[target]        gradient = softmax(logits) - [the target's place]
//
// A target below 0 counts nothing: loss and gradient are 0, whatever the logits are.
//
// Arithmetic is in float, of doubles in double; the gradient is rounded once.
#pragma once

#include <cstdint>

#include "pal/kernels/numbers.h"
#include "pal/kernels/stream.h"

namespace pal::kernels {

// What the kernel reads and writes.
template <typename T>
struct CrossEntropy {
  const T* logits = nullptr;         // [n, V]
  const int64_t* targets = nullptr;  // [n], from 0 to before V; below 0: the row counts nothing
  Wide<T>* losses = nullptr;         // [n]
  T* gradient = nullptr;             // [n, V], may be the logits; null: not wanted
  int64_t rows = 0, vocabulary = 0;  // n and V
};

// Launches it on a GPU, where all pointers are. T: float, Bf16.
template <typename T>
void cross_entropy(const CrossEntropy<T>& p, Stream stream);
// The same on the CPU. T: float, double.
template <typename T>
void cross_entropy_cpu(const CrossEntropy<T>& p);

}  // namespace pal::kernels
