#include "cpu.h"
#include "pal/kernels/swiglu.h"
#include "vector_exp.h"

namespace pal::kernels {

namespace {

template <typename T>
PAL_INLINE T sigmoid(T x) {
  return T(1) / (T(1) + vector_exp(-x));
}

template <typename T>
PAL_INLINE void forward_rows(const SwigluForward<T>& p, int64_t begin, int64_t end) {
  for (int64_t r = begin; r < end; ++r) {
    const T *gate = p.gate + r * p.pitch, *up = p.up + r * p.pitch;
    T* out = p.out + r * p.width;
#pragma omp simd
    for (int64_t i = 0; i < p.width; ++i) out[i] = gate[i] * sigmoid(gate[i]) * up[i];
  }
}

template <typename T>
PAL_INLINE void backward_rows(const SwigluBackward<T>& p, int64_t begin, int64_t end) {
  if (p.out != nullptr) forward_rows<T>({p.gate, p.up, p.out, p.rows, p.width, p.pitch}, begin, end);  // first: gradients may be written over its inputs
  for (int64_t r = begin; r < end; ++r) {
    const T *gradient = p.out_gradient + r * p.width, *gate = p.gate + r * p.pitch, *up = p.up + r * p.pitch;
    T *gate_gradient = p.gate_gradient + r * p.pitch, *up_gradient = p.up_gradient + r * p.pitch;
#pragma omp simd
    for (int64_t i = 0; i < p.width; ++i) {
      const T s = sigmoid(gate[i]), silu = gate[i] * s, opened = up[i];
      gate_gradient[i] = gradient[i] * opened * (s + silu * (T(1) - s));
      up_gradient[i] = gradient[i] * silu;
    }
  }
}

PAL_FOR_EACH_PROCESSOR void forward_part(const SwigluForward<float>& p, int64_t begin, int64_t end) { forward_rows(p, begin, end); }
PAL_FOR_EACH_PROCESSOR void forward_part(const SwigluForward<double>& p, int64_t begin, int64_t end) { forward_rows(p, begin, end); }
PAL_FOR_EACH_PROCESSOR void backward_part(const SwigluBackward<float>& p, int64_t begin, int64_t end) { backward_rows(p, begin, end); }
PAL_FOR_EACH_PROCESSOR void backward_part(const SwigluBackward<double>& p, int64_t begin, int64_t end) { backward_rows(p, begin, end); }

}  // namespace

template <typename T>
void swiglu_forward_cpu(const SwigluForward<T>& p) {
  in_parts(p.rows, p.rows * p.width, [&](int64_t begin, int64_t end) { forward_part(p, begin, end); });
}

template <typename T>
void swiglu_backward_cpu(const SwigluBackward<T>& p) {
  in_parts(p.rows, p.rows * p.width, [&](int64_t begin, int64_t end) { backward_part(p, begin, end); });
}

template void swiglu_forward_cpu(const SwigluForward<float>&);
template void swiglu_forward_cpu(const SwigluForward<double>&);
template void swiglu_backward_cpu(const SwigluBackward<float>&);
template void swiglu_backward_cpu(const SwigluBackward<double>&);

}  // namespace pal::kernels
