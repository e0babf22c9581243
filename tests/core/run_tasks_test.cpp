#include "pal/core/run_tasks.h"

#include <gmock/gmock.h>

#include <atomic>
#include <barrier>
#include <stdexcept>
#include <vector>

namespace pal {
namespace {

TEST(RunTasks, EveryTaskRunsOnceWhateverTheThreads) {
  for (const int threads : {1, 3, 8}) {
    std::vector<std::atomic<int>> runs(100);
    run_tasks(100, threads, [&](std::int64_t i) { ++runs[std::size_t(i)]; });
    for (const auto& count : runs) EXPECT_EQ(count, 1);
  }
}

TEST(RunTasks, TasksRunAtTheSameTime) {
  std::barrier all_there(4);  // would wait for ever with fewer threads
  run_tasks(4, 4, [&](std::int64_t) { all_there.arrive_and_wait(); });
}

TEST(RunTasks, WithoutTasksNothingHappens) {
  run_tasks(0, 2, [](std::int64_t) { FAIL(); });
}

TEST(RunTasks, AFailureReachesTheCallerAndEndsTheRest) {
  std::atomic<int> begun = 0;
  EXPECT_THAT(([&] {
                run_tasks(100000, 2, [&](std::int64_t i) {
                  ++begun;
                  if (i == 3) throw std::runtime_error("the fourth");
                });
              }),
              testing::ThrowsMessage<std::runtime_error>("the fourth"));
  EXPECT_LT(begun, 100000);
}

}  // namespace
}  // namespace pal
