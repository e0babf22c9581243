// Seeded streams of random numbers: every use of randomness has its own stream, named by what it is for, so that
// adding one never changes another, and a run can be resumed by the positions of its streams.
#pragma once

#include <cstdint>
#include <string_view>

namespace pal {

// The seed of the stream `name` of a run seeded with `seed`; equal on every machine.
std::uint64_t stream_seed(std::uint64_t seed, std::string_view name, std::uint64_t index = 0);

// A small generator (SplitMix64, Steele et al. 2014) whose whole state is one number that can be saved.
class RandomStream {
 public:
  explicit RandomStream(std::uint64_t seed) : state_(seed) {}  // goes on where state() was `seed`
  std::uint64_t next();                                        // any of the 2^64 numbers
  double uniform();                                            // [0, 1)
  std::uint64_t below(std::uint64_t bound);                    // 0 .. bound-1, without bias; bound > 0
  double normal();                                             // mean 0, variance 1
  std::uint64_t state() const { return state_; }               // to be saved

 private:
  std::uint64_t state_;
};

}  // namespace pal
