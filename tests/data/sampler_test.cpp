#include "pal/data/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "pal/core/check.h"

namespace pal {
namespace {

TEST(Sampler, UsesEverySampleOnceAnEpochAlsoAcrossBatches) {
  Sampler sampler(10, 1);
  std::vector<int64_t> all;
  for (int i = 0; i < 10; ++i)
    for (int64_t s : sampler.next(3)) all.push_back(s);
  for (int epoch = 0; epoch < 3; ++epoch) {
    std::vector<int64_t> part(all.begin() + epoch * 10, all.begin() + epoch * 10 + 10);
    std::sort(part.begin(), part.end());
    for (int64_t i = 0; i < 10; ++i) EXPECT_EQ(part[std::size_t(i)], i);
  }
}

TEST(Sampler, GoesOnFromASavedPositionAsIfItHadNeverStopped) {
  Sampler whole(7, 3);
  for (int i = 0; i < 4; ++i) whole.next(4);
  Sampler resumed(7, 3, whole.position());
  for (int i = 0; i < 5; ++i) EXPECT_EQ(resumed.next(4), whole.next(4));
}

TEST(Sampler, SeedAndEpochDecideTheOrder) {
  EXPECT_EQ(Sampler(20, 1).next(20), Sampler(20, 1).next(20));
  EXPECT_NE(Sampler(20, 1).next(20), Sampler(20, 2).next(20));
  Sampler s(20, 1);
  const auto first = s.next(20);
  EXPECT_NE(first, s.next(20));
}

ReadingOrder files_of_ten(int64_t files, int64_t window) {
  ReadingOrder order{{}, window};
  for (int64_t i = 0; i < files * 10; ++i) order.files.push_back(int32_t(i / 10));
  return order;
}

std::vector<int64_t> take(Shuffle& shuffle, int64_t count) {
  std::vector<int64_t> samples;
  for (int64_t i = 0; i < count; ++i) samples.push_back(shuffle.next());
  return samples;
}

std::set<int64_t> files_in(const std::vector<int64_t>& samples) {
  std::set<int64_t> files;
  for (int64_t sample : samples) files.insert(sample / 10);
  return files;
}

TEST(Shuffle, WithAWindowStillUsesEverySampleOnceAnEpoch) {
  Shuffle shuffle(200, 1, {}, files_of_ten(20, 25));
  for (int epoch = 0; epoch < 2; ++epoch) {
    auto samples = take(shuffle, 200);
    std::ranges::sort(samples);
    for (int64_t i = 0; i < 200; ++i) EXPECT_EQ(samples[std::size_t(i)], i);
  }
}

TEST(Shuffle, DrawsFromNoMoreFilesThanItsWindowReaches) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Shuffle shuffle(200, seed, {}, files_of_ten(20, 25));
    // The first 25 are among the first 49 samples of the files' order: five files, of which none begins in its middle.
    EXPECT_LE(files_in(take(shuffle, 25)).size(), 5u);
  }
  EXPECT_GT(files_in([] { Shuffle all(200, 0); return take(all, 25); }()).size(), 9u);  // what would be drawn without one
}

TEST(Shuffle, WithTheSmallestWindowReadsFileAfterFileInAnOrderOfTheEpoch) {
  Shuffle shuffle(200, 3, {}, files_of_ten(20, 1));
  std::vector<std::vector<int64_t>> orders;
  for (int epoch = 0; epoch < 2; ++epoch) {
    std::vector<int64_t> order;
    for (int file = 0; file < 20; ++file) {
      const auto samples = take(shuffle, 10);
      EXPECT_EQ(files_in(samples).size(), 1u);
      order.push_back(samples.front() / 10);
    }
    orders.push_back(order);
  }
  EXPECT_NE(orders[0], orders[1]);
}

std::vector<SamplerSource> two_sources() {
  return {{.size = 30, .weight = 3, .order = {}}, {.size = 50, .weight = 1, .order = files_of_ten(5, 10)}};
}

TEST(Sampler, DrawsFromSourcesInProportionToTheirWeights) {
  Sampler sampler(two_sources(), 7);
  std::vector<std::vector<int64_t>> drawn(2);
  for (int64_t sample : sampler.next(40000)) drawn[sample < 30 ? 0 : 1].push_back(sample);
  EXPECT_NEAR(double(drawn[0].size()) / 40000, 0.75, 0.01);
  for (std::size_t source = 0; source < 2; ++source) {  // each once an epoch of its own
    const std::size_t size = source == 0 ? 30 : 50;
    for (std::size_t epoch = 0; epoch < 3; ++epoch)
      EXPECT_EQ(std::set<int64_t>(drawn[source].begin() + long(epoch * size), drawn[source].begin() + long((epoch + 1) * size)).size(), size);
  }
}

TEST(Sampler, OfSeveralSourcesGoesOnFromASavedPositionAsIfItHadNeverStopped) {
  Sampler whole(two_sources(), 7);
  whole.next(133);
  Sampler resumed(two_sources(), 7, whole.position());
  EXPECT_EQ(resumed.next(300), whole.next(300));
  EXPECT_EQ(resumed.position(), whole.position());
  EXPECT_NE(Sampler(two_sources(), 8).next(50), Sampler(two_sources(), 7).next(50));
}

TEST(Sampler, RefusesAPositionOfOtherSources) {
  const auto position = Sampler(two_sources(), 7).position();
  EXPECT_THROW(Sampler(30, 7, position), UserError);
  EXPECT_THROW(Sampler(30, 7, {31, {{0, 31}}}), UserError);
}

}  // namespace
}  // namespace pal
