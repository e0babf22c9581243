#include "pal/metrics/paired_test.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "pal/core/check.h"
#include "pal/core/random.h"

namespace pal {
namespace {

// `only_a` clips where only a is right, `only_b` where only b is, `both` where both are.
std::pair<std::vector<double>, std::vector<double>> outcomes(int only_a, int only_b, int both) {
  std::vector<double> a(std::size_t(only_a), 1.0), b(std::size_t(only_a), 0.0);
  a.insert(a.end(), std::size_t(only_b), 0.0);
  b.insert(b.end(), std::size_t(only_b), 1.0);
  a.insert(a.end(), std::size_t(both), 1.0);
  b.insert(b.end(), std::size_t(both), 1.0);
  return {a, b};
}

TEST(McNemar, IsTheExactBinomial) {
  auto [a, b] = outcomes(8, 1, 20);
  const auto result = mcnemar(a, b);
  EXPECT_NEAR(result.p_value, 2 * (1 + 9) / 512.0, 1e-12);  // at most 1 of 9 fair coins, both sides
  EXPECT_NEAR(result.difference, 7 / 29.0, 1e-12);
  EXPECT_EQ(result.n, 29);
  const auto [c, d] = outcomes(1, 8, 20);
  EXPECT_NEAR(mcnemar(c, d).p_value, result.p_value, 1e-12);
}

TEST(McNemar, EqualSystemsDoNotDiffer) {
  for (const auto& [x, y] : {std::pair{0, 0}, std::pair{3, 3}, std::pair{4, 3}}) {
    const auto [a, b] = outcomes(x, y, 5);
    EXPECT_NEAR(mcnemar(a, b).p_value, 1.0, 1e-12) << x << y;
  }
}

TEST(McNemar, ManyClipsDoNotOverflow) {
  const auto [a, b] = outcomes(3000, 2800, 0);
  // The normal approximation with continuity correction: z = 199 / sqrt(5800); the exact value is within 1 % of it.
  const double normal = std::erfc(199 / std::sqrt(5800.0) / std::sqrt(2.0));
  EXPECT_NEAR(mcnemar(a, b).p_value, normal, 0.01 * normal);
}

TEST(McNemar, OtherScoresAreRefused) {
  const std::vector<double> a = {0.5, 1}, b = {0, 1}, c = {1};
  EXPECT_THROW(mcnemar(a, b), UserError);
  EXPECT_THROW(mcnemar(b, c), UserError);
  EXPECT_THROW(mcnemar({}, {}), UserError);
}

TEST(SignFlip, EqualsTheFullEnumeration) {
  const std::vector<double> a = {3.1, 2.0, 4.4, 0.5, 2.2, 1.9, 3.3, 2.8},
                            b = {2.0, 1.1, 4.9, 0.1, 1.0, 2.4, 1.1, 2.1};
  std::vector<double> d(a.size());
  double observed = 0;
  for (std::size_t i = 0; i < a.size(); ++i) observed += d[i] = a[i] - b[i];
  int as_far = 0;
  for (int flips = 0; flips < 256; ++flips) {
    double sum = 0;
    for (int i = 0; i < 8; ++i) sum += (flips >> i & 1) ? d[std::size_t(i)] : -d[std::size_t(i)];
    as_far += std::abs(sum) >= std::abs(observed) - 1e-12;
  }
  const double exact = as_far / 256.0;
  const auto result = sign_flip(a, b);
  // Standard error of a share from 10,000 draws; four of them.
  EXPECT_NEAR(result.p_value, exact, 4 * std::sqrt(exact * (1 - exact) / 10'000));
  EXPECT_NEAR(result.difference, observed / 8, 1e-12);
}

TEST(SignFlip, FindsADifferenceWhereNoneIsAsOftenAsItSays) {
  RandomStream random(5);
  PermutationOptions options;
  options.draws = 400;
  int found = 0;
  for (int run = 0; run < 400; ++run) {
    std::vector<double> a(30), b(30);
    for (std::size_t i = 0; i < 30; ++i) {
      a[i] = random.normal();
      b[i] = random.normal();
    }
    found += sign_flip(a, b, options).p_value <= 0.05;
  }
  const double spread = 4 * std::sqrt(400 * 0.05 * 0.95);
  EXPECT_GT(found, 20 - spread);
  EXPECT_LT(found, 20 + spread);
}

TEST(SignFlip, SeesADifferenceThatIsThere) {
  RandomStream random(6);
  std::vector<double> a(200), better(200);
  for (std::size_t i = 0; i < 200; ++i) {
    a[i] = random.normal();
    better[i] = a[i] + 0.5 + random.normal();
  }
  EXPECT_LT(sign_flip(better, a).p_value, 0.001);
  EXPECT_GT(sign_flip(better, a).p_value, 0.0);
  EXPECT_EQ(sign_flip(a, a).p_value, 1.0);
}

TEST(ComparePaired, TheScoresChooseTheTest) {
  const auto [a, b] = outcomes(3, 1, 2);
  EXPECT_EQ(compare_paired(a, b).test, "mcnemar");
  EXPECT_EQ(compare_paired(std::vector<double>{0.5}, std::vector<double>{1.0}).test, "sign_flip");
}

}  // namespace
}  // namespace pal
