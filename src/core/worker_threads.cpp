#include "pal/core/worker_threads.h"

#include <latch>
#include <utility>

#include "pal/core/check.h"

namespace pal {

WorkerThreads::WorkerThreads(int threads, std::function<void()> begin) {
  PAL_ASSERT(threads >= 1, "{} threads for tasks", threads);
  std::latch begun(threads);
  for (int i = 0; i < threads; ++i)
    threads_.emplace_back([this, &begun, &begin] {
      if (begin) begin();
      begun.count_down();
      work();
    });
  begun.wait();
}

WorkerThreads::~WorkerThreads() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void WorkerThreads::add(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(task));
  }
  changed_.notify_one();
}

void WorkerThreads::work() {
  for (;;) {
    std::function<void()> task;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return ending_ || !queue_.empty(); });
      if (ending_) return;
      task = std::move(queue_.front());
      queue_.pop_front();
    }
    task();
  }
}

}  // namespace pal
