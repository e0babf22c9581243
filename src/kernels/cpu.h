// What kernels on the CPU share.
#pragma once

#include <algorithm>
#include <cstdint>

// Compiled several times, for what processors can do; the best is taken when the program starts. Not for templates.
#if defined(__x86_64__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define PAL_FOR_EACH_PROCESSOR __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define PAL_FOR_EACH_PROCESSOR
#endif

// For the templates that they consist of.
#define PAL_INLINE [[gnu::always_inline]] inline

namespace pal::kernels {

// work(begin, end) over parts of [0, count), in as many threads as torch computes with, where `cost`, in numbers that are read, is worth starting
// them. Which thread does what changes no bits.
template <typename Work>
void in_parts(int64_t count, int64_t cost, const Work& work) {
  constexpr int64_t kWorthAThread = 1 << 14, kParts = 64;
  const int64_t parts = std::min(count, kParts);
#pragma omp parallel for schedule(static) if (cost > 2 * kWorthAThread)
  for (int64_t i = 0; i < parts; ++i) work(count * i / parts, count * (i + 1) / parts);
}

}  // namespace pal::kernels
