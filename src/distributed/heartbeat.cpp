#include "heartbeat.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

namespace pal {

namespace {

constexpr auto kBeat = std::chrono::milliseconds(500);
constexpr auto kSilence = std::chrono::seconds(4);

std::string key_of(int64_t rank) { return fmt::format("alive/{}", rank); }

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "?";
}

std::string text_of(const std::vector<uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }

// "17 host node07, pid 812" without its number.
std::string place_in(const std::string& beat) { return beat.substr(beat.find(' ') + 1); }

}  // namespace

Heartbeat::Heartbeat(c10::intrusive_ptr<c10d::Store> store, int64_t rank, int64_t size)
    : store_(std::move(store)), rank_(rank), size_(size), place_(fmt::format("host {}, pid {}", host_name(), ::getpid())), thread_([this] { beat(); }) {}

Heartbeat::~Heartbeat() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Heartbeat::beat() {
  try {
    std::unique_lock lock(mutex_);
    for (int64_t count = 0; !ending_; ++count) {
      const auto text = fmt::format("{} {}", count, place_);
      store_->set(key_of(rank_), std::vector<uint8_t>(text.begin(), text.end()));
      changed_.wait_for(lock, kBeat, [this] { return ending_; });
    }
  } catch (const std::exception&) {  // process 0 has ended, and its store; exchanges say so
  }
}

std::vector<std::string> Heartbeat::all() {
  std::vector<std::string> beats;
  for (int64_t rank = 0; rank < size_; ++rank) beats.push_back(store_->check({key_of(rank)}) ? text_of(store_->get(key_of(rank))) : "");
  return beats;
}

std::string Heartbeat::missing() {
  try {
    const auto before = all();
    std::this_thread::sleep_for(kSilence);
    const auto after = all();
    std::vector<std::string> silent;
    for (int64_t rank = 0; rank < size_; ++rank) {
      const auto& beat = after[std::size_t(rank)];
      if (beat == before[std::size_t(rank)]) silent.push_back(beat.empty() ? fmt::format("process {} (it never came)", rank) : fmt::format("process {} ({})", rank, place_in(beat)));
    }
    if (rank_ == 0) std::this_thread::sleep_for(kSilence);
    return fmt::format("{}", fmt::join(silent, ", "));
  } catch (const std::exception&) {
    return "process 0 (its store does not answer)";
  }
}

}  // namespace pal
