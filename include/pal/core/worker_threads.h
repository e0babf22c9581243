// Threads that work through a queue of tasks.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace pal {

// Does tasks in several threads, begun in the order in which they were given. Whoever gives them sees to it that the queue stays short.
class WorkerThreads {
 public:
  // threads: at least 1. begin: called by each of them before its first task; all calls have ended when the constructor has.
  explicit WorkerThreads(int threads, std::function<void()> begin = {});
  // Waits for the tasks that were begun; the others are dropped.
  ~WorkerThreads();
  WorkerThreads(const WorkerThreads&) = delete;
  WorkerThreads& operator=(const WorkerThreads&) = delete;

  // A task must not throw: std::packaged_task keeps what another one throws for whoever waits for it.
  void add(std::function<void()> task);

 private:
  void work();

  std::mutex mutex_;  // of the queue and of `ending_`
  std::condition_variable changed_;
  std::deque<std::function<void()>> queue_;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace pal
