#include "pal/core/host_blocks.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>

namespace pal {

namespace {

constexpr std::size_t kPage = 4096;

}  // namespace

HostBlocks::~HostBlocks() {
  release_down_to(0);
  for (const auto& [block, size] : in_use_) munmap(block, size);
}

std::size_t HostBlocks::rounded(std::size_t bytes) {
  const auto step = std::max(std::bit_floor(bytes) / 8, kPage);
  return (bytes + step - 1) / step * step;
}

void* HostBlocks::take(std::size_t bytes) {
  const auto size = rounded(bytes);
  const std::lock_guard lock(mutex_);
  void* block = take_kept(size);
  if (block == nullptr) block = ask_system(size);
  if (block == nullptr) return nullptr;
  in_use_.emplace(block, size);
  counts_.in_use += size;
  counts_.peak = std::max(counts_.peak, counts_.in_use);
  release_down_to(most_kept());
  return block;
}

bool HostBlocks::give_back(void* block) {
  const std::lock_guard lock(mutex_);
  const auto found = in_use_.find(block);
  if (found == in_use_.end()) return false;
  kept_.emplace(found->second, Kept{block, returns_++});
  counts_.in_use -= found->second;
  counts_.kept += found->second;
  in_use_.erase(found);
  release_down_to(most_kept());
  return true;
}

HostBlocks::Counts HostBlocks::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

std::size_t HostBlocks::most_kept() const {
  return counts_.peak + counts_.peak / 4 - counts_.in_use;
}

// The one that was given back last: it may still be in a cache.
void* HostBlocks::take_kept(std::size_t size) {
  const auto after = kept_.upper_bound(size);
  if (after == kept_.begin()) return nullptr;
  const auto last = std::prev(after);
  if (last->first != size) return nullptr;
  void* const block = last->second.block;
  kept_.erase(last);
  counts_.kept -= size;
  return block;
}

void* HostBlocks::ask_system(std::size_t size) {
  const auto ask = [&] { return mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); };
  ++counts_.asked_of_system;
  auto* block = ask();
  if (block == MAP_FAILED && counts_.kept > 0) {
    release_down_to(0);
    block = ask();
  }
  return block == MAP_FAILED ? nullptr : block;
}

void HostBlocks::release_down_to(std::size_t most) {
  while (counts_.kept > most) {
    const auto oldest = std::min_element(kept_.begin(), kept_.end(), [](const auto& a, const auto& b) { return a.second.since < b.second.since; });
    munmap(oldest->second.block, oldest->first);
    counts_.kept -= oldest->first;
    kept_.erase(oldest);
  }
}

}  // namespace pal
