#include "pal/metrics/bootstrap.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "pal/core/check.h"
#include "pal/core/random.h"

namespace pal {
namespace {

std::vector<double> normal_values(std::size_t count, uint64_t seed) {
  RandomStream random(seed);
  std::vector<double> values(count);
  for (double& value : values) value = 3.0 + 2.0 * random.normal();
  return values;
}

TEST(Bootstrap, IntervalOfAMeanIsTheNormalOneForManyValues) {
  const auto values = normal_values(2000, 1);
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / 2000;
  double variance = 0;
  for (const double value : values) variance += (value - mean) * (value - mean) / 2000;
  const double half = 1.959964 * std::sqrt(variance / 2000);
  const auto interval = bootstrap_mean(values);
  // 10,000 resamples place a 2.5 % quantile to within 2 % of the half width (its standard error is 1.3 %).
  EXPECT_NEAR(interval.low, mean - half, 0.05 * half);
  EXPECT_NEAR(interval.high, mean + half, 0.05 * half);
}

TEST(Bootstrap, HoldsTheTrueMeanAboutAsOftenAsItSays) {
  BootstrapOptions options;
  options.resamples = 500;
  int held = 0;
  for (uint64_t run = 0; run < 300; ++run) {
    const auto interval = bootstrap_mean(normal_values(50, 100 + run), options);
    held += interval.low <= 3.0 && 3.0 <= interval.high;
  }
  EXPECT_GT(held, 300 * 0.95 - 4 * std::sqrt(300 * 0.95 * 0.05));
  EXPECT_LT(held, 300);
}

TEST(Bootstrap, SeedDecidesIt) {
  const auto values = normal_values(40, 2);
  BootstrapOptions options;
  const auto first = bootstrap_mean(values, options), again = bootstrap_mean(values, options);
  EXPECT_EQ(first.low, again.low);
  EXPECT_EQ(first.high, again.high);
  options.seed = 1;
  EXPECT_NE(bootstrap_mean(values, options).low, first.low);
}

TEST(Bootstrap, AStatisticOfTheDrawnSamplesGivesTheSameIntervalAsTheMean) {
  const auto values = normal_values(60, 3);
  const auto mean = [&](std::span<const int32_t> drawn) {
    double sum = 0;
    for (std::size_t i = 0; i < values.size(); ++i) sum += drawn[i] * values[i];
    return sum / double(values.size());
  };
  const auto a = bootstrap(60, mean), b = bootstrap_mean(values);
  EXPECT_NEAR(a.low, b.low, 1e-12);  // the same draws, summed in another order
  EXPECT_NEAR(a.high, b.high, 1e-12);
}

TEST(Bootstrap, WiderForMoreConfidence) {
  const auto values = normal_values(60, 4);
  BootstrapOptions options;
  options.confidence = 0.99;
  EXPECT_LT(bootstrap_mean(values, options).low, bootstrap_mean(values).low);
  EXPECT_GT(bootstrap_mean(values, options).high, bootstrap_mean(values).high);
}

TEST(Bootstrap, NoValuesAreRefused) {
  EXPECT_THROW(bootstrap_mean({}), UserError);
  EXPECT_THROW(wilson(0, 0), UserError);
}

TEST(Wilson, EndsAreWhereTheScoreTestIsJustRejected) {
  // Its definition: the shares p that lie 1.96 of their own standard errors from the observed one.
  for (const auto& [successes, count] :
       {std::pair{5, 10}, std::pair{20, 39}, std::pair{1, 39}, std::pair{1999, 2000}}) {
    const auto interval = wilson(successes, count);
    const double share = double(successes) / count;
    for (const double p : {interval.low, interval.high}) {
      EXPECT_NEAR(std::abs(share - p) / std::sqrt(p * (1 - p) / count), 1.959963984540054, 1e-9) << successes;
    }
    EXPECT_LT(interval.low, share);
    EXPECT_GT(interval.high, share);
  }
}

TEST(Wilson, KeepsWidthWhereAllAreRightOrWrong) {
  const auto none = wilson(0, 10), all = wilson(10, 10);
  EXPECT_EQ(none.low, 0.0);
  EXPECT_NEAR(none.high, 0.277532799862889, 1e-12);
  EXPECT_NEAR(all.low, 1 - none.high, 1e-12);
  EXPECT_EQ(all.high, 1.0);
}

}  // namespace
}  // namespace pal
