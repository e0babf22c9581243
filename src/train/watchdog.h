// Says where a process is that does not go on: a file system, a device or another process hangs, and nobody is told otherwise.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace pal {

class Watchdog {
 public:
  using Say = std::function<void(const std::string& what, std::chrono::seconds since)>;

  // say: called from a thread of its own, once for each `limit` that passes in one thing.
  Watchdog(std::chrono::milliseconds limit, Say say);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  void begin(std::string what);  // from now on this process does `what`
  void rest();                   // nothing that may last too long

 private:
  void watch();

  std::chrono::milliseconds limit_;
  Say say_;
  std::mutex mutex_;  // of all below
  std::condition_variable changed_;
  std::string what_;
  std::chrono::steady_clock::time_point since_, said_;
  bool is_watching_ = false, ending_ = false;
  std::thread thread_;  // the last one: it uses all above
};

}  // namespace pal
