// Several processes of a run as threads of a test: each with its own group, over the loopback.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "pal/distributed/process_group.h"

namespace pal {

// One that nothing listened at just now.
inline int free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(socket, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("no free port");
  ::close(socket);
  return ntohs(address.sin_port);
}

// Calls `body` for each rank, all at once; throws what the first of them threw.
inline void run_ranks(int64_t ranks, const std::function<void(ProcessGroup&)>& body, std::chrono::milliseconds timeout = std::chrono::seconds(20)) {
  // c10d notes its last operations for people to look at, once in a process: not safe where several ranks are threads of one (2.11 writes a map unlocked).
  ::setenv("TORCH_FR_BUFFER_SIZE", "0", /*overwrite=*/1);
  const int port = free_port();
  std::mutex mutex;
  std::exception_ptr failure;
  std::vector<std::thread> threads;
  for (int64_t rank = 0; rank < ranks; ++rank)
    threads.emplace_back([&, rank] {
      try {
        const Launch launch{.rank = rank, .world = ranks, .local_rank = rank, .local_world = ranks, .address = "127.0.0.1", .port = port, .by = "test"};
        ProcessGroup group(launch, at::kCPU, timeout);
        body(group);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!failure) failure = std::current_exception();
      }
    });
  for (auto& thread : threads) thread.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace pal
