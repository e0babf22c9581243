#include <cmath>

#include "cpu.h"
#include "pal/kernels/rms_norm.h"

namespace pal::kernels {

namespace {

template <typename T>
PAL_INLINE void forward_rows(const RmsNormForward<T>& p, int64_t begin, int64_t end) {
  for (int64_t r = begin; r < end; ++r) {
    const T *x = p.x + r * p.width, *weight = p.weight;
    T square = 0;
    if (p.update != nullptr) {
      const T* update = p.update + r * p.width;
      T* sum = p.sum + r * p.width;
#pragma omp simd reduction(+ : square)
      for (int64_t i = 0; i < p.width; ++i) {
        const T s = x[i] + update[i];
        sum[i] = s;
        square += s * s;
      }
      x = sum;
    } else {
#pragma omp simd reduction(+ : square)
      for (int64_t i = 0; i < p.width; ++i) square += x[i] * x[i];
    }
    const T rstd = T(1) / std::sqrt(square / T(p.width) + T(p.eps));
    p.rstd[r] = rstd;
    T* normed = p.normed + r * p.width;
#pragma omp simd
    for (int64_t i = 0; i < p.width; ++i) normed[i] = x[i] * rstd * weight[i];
  }
}

// Rows [begin, end), which are part `part` of the weight's gradient.
template <typename T>
PAL_INLINE void backward_rows(const RmsNormBackward<T>& p, int64_t begin, int64_t end, int64_t part) {
  T* partial = p.partial == nullptr ? nullptr : p.partial + part * p.width;
  if (partial != nullptr) std::fill(partial, partial + p.width, T(0));
  for (int64_t r = begin; r < end; ++r) {
    const T *gradient = p.normed_gradient + r * p.width, *sum = p.sum + r * p.width, *weight = p.weight;
    const T rstd = p.rstd[r];
    T dot = 0;
#pragma omp simd reduction(+ : dot)
    for (int64_t i = 0; i < p.width; ++i) dot += gradient[i] * weight[i] * sum[i];
    if (partial != nullptr) {
#pragma omp simd
      for (int64_t i = 0; i < p.width; ++i) partial[i] += gradient[i] * sum[i] * rstd;
    }
    const T back = dot * rstd * rstd / T(p.width);
    T* out = p.gradient + r * p.width;
    if (p.sum_gradient != nullptr) {
      const T* other = p.sum_gradient + r * p.width;
#pragma omp simd
      for (int64_t i = 0; i < p.width; ++i) out[i] = rstd * (gradient[i] * weight[i] - sum[i] * back) + other[i];
    } else {
#pragma omp simd
      for (int64_t i = 0; i < p.width; ++i) out[i] = rstd * (gradient[i] * weight[i] - sum[i] * back);
    }
  }
}

PAL_FOR_EACH_PROCESSOR void forward_part(const RmsNormForward<float>& p, int64_t begin, int64_t end) { forward_rows(p, begin, end); }
PAL_FOR_EACH_PROCESSOR void forward_part(const RmsNormForward<double>& p, int64_t begin, int64_t end) { forward_rows(p, begin, end); }
PAL_FOR_EACH_PROCESSOR void backward_part(const RmsNormBackward<float>& p, int64_t begin, int64_t end, int64_t part) { backward_rows(p, begin, end, part); }
PAL_FOR_EACH_PROCESSOR void backward_part(const RmsNormBackward<double>& p, int64_t begin, int64_t end, int64_t part) { backward_rows(p, begin, end, part); }

}  // namespace

template <typename T>
void rms_norm_forward_cpu(const RmsNormForward<T>& p) {
  in_parts(p.rows, p.rows * p.width, [&](int64_t begin, int64_t end) { forward_part(p, begin, end); });
}

template <typename T>
void rms_norm_backward_cpu(const RmsNormBackward<T>& p) {
  in_parts(p.parts, p.rows * p.width, [&](int64_t first, int64_t last) {
    for (int64_t part = first; part < last; ++part) backward_part(p, p.rows * part / p.parts, p.rows * (part + 1) / p.parts, part);
  });
  if (p.weight_gradient == nullptr) return;
  std::fill(p.weight_gradient, p.weight_gradient + p.width, T(0));
  for (int64_t part = 0; part < p.parts; ++part)
    for (int64_t i = 0; i < p.width; ++i) p.weight_gradient[i] += p.partial[part * p.width + i];
}

template void rms_norm_forward_cpu(const RmsNormForward<float>&);
template void rms_norm_forward_cpu(const RmsNormForward<double>&);
template void rms_norm_backward_cpu(const RmsNormBackward<float>&);
template void rms_norm_backward_cpu(const RmsNormBackward<double>&);

}  // namespace pal::kernels
