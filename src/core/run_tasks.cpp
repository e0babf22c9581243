#include "pal/core/run_tasks.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "pal/core/check.h"

namespace pal {

void run_tasks(std::int64_t count, int threads, const std::function<void(std::int64_t)>& task) {
  PAL_ASSERT(threads >= 1, "{} threads for tasks", threads);
  std::atomic<std::int64_t> next = 0;
  std::mutex mutex;  // of the failure
  std::exception_ptr failure;
  const auto work = [&] {
    try {
      for (std::int64_t i; (i = next++) < count;) task(i);
    } catch (...) {
      next = count;
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> others;
    for (std::int64_t i = 1; i < std::min<std::int64_t>(threads, count); ++i) others.emplace_back(work);
    work();
  }  // the others have ended
  if (failure) std::rethrow_exception(failure);
}

}  // namespace pal
