#include "memory_pages.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

namespace pal {

namespace {

constexpr std::uintptr_t kLargePage = 2 << 20;  // of x86-64 and of ARM with pages of 4 KiB

// `advice` for those units of memory that lie in it whole.
void advise(std::span<std::byte> memory, std::uintptr_t unit, int advice) {
  const auto begin = reinterpret_cast<std::uintptr_t>(memory.data()), end = begin + memory.size();
  const auto first = (begin + unit - 1) / unit * unit, last = end / unit * unit;
  if (last > first) ::madvise(reinterpret_cast<void*>(first), last - first, advice);
}

}  // namespace

void prefer_large_pages([[maybe_unused]] std::span<std::byte> memory) {
#ifdef MADV_HUGEPAGE
  advise(memory, kLargePage, MADV_HUGEPAGE);
#endif
}

void provide_pages([[maybe_unused]] std::span<std::byte> memory) {
#ifdef MADV_POPULATE_WRITE
  static const auto page = std::uintptr_t(::sysconf(_SC_PAGESIZE));
  advise(memory, page, MADV_POPULATE_WRITE);
#endif
}

}  // namespace pal
