#include "heartbeat.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <functional>
#include <thread>

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

// What a process writes: "17 512 host node07, pid 812".
struct Beat {
  int64_t count = -1, exchanges = 0;
  std::string place;  // empty: it never wrote
};

Beat beat_in(const std::string& text) {
  if (text.empty()) return {};
  const auto first = text.find(' '), second = text.find(' ', first + 1);
  return {std::stoll(text), std::stoll(text.substr(first + 1)), text.substr(second + 1)};
}

// Runs `body` in a thread that nobody has to wait for.
template <typename Result>
std::future<Result> in_background(std::function<Result()> body) {
  std::packaged_task<Result()> task(std::move(body));
  auto result = task.get_future();
  std::thread(std::move(task)).detach();
  return result;
}

}  // namespace

Heartbeat::Heartbeat(c10::intrusive_ptr<c10d::Store> store, int64_t rank, int64_t size)
    : state_(new State{.store = std::move(store), .rank = rank, .size = size, .place = fmt::format("host {}, pid {}", host_name(), ::getpid())}),
      ended_(in_background<void>([state = state_] { beat(*state); })) {}

Heartbeat::~Heartbeat() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->ending = true;
  }
  state_->changed.notify_all();
  ended_.wait_for(kSilence);
}

void Heartbeat::beat(State& state) {
  try {
    for (int64_t count = 0;; ++count) {
      const auto text = fmt::format("{} {} {}", count, state.exchanges.load(), state.place);
      state.store->set(key_of(state.rank), std::vector<uint8_t>(text.begin(), text.end()));
      std::unique_lock lock(state.mutex);
      if (state.changed.wait_for(lock, kBeat, [&] { return state.ending; })) return;
    }
  } catch (const std::exception&) {  // process 0 has ended, and its store; exchanges say so
  }
}

std::vector<std::string> Heartbeat::all(const State& state) {
  std::vector<std::string> beats;
  for (int64_t rank = 0; rank < state.size; ++rank) beats.push_back(state.store->check({key_of(rank)}) ? text_of(state.store->get(key_of(rank))) : "");
  return beats;
}

std::string Heartbeat::find_missing(const State& state) {
  const auto before = all(state);
  std::this_thread::sleep_for(kSilence);
  const auto after = all(state);
  std::vector<std::string> silent, behind;
  for (int64_t rank = 0; rank < state.size; ++rank) {
    const auto was = beat_in(before[std::size_t(rank)]), is = beat_in(after[std::size_t(rank)]);
    if (was.count == is.count) silent.push_back(is.place.empty() ? fmt::format("process {} (it never came)", rank) : fmt::format("process {} ({})", rank, is.place));
    if (is.exchanges < state.exchanges.load()) behind.push_back(fmt::format("process {} ({}; it runs, but is elsewhere)", rank, is.place));
  }
  if (state.rank == 0) std::this_thread::sleep_for(kSilence);  // the others ask its store meanwhile
  return fmt::format("{}", fmt::join(silent.empty() ? behind : silent, ", "));
}

std::string Heartbeat::missing() {
  auto found = in_background<std::string>([state = state_] { return find_missing(*state); });
  try {
    if (found.wait_for(3 * kSilence) == std::future_status::ready) return found.get();
  } catch (const std::exception&) {  // it has ended
  }
  return "process 0 (its store does not answer)";
}

}  // namespace pal
