// The residual's sum and its RMS norm in one pass, and their backward in one more (Zhang and Sennrich 2019).
//
//   sum = x + update        normed = sum * rstd * weight        rstd = 1 / sqrt(mean(sum^2) + eps)
//
// n rows of D numbers without gaps; each result is rounded once.
#pragma once

#include <cstdint>

#include "pal/kernels/numbers.h"
#include "pal/kernels/stream.h"

namespace pal::kernels {

// The widest rows that the CUDA kernels take.
inline constexpr int64_t kMostRmsNormWidth = 8192;

// What the forward reads and writes.
template <typename T>
struct RmsNormForward {
  const T* x = nullptr;       // [n, D]
  const T* update = nullptr;  // [n, D]; null: sum is x, and is not written
  const T* weight = nullptr;  // [D]
  T* sum = nullptr;           // [n, D], rounded before it is normalised; may be x
  T* normed = nullptr;        // [n, D]
  Wide<T>* rstd = nullptr;    // [n]
  int64_t rows = 0, width = 0;  // n and D
  double eps = 0;               // added under the root
};

// Launches the forward on a GPU, where all pointers are. T: float, Bf16.
template <typename T>
void rms_norm_forward(const RmsNormForward<T>& p, Stream stream);
// The same on the CPU. T: float, double.
template <typename T>
void rms_norm_forward_cpu(const RmsNormForward<T>& p);

// What the backward reads and writes.
template <typename T>
struct RmsNormBackward {
  const T* normed_gradient = nullptr;  // [n, D]
  const T* sum_gradient = nullptr;     // [n, D], of the sum's other reader; null: there is none
  const T* sum = nullptr;              // [n, D], what the forward normalised
  const T* weight = nullptr;           // [D]
  const Wide<T>* rstd = nullptr;       // [n], of the forward
  T* gradient = nullptr;               // [n, D], of x and of update alike; may be one of the two gradients read
  T* weight_gradient = nullptr;        // [D]; null: not wanted
  Wide<T>* partial = nullptr;          // [parts, D], room for sums of parts of the rows; null where the weight's is not wanted
  int64_t parts = 0;                   // at least 1; the sums' order, and so their bits, depend on it
  int64_t rows = 0, width = 0;  // n and D
};

// Launches the backward: sums in a fixed order, so that the same input gives the same bits.
template <typename T>
void rms_norm_backward(const RmsNormBackward<T>& p, Stream stream);
// The same on the CPU: the same bits for any number of threads.
template <typename T>
void rms_norm_backward_cpu(const RmsNormBackward<T>& p);

}  // namespace pal::kernels
