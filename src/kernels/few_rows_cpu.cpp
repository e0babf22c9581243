#include "pal/kernels/few_rows.h"

#include "cpu.h"

namespace pal::kernels {

namespace {

// One output of kRows rows. Each row has kLanes sums, of every kLanes-th number, which become a few vectors.
template <typename T, int kRows>
PAL_INLINE void dot(const T* x, const T* weight, int64_t in, T* sums) {
  constexpr int kLanes = 16;
  T lanes[kRows][kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= in; i += kLanes)
    for (int r = 0; r < kRows; ++r)
#pragma omp simd
      for (int l = 0; l < kLanes; ++l) lanes[r][l] += x[r * in + i + l] * weight[i + l];
  for (int r = 0; r < kRows; ++r) {
    T sum = 0;
    for (int l = 0; l < kLanes; ++l) sum += lanes[r][l];
    for (int64_t rest = i; rest < in; ++rest) sum += x[r * in + rest] * weight[rest];
    sums[r] = sum;
  }
}

template <typename T>
PAL_INLINE void outputs(const FewRows<T>& p, int64_t begin, int64_t end) {
  for (int64_t o = begin; o < end; ++o) {
    const T* weight = p.weight + o * p.in;
    T sums[kMostFewRows];
    int64_t row = 0;
    if (p.rows >= 8) dot<T, 8>(p.x, weight, p.in, sums), row = 8;
    if (p.rows - row >= 4) dot<T, 4>(p.x + row * p.in, weight, p.in, sums + row), row += 4;
    if (p.rows - row >= 2) dot<T, 2>(p.x + row * p.in, weight, p.in, sums + row), row += 2;
    if (p.rows - row >= 1) dot<T, 1>(p.x + row * p.in, weight, p.in, sums + row);
    for (int64_t r = 0; r < p.rows; ++r) p.y[r * p.out + o] = sums[r] + (p.bias == nullptr ? T(0) : p.bias[o]);
  }
}

PAL_FOR_EACH_PROCESSOR void outputs_part(const FewRows<float>& p, int64_t begin, int64_t end) { outputs(p, begin, end); }
PAL_FOR_EACH_PROCESSOR void outputs_part(const FewRows<double>& p, int64_t begin, int64_t end) { outputs(p, begin, end); }

}  // namespace

template <typename T>
void few_rows_cpu(const FewRows<T>& p) {
  in_parts(p.out, p.out * p.in, [&](int64_t begin, int64_t end) { outputs_part(p, begin, end); });
}

template void few_rows_cpu(const FewRows<float>&);
template void few_rows_cpu(const FewRows<double>&);

}  // namespace pal::kernels
