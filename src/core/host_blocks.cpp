#include "pal/core/host_blocks.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <limits>

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
  const auto size = found->second;
  const auto now = Clock::now();
  kept_.emplace(++returns_, Kept{block, size, now});
  by_size_.emplace(size, returns_);
  counts_.in_use -= size;
  counts_.kept += size;
  in_use_.erase(found);
  release_down_to(most_kept());
  while (!kept_.empty() && now - kept_.begin()->second.since > longest_) release_oldest();
  return true;
}

bool HostBlocks::has(const void* block) const {
  const std::lock_guard lock(mutex_);
  return in_use_.contains(const_cast<void*>(block));
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
  const auto after = by_size_.upper_bound({size, std::numeric_limits<std::uint64_t>::max()});
  if (after == by_size_.begin() || std::prev(after)->first != size) return nullptr;
  const auto kept = kept_.extract(std::prev(after)->second);
  by_size_.erase(std::prev(after));
  counts_.kept -= size;
  return kept.mapped().block;
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
  while (counts_.kept > most) release_oldest();
}

void HostBlocks::release_oldest() {
  const auto oldest = kept_.begin();
  const auto [block, size, since] = oldest->second;
  munmap(block, size);
  counts_.kept -= size;
  by_size_.erase({size, oldest->first});
  kept_.erase(oldest);
}

}  // namespace pal
