// SIGTERM, SIGINT and SIGUSR1 (which Slurm and others send before time runs out) ask for a checkpoint and an end, between two steps.
#pragma once

#include <atomic>
#include <csignal>

namespace pal {

class StopSignal {
 public:
  static void install();
  static bool received() { return signal_.load() != 0; }
  static const char* name();  // for people

 private:
  static std::atomic<int> signal_;
};

}  // namespace pal
