// SIGTERM and SIGINT ask for a checkpoint and an end, between two steps.
#pragma once

#include <atomic>
#include <csignal>

namespace pal {

class StopSignal {
 public:
  static void install();
  static bool received() { return signal_.load() != 0; }
  static const char* name() { return signal_.load() == SIGINT ? "SIGINT" : "SIGTERM"; }

 private:
  static std::atomic<int> signal_;
};

}  // namespace pal
