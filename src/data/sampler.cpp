#include "pal/data/sampler.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "pal/core/check.h"
#include "pal/core/shuffle.h"

namespace pal {

namespace {

// Swaps every place with one of those that follow it, at most `window` places with its own.
void shuffle_within(std::vector<int64_t>& order, int64_t window, RandomStream& random) {
  const auto size = int64_t(order.size());
  for (int64_t i = 0; i + 1 < size; ++i) std::swap(order[std::size_t(i)], order[std::size_t(i + int64_t(random.below(uint64_t(std::min(window, size - i)))))]);
}

// All samples, file by file, the files in a random order.
std::vector<int64_t> by_shuffled_files(const std::vector<int32_t>& files, RandomStream& random) {
  const int64_t count = files.empty() ? 0 : *std::ranges::max_element(files) + 1;
  std::vector<int64_t> order(static_cast<std::size_t>(count)), rank(static_cast<std::size_t>(count)), samples(files.size());
  std::iota(order.begin(), order.end(), 0);
  shuffle_within(order, count, random);
  for (std::size_t i = 0; i < order.size(); ++i) rank[std::size_t(order[i])] = int64_t(i);
  std::iota(samples.begin(), samples.end(), 0);
  std::ranges::stable_sort(samples, {}, [&](int64_t sample) { return rank[std::size_t(files[std::size_t(sample)])]; });
  return samples;
}

}  // namespace

Shuffle::Shuffle(int64_t size, uint64_t seed, ShufflePosition position, ReadingOrder order)
    : size_(size), seed_(seed), position_(position), reading_(std::move(order)) {
  PAL_ASSERT(size > 0, "a shuffle of nothing");
  PAL_ASSERT(reading_.window == 0 || int64_t(reading_.files.size()) == size, "a window over samples whose files are not known");
  PAL_CHECK(position.taken >= 0 && position.taken <= size && position.epoch >= 0,
            "the saved position is {} samples into epoch {}, but the data set has {} samples; was it changed?", position.taken,
            position.epoch, size);
  begin_epoch();
}

void Shuffle::begin_epoch() {
  RandomStream random(stream_seed(seed_, "sampler", uint64_t(position_.epoch)));
  if (reading_.window > 0) {
    order_ = by_shuffled_files(reading_.files, random);
    shuffle_within(order_, reading_.window, random);
  } else {
    order_.resize(std::size_t(size_));
    std::iota(order_.begin(), order_.end(), 0);
    shuffle(order_, random);
  }
}

int64_t Shuffle::next() {
  if (position_.taken == size_) {
    position_ = {position_.epoch + 1, 0};
    begin_epoch();
  }
  return order_[std::size_t(position_.taken++)];
}

Sampler::Sampler(int64_t size, uint64_t seed, SamplerPosition position)
    : Sampler(std::vector<SamplerSource>{{.size = size, .order = {}}}, seed, std::move(position)) {}

Sampler::Sampler(std::vector<SamplerSource> sources, uint64_t seed, SamplerPosition position) : seed_(seed), drawn_(position.drawn) {
  PAL_ASSERT(!sources.empty(), "a sampler of nothing");
  if (position.sources.empty()) position.sources.resize(sources.size());
  PAL_CHECK(position.sources.size() == sources.size(), "the saved position is of {} sources, but there are {}; was data.train changed?",
            position.sources.size(), sources.size());
  int64_t begin = 0;
  double sum = 0;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    PAL_ASSERT(sources[i].weight > 0, "a source with the weight {}", sources[i].weight);
    begins_.push_back(begin);
    begin += sources[i].size;
    cumulative_.push_back(sum += sources[i].weight);
    shuffles_.emplace_back(sources[i].size, i == 0 ? seed : stream_seed(seed, "source", i), position.sources[i], std::move(sources[i].order));
  }
}

std::size_t Sampler::draw_source() const {
  if (shuffles_.size() == 1) return 0;
  const double point = RandomStream(stream_seed(seed_, "mix", uint64_t(drawn_))).uniform() * cumulative_.back();
  const auto found = std::ranges::upper_bound(cumulative_, point) - cumulative_.begin();
  return std::min(std::size_t(found), shuffles_.size() - 1);
}

std::vector<int64_t> Sampler::next(int64_t count) {
  std::vector<int64_t> samples;
  for (int64_t i = 0; i < count; ++i, ++drawn_) {
    const auto source = draw_source();
    samples.push_back(begins_[source] + shuffles_[source].next());
  }
  return samples;
}

SamplerPosition Sampler::position() const {
  SamplerPosition position{drawn_, {}};
  for (const auto& shuffle : shuffles_) position.sources.push_back(shuffle.position());
  return position;
}

}  // namespace pal
