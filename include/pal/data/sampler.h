// Which samples a step trains on: each epoch is a shuffle of its own, and the position is two numbers that can be saved.
#pragma once

#include <cstdint>
#include <vector>

namespace pal {

// How far a sampler is.
struct SamplerPosition {
  int64_t epoch = 0;  // from 0
  int64_t taken = 0;  // samples of this epoch already given out

  bool operator==(const SamplerPosition&) const = default;  // both numbers are equal
};

// An endless stream of indices into a data set.
class Sampler {
 public:
  // The order of epoch e depends on (seed, e) alone. size: samples of the data set, above 0.
  Sampler(int64_t size, uint64_t seed, SamplerPosition position = {});

  // The next `count` samples; a batch may run over the end of an epoch into the next, so that every sample is used once an epoch.
  std::vector<int64_t> next(int64_t count);

  SamplerPosition position() const { return position_; }  // of the next sample

 private:
  void shuffle();

  int64_t size_;
  uint64_t seed_;
  SamplerPosition position_;
  std::vector<int64_t> order_;
};

}  // namespace pal
