#include "stop_signal.h"

namespace pal {

std::atomic<int> StopSignal::signal_{0};
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler may only touch lock-free atomics");

void StopSignal::install() {
  struct sigaction action {};
  action.sa_handler = [](int number) { signal_.store(number); };
  action.sa_flags = SA_RESETHAND | SA_RESTART;  // a second Ctrl-C ends the process at once; writes go on undisturbed
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGUSR1, &action, nullptr);
}

const char* StopSignal::name() {
  switch (signal_.load()) {
    case SIGINT: return "SIGINT";
    case SIGTERM: return "SIGTERM";
    case SIGUSR1: return "SIGUSR1";
    default: return "a signal to another process";
  }
}

}  // namespace pal
