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

TEST(HostMemory, WhatIsFreeBetweenWhatIsInUseCanBeGivenBack) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer has an allocator of its own";
#endif
  auto blocks = make_blocks();
  for (std::size_t i = 0; i < blocks.size(); ++i)
    if (i % 100 != 99) blocks[i].reset();  // also the last one stays, on top of all others
  const auto kept = host_memory().anonymous;
  give_back_free_memory();
  EXPECT_LE(host_memory().anonymous, kept - kBlock * kBlocks / 2);
  for (std::size_t i = 99; i < blocks.size(); i += 100) EXPECT_EQ(blocks[i][kBlock - 1], 1);
}

}  // namespace
}  // namespace pal
