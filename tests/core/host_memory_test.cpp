#include "pal/core/host_memory.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <vector>

namespace pal {
namespace {

constexpr std::int64_t kBlock = 50'000, kBlocks = 4'000;  // 200 MB of blocks that the allocator cuts from its heap

// Blocks that are all touched.
std::vector<std::unique_ptr<char[]>> make_blocks() {
  std::vector<std::unique_ptr<char[]>> blocks;
  for (std::int64_t i = 0; i < kBlocks; ++i) {
    blocks.push_back(std::make_unique_for_overwrite<char[]>(kBlock));
    std::memset(blocks.back().get(), 1, kBlock);
  }
  return blocks;
}

TEST(HostMemory, CountsWhatIsTouched) {
  const auto before = host_memory().anonymous;
  const auto blocks = make_blocks();
  const auto after = host_memory();
  EXPECT_GE(after.anonymous - before, kBlock * kBlocks * 9 / 10);  // some may lie in what was free
  EXPECT_GE(after.peak, after.resident());
}

}  // namespace
}  // namespace pal
