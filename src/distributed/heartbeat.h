// Which processes still run: each writes a number that grows into the store of process 0.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <string>
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

  // This process begins an exchange.
  void begin_exchange() { state_->exchanges.fetch_add(1); }

  // Those whose number has not grown for some seconds, for people: "process 3 (host node07, pid 812)"; where all run, those that have begun fewer exchanges
  // than this one; empty where there are none. Takes these seconds.
  std::string missing();

 private:
  // What threads use that may outlive this object: where process 0 hangs, its store never answers, and whoever asks it hangs too.
  struct State {
    c10::intrusive_ptr<c10d::Store> store;
    int64_t rank, size;
    std::string place{};  // host and pid
    std::atomic<int64_t> exchanges{0};
    std::mutex mutex{};  // of `ending`
    std::condition_variable changed{};
    bool ending = false;
  };
  static void beat(State& state);
  static std::vector<std::string> all(const State& state);
  static std::string find_missing(const State& state);

  std::shared_ptr<State> state_;
  std::future<void> ended_;  // of the thread that writes
};

}  // namespace pal
