#include "allocation_limit.h"

#include <sanitizer/allocator_interface.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace pal::fuzz {

namespace {

// Of the one limit at work. The readers start no threads.
bool counting = false;
std::int64_t in_use = 0, highest = 0, allowed = 0;

void on_allocation(const volatile void*, std::size_t bytes) {
  if (!counting) return;
  in_use += std::int64_t(bytes);
  highest = std::max(highest, in_use);
  if (in_use <= allowed) return;
  counting = false;  // what follows allocates too
  std::fprintf(stderr, "pal: too much memory: %lld bytes in use with an allocation of %zu, %lld are allowed for this input\n",
               static_cast<long long>(in_use), bytes, static_cast<long long>(allowed));
  std::abort();
}

void on_release(const volatile void* memory) {
  if (counting && memory != nullptr) in_use -= std::int64_t(__sanitizer_get_allocated_size(const_cast<const void*>(memory)));
}

void install_hooks() {
  static const bool installed = __sanitizer_install_malloc_and_free_hooks(on_allocation, on_release) != 0;
  if (installed) return;
  std::fprintf(stderr, "pal: the sanitizer takes no more hooks\n");
  std::abort();
}

}  // namespace

AllocationLimit::AllocationLimit(std::size_t bytes) {
  install_hooks();
  in_use = highest = 0;
  allowed = std::int64_t(bytes);
  counting = true;
}

AllocationLimit::~AllocationLimit() { counting = false; }

std::size_t AllocationLimit::most() const { return std::size_t(highest); }

}  // namespace pal::fuzz
