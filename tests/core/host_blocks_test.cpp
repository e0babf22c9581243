#include "pal/core/host_blocks.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cstring>
#include <random>
#include <thread>

#include "pal/core/host_allocator.h"
#include "pal/core/host_memory.h"

namespace pal {
namespace {

constexpr std::size_t kMiB = 1 << 20;

TEST(HostBlocks, GiveTheSameMemoryToTheNextOfTheSize) {
  HostBlocks blocks;
  void* const first = blocks.take(8 * kMiB);
  std::memset(first, 1, 8 * kMiB);
  ASSERT_TRUE(blocks.give_back(first));
  EXPECT_EQ(blocks.take(8 * kMiB - 100), first) << "nearly the same size";
  EXPECT_NE(blocks.take(8 * kMiB), first) << "it is in use";
  EXPECT_EQ(blocks.counts().asked_of_system, 2);
}

TEST(HostBlocks, KeepAQuarterMoreThanWasOnceInUseAtMost) {
  HostBlocks blocks;
  std::mt19937 random(1);
  std::vector<void*> used;
  std::size_t most = 0, in_use = 0;
  for (int i = 0; i < 2000; ++i) {
    if (used.size() < 20 && random() % 2 == 0) {
      used.push_back(blocks.take((1 + random() % 64) * kMiB / 4));
    } else if (!used.empty()) {
      std::swap(used[random() % used.size()], used.back());
      ASSERT_TRUE(blocks.give_back(used.back()));
      used.pop_back();
    }
    const auto counts = blocks.counts();
    in_use = counts.in_use;
    most = std::max(most, in_use);
    ASSERT_EQ(counts.peak, most);
    ASSERT_LE(counts.in_use + counts.kept, most + most / 4) << "after " << i;
  }
  EXPECT_GT(blocks.counts().kept, 0);
}

TEST(HostBlocks, LetGoWhatWasKeptLongest) {
  HostBlocks blocks;
  void* const older = blocks.take(3 * kMiB);
  void* const newer = blocks.take(5 * kMiB);
  blocks.give_back(older);
  blocks.give_back(newer);
  void* const another = blocks.take(4 * kMiB);  // of 8 MiB and a quarter, 6 are left to keep
  EXPECT_EQ(blocks.counts().kept, 5 * kMiB);
  EXPECT_EQ(blocks.take(5 * kMiB), newer);
  (void)another;
}

TEST(HostBlocks, LetGoWhatNobodyAskedForForLong) {
  HostBlocks blocks(std::chrono::milliseconds(20));
  void* const large = blocks.take(64 * kMiB);
  void* const small = blocks.take(kMiB);
  blocks.give_back(large);
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  EXPECT_EQ(blocks.counts().kept, 64 * kMiB) << "nobody has come";
  blocks.give_back(small);
  EXPECT_EQ(blocks.counts().kept, kMiB);
}

TEST(HostBlocks, RoundByAnEighthAtMostAndToPages) {
  for (std::size_t bytes : {std::size_t{1}, std::size_t{4096}, 256 * kMiB / 1024, 3 * kMiB + 1, 37 * kMiB, 1000 * kMiB + 7}) {
    EXPECT_GE(HostBlocks::rounded(bytes), bytes);
    EXPECT_LE(HostBlocks::rounded(bytes), bytes + std::max<std::size_t>(bytes / 8, 4096)) << bytes;
    EXPECT_EQ(HostBlocks::rounded(bytes) % 4096, 0);
    EXPECT_EQ(HostBlocks::rounded(HostBlocks::rounded(bytes)), HostBlocks::rounded(bytes));
  }
}

TEST(HostBlocks, RefuseWhatIsNotTheirs) {
  HostBlocks blocks;
  int other = 0;
  EXPECT_FALSE(blocks.give_back(&other));
  void* const block = blocks.take(kMiB);
  EXPECT_TRUE(blocks.give_back(block));
  EXPECT_FALSE(blocks.give_back(block)) << "twice";
}

TEST(HostBlocks, SayWhenTheSystemHasNoMore) {
  HostBlocks blocks;
  blocks.give_back(blocks.take(kMiB));
  EXPECT_EQ(blocks.take(std::size_t{1} << 60), nullptr);
  EXPECT_EQ(blocks.counts().in_use, 0);
}

TEST(HostBlocks, ServeThreadsAtOnce) {
  HostBlocks blocks;
  std::vector<std::thread> threads;
  std::atomic<int> spoiled = 0;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 300; ++i) {
        const auto size = (1 + (i + t) % 5) * kMiB / 4;
        auto* const block = static_cast<unsigned char*>(blocks.take(size));
        block[0] = block[size - 1] = static_cast<unsigned char>(t);
        std::this_thread::yield();
        spoiled += block[0] != t || block[size - 1] != t;
        blocks.give_back(block);
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(spoiled, 0);
  EXPECT_EQ(blocks.counts().in_use, 0);
}

// In a process of its own: the allocator stays for the rest of it.
#define EXPECT_IN_CHILD(condition) EXPECT_EXIT({ keep_host_blocks(); std::_Exit((condition) ? 0 : 1); }, testing::ExitedWithCode(0), "")

bool large_tensors_reuse_memory() {
  const void* const first = torch::ones({1024, 1024}).data_ptr();
  const auto next = torch::empty({1024, 1024});
  return next.data_ptr() == first && torch::empty({1024, 1024}).data_ptr() != first;
}

bool freed_memory_stays_here() {
  torch::ones({64, 1024, 1024});
  return host_memory().anonymous > int64_t(256 * kMiB);
}

bool tensors_of_before_are_freed() {
  static auto before = torch::ones({1024, 1024});
  keep_host_blocks();
  before = torch::ones({16});
  return before.sum().item<float>() == 16;
}

bool storages_grow() {
  auto tensor = torch::arange(1 << 20);
  tensor.resize_({1 << 21});
  return tensor.narrow(0, 0, 1 << 20).equal(torch::arange(1 << 20));
}

TEST(HostAllocator, LetsLargeTensorsFollowEachOther) { EXPECT_IN_CHILD(large_tensors_reuse_memory()); }
TEST(HostAllocator, KeepsFreedMemory) { EXPECT_IN_CHILD(freed_memory_stays_here()); }
TEST(HostAllocator, ResizesStorages) { EXPECT_IN_CHILD(storages_grow()); }
TEST(HostAllocator, LeavesEarlierTensorsToTheirAllocator) {
  EXPECT_EXIT(std::_Exit(tensors_of_before_are_freed() ? 0 : 1), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace pal
