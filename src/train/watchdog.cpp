#include "watchdog.h"

#include <utility>

namespace pal {

using Clock = std::chrono::steady_clock;

Watchdog::Watchdog(std::chrono::milliseconds limit, Say say) : limit_(limit), say_(std::move(say)), thread_([this] { watch(); }) {}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Watchdog::begin(std::string what) {
  {
    const std::lock_guard lock(mutex_);
    what_ = std::move(what);
    since_ = said_ = Clock::now();
    is_watching_ = true;
  }
  changed_.notify_all();
}

void Watchdog::rest() {
  const std::lock_guard lock(mutex_);
  is_watching_ = false;
}

void Watchdog::watch() {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    if (!is_watching_) {
      changed_.wait(lock);
      continue;
    }
    changed_.wait_until(lock, said_ + limit_);
    if (ending_ || !is_watching_ || Clock::now() < said_ + limit_) continue;
    said_ = Clock::now();
    const auto what = what_;
    const auto since = std::chrono::duration_cast<std::chrono::seconds>(said_ - since_);
    lock.unlock();  // saying it may take seconds
    say_(what, since);
    lock.lock();
  }
}

}  // namespace pal
