#include <limits>

#include "cpu.h"
#include "pal/kernels/cross_entropy.h"
#include "vector_exp.h"

namespace pal::kernels {

namespace {

template <typename T>
PAL_INLINE T largest_of(const T* x, int64_t count) {
  T largest = -std::numeric_limits<T>::infinity();
#pragma omp simd reduction(max : largest)
  for (int64_t i = 0; i < count; ++i) largest = x[i] > largest ? x[i] : largest;
  return largest;
}

// The sum of exp(x - largest); in `out`, which may be x, where it is not null, each of them. Summed block by block: thousands of numbers one after the other would lose digits.
template <typename T>
PAL_INLINE T exponentials(const T* x, T largest, T* out, int64_t count) {
  constexpr int64_t kBlock = 1024;
  T sum = 0;
  for (int64_t begin = 0; begin < count; begin += kBlock) {
    const int64_t end = std::min(begin + kBlock, count);
    T part = 0;
    if (out == nullptr) {
#pragma omp simd reduction(+ : part)
      for (int64_t i = begin; i < end; ++i) part += vector_exp(x[i] - largest);
    } else {
#pragma omp simd reduction(+ : part)
      for (int64_t i = begin; i < end; ++i) part += out[i] = vector_exp(x[i] - largest);
    }
    sum += part;
  }
  return sum;
}

template <typename T>
PAL_INLINE void take_row(const CrossEntropy<T>& p, int64_t row) {
  const T* logits = p.logits + row * p.vocabulary;
  T* gradient = p.gradient == nullptr ? nullptr : p.gradient + row * p.vocabulary;
  const int64_t target = p.targets[row];
  if (target < 0) {
    p.losses[row] = 0;
    if (gradient != nullptr) std::fill(gradient, gradient + p.vocabulary, T(0));
    return;
  }
  const T wanted = logits[target], largest = largest_of(logits, p.vocabulary);  // before the gradient may overwrite it
  const T sum = exponentials(logits, largest, gradient, p.vocabulary);
  p.losses[row] = std::log(sum) + (largest - wanted);  // in this order nothing is lost where logits are large
  if (gradient == nullptr) return;
  const T share = T(1) / sum;
#pragma omp simd
  for (int64_t i = 0; i < p.vocabulary; ++i) gradient[i] *= share;
  gradient[target] -= T(1);
}

PAL_FOR_EACH_PROCESSOR void rows_part(const CrossEntropy<float>& p, int64_t begin, int64_t end) {
  for (int64_t r = begin; r < end; ++r) take_row(p, r);
}
PAL_FOR_EACH_PROCESSOR void rows_part(const CrossEntropy<double>& p, int64_t begin, int64_t end) {
  for (int64_t r = begin; r < end; ++r) take_row(p, r);
}

}  // namespace

template <typename T>
void cross_entropy_cpu(const CrossEntropy<T>& p) {
  in_parts(p.rows, p.rows * p.vocabulary, [&](int64_t begin, int64_t end) { rows_part(p, begin, end); });
}

template void cross_entropy_cpu(const CrossEntropy<float>&);
template void cross_entropy_cpu(const CrossEntropy<double>&);

}  // namespace pal::kernels
