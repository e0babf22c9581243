// Independent tasks in several threads.
#pragma once

#include <cstdint>
#include <functional>

namespace pal {

// Calls task(0), task(1), ... task(count - 1), begun in this order by `threads` threads (at least 1), of which the calling one is the first.
// Returns when all have ended. Once a task has thrown no further one is begun, and what it threw is thrown here. (at::parallel_for is
// serial outside of torch's own sources: it needs the OpenMP that torch was built with.)
void run_tasks(std::int64_t count, int threads, const std::function<void(std::int64_t)>& task);

}  // namespace pal
