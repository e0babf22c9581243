#include "pal/core/worker_threads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <latch>
#include <memory>
#include <set>

namespace pal {
namespace {

TEST(WorkerThreads, BeginTasksInTheirOrder) {
  std::vector<int> order;
  std::promise<void> last;
  WorkerThreads threads(1);
  for (int i = 0; i < 100; ++i) threads.add([&order, i] { order.push_back(i); });
  threads.add([&last] { last.set_value(); });
  last.get_future().wait();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order.at(std::size_t(i)), i);
}

TEST(WorkerThreads, RunTasksAtTheSameTimeAfterEachHasBegun) {
  std::mutex mutex;
  std::set<std::thread::id> begun, worked;
  {
    std::latch together(3);
    std::latch done(3);
    WorkerThreads threads(3, [&] {
      const std::lock_guard lock(mutex);
      begun.insert(std::this_thread::get_id());
    });
    EXPECT_EQ(begun.size(), 3u);
    for (int i = 0; i < 3; ++i)
      threads.add([&] {
        together.arrive_and_wait();  // none goes on before all three are here
        {
          const std::lock_guard lock(mutex);
          worked.insert(std::this_thread::get_id());
        }
        done.count_down();
      });
    done.wait();
  }
  EXPECT_EQ(begun, worked);
}

TEST(WorkerThreads, EndWithTheTasksThatWereBegunAndDropTheOthers) {
  std::atomic<int> done = 0;
  std::promise<void> started, release;
  auto released = release.get_future().share();
  auto threads = std::make_unique<WorkerThreads>(1);
  threads->add([&, released] {
    started.set_value();
    released.wait();
    ++done;
  });
  for (int i = 0; i < 10; ++i) threads->add([&done] { ++done; });
  started.get_future().wait();
  auto ending = std::async(std::launch::async, [&] { threads.reset(); });
  EXPECT_EQ(ending.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);  // it waits for the first
  release.set_value();
  ending.wait();
  EXPECT_EQ(done, 1);
}

}  // namespace
}  // namespace pal
