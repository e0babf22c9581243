// Large pieces of host memory that are kept for the next ones of their size. Torch-free.
//
// A training step asks for the same large tensors as the one before. Where the system takes their pages back in between, it clears each
// again for the next step, which costs a good part of a step on a CPU.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <unordered_map>
#include <utility>

namespace pal {

// Blocks, for any thread. What is in use and kept together is never more than five quarters of the most that was ever in use at once: beyond it, blocks
// that were kept longest go back to the system. The quarter is for sizes that differ: a step's gradients do not fit where its activations were. With
// none, a step of SmolLM2-135M's shape asked for a quarter of its memory anew, with a quarter for nothing.
class HostBlocks {
 public:
  using Clock = std::chrono::steady_clock;  // of how long blocks are kept

  // longest: a block that nobody asked for that long goes back when another one is given back.
  explicit HostBlocks(Clock::duration longest = std::chrono::minutes(1)) : longest_(longest) {}
  HostBlocks(const HostBlocks&) = delete;
  HostBlocks& operator=(const HostBlocks&) = delete;
  ~HostBlocks();  // gives everything back to the system, also what is in use

  // What a piece of so many bytes takes: rounded up to an eighth of a power of two, so that pieces of nearly the same size can follow each other.
  static std::size_t rounded(std::size_t bytes);

  // rounded(bytes) bytes, aligned to a page; what is in them is undefined. Null where the system has no more. bytes must be above 0.
  void* take(std::size_t bytes);
  // Ends the use of a block that take() gave. False, and nothing is done: it is not one of them.
  bool give_back(void* block);
  bool has(const void* block) const;  // whether it is one of them, in use

  // What there is, and was.
  struct Counts {
    std::size_t in_use = 0, kept = 0;  // bytes, rounded
    std::size_t peak = 0;              // the most that was in use at once
    std::uint64_t asked_of_system = 0;  // how many times
  };
  Counts counts() const;  // now

 private:
  struct Kept {
    void* block;
    std::size_t size;
    Clock::time_point since;
  };
  void* take_kept(std::size_t size);
  std::size_t most_kept() const;  // now
  void* ask_system(std::size_t size);
  void release_down_to(std::size_t most);  // of counts_.kept
  void release_oldest();

  mutable std::mutex mutex_;
  std::unordered_map<void*, std::size_t> in_use_;
  std::map<std::uint64_t, Kept> kept_;                       // by the number of their return
  std::set<std::pair<std::size_t, std::uint64_t>> by_size_;  // size and number of what is kept
  std::uint64_t returns_ = 0;
  Clock::duration longest_;
  Counts counts_;
};

}  // namespace pal
