#include "pal/data/sampler.h"

#include <numeric>
#include <utility>

#include "pal/core/check.h"
#include "pal/core/random.h"

namespace pal {

Sampler::Sampler(int64_t size, uint64_t seed, SamplerPosition position) : size_(size), seed_(seed), position_(position) {
  PAL_ASSERT(size > 0, "a sampler of nothing");
  PAL_CHECK(position.taken >= 0 && position.taken <= size && position.epoch >= 0,
            "the saved position is {} samples into epoch {}, but the data set has {} samples; was it changed?", position.taken,
            position.epoch, size);
  shuffle();
}

void Sampler::shuffle() {
  order_.resize(std::size_t(size_));
  std::iota(order_.begin(), order_.end(), 0);
  RandomStream random(stream_seed(seed_, "sampler", uint64_t(position_.epoch)));
  for (std::size_t i = order_.size() - 1; i > 0; --i) std::swap(order_[i], order_[random.below(i + 1)]);
}

std::vector<int64_t> Sampler::next(int64_t count) {
  std::vector<int64_t> samples;
  while (int64_t(samples.size()) < count) {
    if (position_.taken == size_) {
      position_ = {position_.epoch + 1, 0};
      shuffle();
    }
    samples.push_back(order_[std::size_t(position_.taken++)]);
  }
  return samples;
}

}  // namespace pal
