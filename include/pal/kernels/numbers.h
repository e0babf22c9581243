// The numbers that kernels take: float, bfloat16, and double on the CPU.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#ifdef __CUDACC__
#define PAL_BOTH_SIDES __host__ __device__
#else
#define PAL_BOTH_SIDES
#endif

namespace pal::kernels {

// What arithmetic on a type is done in.
template <typename T>
using Wide = std::conditional_t<std::is_same_v<T, double>, double, float>;

// bfloat16: the upper half of a float, the bits of torch's at::BFloat16.
struct Bf16 {
  uint16_t bits;  // sign, 8 of exponent, 7 of fraction
};

// To float: exact.
PAL_BOTH_SIDES inline float to_float(Bf16 value) {
  const uint32_t bits = uint32_t(value.bits) << 16;
  float wide;
  memcpy(&wide, &bits, sizeof wide);
  return wide;
}
// The same for what is a float already.
PAL_BOTH_SIDES inline float to_float(float value) { return value; }

// From float: to nearest, ties to even, NaN stays NaN.
PAL_BOTH_SIDES inline void from_float(float wide, Bf16& value) {
#ifdef __CUDA_ARCH__
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(value.bits) : "f"(wide));
#else
  uint32_t bits;
  memcpy(&bits, &wide, sizeof bits);
  value.bits = wide == wide ? uint16_t((bits + 0x7fff + ((bits >> 16) & 1)) >> 16) : uint16_t(0x7fff);
#endif
}
// The same for what stays a float.
PAL_BOTH_SIDES inline void from_float(float wide, float& value) { value = wide; }

// Whether loops on the CPU take the exponentials of many numbers at once, which this library's compiler must know how to; where it does not, torch's operators are faster.
bool has_vector_exp();

}  // namespace pal::kernels
