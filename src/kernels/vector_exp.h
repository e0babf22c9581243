// exp() that loops under `omp simd` call for many numbers at once.
#pragma once

#include <cmath>

#include "cpu.h"

#if defined(__GLIBC__) && defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
// glibc has them for vectors (libmvec, to 4 ulp), but says so only to what is compiled with -ffast-math, which gives up infinities.
#pragma omp declare simd notinbranch
extern "C" float expf(float) noexcept;
#pragma omp declare simd notinbranch
extern "C" double exp(double) noexcept;
#define PAL_HAS_VECTOR_EXP true
#else
#define PAL_HAS_VECTOR_EXP false
#endif

namespace pal::kernels {

constexpr bool kHasVectorExp = PAL_HAS_VECTOR_EXP;  // else the loops call it number by number

PAL_INLINE float vector_exp(float x) { return ::expf(x); }
PAL_INLINE double vector_exp(double x) { return ::exp(x); }

}  // namespace pal::kernels
