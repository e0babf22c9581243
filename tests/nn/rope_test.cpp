#include "pal/nn/rope.h"

#include <gtest/gtest.h>

#include "support/tensor_compare.h"

namespace pal {
namespace {

// reference: transformers' _compute_llama3_parameters, run once (configs_decoders facts)
TEST(Rope, Llama3ScalingEqualsTheReference) {
  RopeOptions options;
  options.head_dim = 8;
  options.theta = 5e5;
  options.llama3 = Llama3RopeScaling{32, 1, 4, 8192};
  const double expected[] = {1.0, 0.03760603070259094, 0.000429556705057621, 1.6619674170215148e-06};
  const auto frequencies = rope_frequencies(options);
  for (int i = 0; i < 4; ++i) EXPECT_NEAR(frequencies[std::size_t(i)] / expected[i], 1.0, 1e-5);  // the reference is float32
}

TEST(Rope, ScoresDependOnlyOnDistances) {
  RopeOptions options;
  options.head_dim = 16;
  const auto f = rope_frequencies(options);
  torch::manual_seed(0);
  const auto q = torch::randn({1, 1, 16}, torch::kFloat64), k = torch::randn({1, 1, 16}, torch::kFloat64);
  const auto score = [&](int64_t i, int64_t j) {
    const auto at = [&](int64_t id) { return rope_table(f, torch::tensor({id}, torch::kInt64), torch::kFloat64); };
    return (apply_rope(q, at(i)) * apply_rope(k, at(j))).sum().item<double>();
  };
  EXPECT_NEAR(score(7, 3), score(107, 103), 1e-10);
  EXPECT_GT(std::abs(score(7, 3) - score(7, 4)), 1e-3);
}

TEST(Rope, GradientEqualsFiniteDifferences) {
  RopeOptions options;
  options.head_dim = 8;
  const auto table = rope_table(rope_frequencies(options), torch::tensor({5, 900}, torch::kInt64), torch::kFloat64);
  torch::manual_seed(0);
  const auto x = torch::randn({2, 3, 8}, torch::kFloat64).requires_grad_(), w = torch::randn({2, 3, 8}, torch::kFloat64);
  (apply_rope(x, table) * w).sum().backward();
  const auto direction = torch::randn_like(x);
  const double step = 1e-6;
  const auto value = [&](double t) {
    torch::NoGradGuard off;
    return (apply_rope(x + t * direction, table) * w).sum().item<double>();
  };
  EXPECT_NEAR((value(step) - value(-step)) / (2 * step), (x.grad() * direction).sum().item<double>(), 1e-7);
}

}  // namespace
}  // namespace pal
