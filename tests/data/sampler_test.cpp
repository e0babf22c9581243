#include "pal/data/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>

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

}  // namespace
}  // namespace pal
