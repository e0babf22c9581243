// Which processes still run: each writes a number that grows into the store of process 0.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <torch/csrc/distributed/c10d/Store.hpp>

namespace pal {

class Heartbeat {
 public:
  // store: a connection of its own, that nothing else waits on.
  Heartbeat(c10::intrusive_ptr<c10d::Store> store, int64_t rank, int64_t size);
  ~Heartbeat();
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;

  // Those whose number has not grown for some seconds, for people: "process 3 (host node07, pid 812)"; empty where all run. Takes these seconds.
  std::string missing();

 private:
  void beat();
  std::vector<std::string> all();

  c10::intrusive_ptr<c10d::Store> store_;
  int64_t rank_, size_;
  std::string place_;  // host and pid
  std::mutex mutex_;   // of the two below
  std::condition_variable changed_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace pal
