#include "pal/connectors/connector.h"

#include <gtest/gtest.h>

#include "pal/core/check.h"
#include "support/tensor_compare.h"

namespace pal {
namespace {

class EveryConnector : public testing::TestWithParam<const char*> {};

ConnectorOptions options(const char* type) {
  ConnectorOptions o;
  o.type = type;
  o.queries = 3;
  o.heads = 4;
  o.factor = 4;
  return o;
}

TEST_P(EveryConnector, GivesAsManyTokensAsItSays) {
  auto connector = make_connector(options(GetParam()), 12, 16, 1);
  const std::vector<int64_t> lengths{5, 0, 1, 8};
  int64_t expected = 0;
  for (int64_t n : lengths) expected += connector->output_length(n);
  const auto out = connector->forward(torch::randn({14, 12}), lengths);
  EXPECT_EQ(out.sizes(), (std::vector<int64_t>{expected, 16}));
}

TEST_P(EveryConnector, AClipsTokensDoNotDependOnItsNeighbours) {
  auto connector = make_connector(options(GetParam()), 12, 16, 1, torch::kFloat64);
  torch::manual_seed(0);
  const auto a = torch::randn({5, 12}, torch::kFloat64), b = torch::randn({7, 12}, torch::kFloat64);
  const auto together = connector->forward(torch::cat({a, b}), {5, 7});
  const auto apart = torch::cat({connector->forward(a, {5}), connector->forward(b, {7})});
  EXPECT_LT(relative_distance(together, apart), 1e-12);
}

TEST_P(EveryConnector, GradientsReachEveryParameter) {
  auto connector = make_connector(options(GetParam()), 12, 16, 1, torch::kFloat64);
  connector->forward(torch::randn({12, 12}, torch::kFloat64), {5, 7}).pow(2).sum().backward();
  for (const auto& p : connector->named_parameters()) {
    ASSERT_TRUE(p.value().grad().defined()) << p.key();
    // a key's bias adds the same to every score of a row, so its gradient is zero but for rounding
    const bool is_key_bias = p.key().find("k_proj.bias") != std::string::npos;
    EXPECT_TRUE(is_key_bias || p.value().grad().norm().item<double>() > 1e-9) << p.key();
  }
}

TEST_P(EveryConnector, TheSeedDecidesTheWeights) {
  const auto flat = [](Connector& c) {
    std::vector<torch::Tensor> all;
    for (auto& p : c.parameters()) all.push_back(p.flatten());
    return torch::cat(all);
  };
  const auto a = make_connector(options(GetParam()), 12, 16, 1), b = make_connector(options(GetParam()), 12, 16, 1),
             c = make_connector(options(GetParam()), 12, 16, 2);
  EXPECT_TRUE(same_bits(flat(*a), flat(*b)));
  EXPECT_FALSE(same_bits(flat(*a), flat(*c)));
}

INSTANTIATE_TEST_SUITE_P(Types, EveryConnector, testing::Values("linear", "mlp", "qformer", "attention_pool", "mean_pool", "conv"));

TEST(MeanPool, AveragesNeighboursAndKeepsTheirOrder) {
  auto connector = make_connector(options("mean_pool"), 2, 2, 1, torch::kFloat64);
  torch::NoGradGuard off;
  for (auto& p : connector->named_parameters())
    p.key() == "proj.bias" ? p.value().zero_() : p.value().copy_(torch::eye(2, torch::kFloat64));
  const auto out = connector->forward(torch::tensor({{1., 0.}, {2., 0.}, {3., 0.}, {6., 0.}, {5., 9.}}, torch::kFloat64), {5});
  EXPECT_LT(relative_distance(out, torch::tensor({{3., 0.}, {5., 9.}}, torch::kFloat64)), 1e-12);
}

// torch's own convolution is the judge; a clip of 7 and one of 4 tokens, each padded by itself.
TEST(Conv, EqualsAConvolutionOfEachClip) {
  for (const auto& [kernel, stride] : {std::pair{3, 2}, std::pair{5, 3}, std::pair{4, 2}, std::pair{1, 1}, std::pair{2, 5}}) {
    auto o = options("conv");
    o.kernel = kernel;
    o.factor = stride;
    auto connector = make_connector(o, 6, 8, 1, torch::kFloat64);
    auto weights = connector->named_parameters();
    torch::manual_seed(0);
    std::vector<torch::Tensor> clips{torch::randn({7, 6}, torch::kFloat64), torch::randn({4, 6}, torch::kFloat64)}, expected;
    for (const auto& clip : clips) {
      // [D, kernel * E] with the places one after the other is [D, E, kernel] to torch.
      const auto weight = weights["conv.weight"].view({8, kernel, 6}).transpose(1, 2);
      const int64_t count = connector->output_length(clip.size(0)), left = (kernel - 1) / 2;
      const int64_t right = std::max<int64_t>(0, (count - 1) * stride + kernel - left - clip.size(0));
      const auto padded = torch::constant_pad_nd(clip.t().unsqueeze(0), {left, right});
      const auto hidden = torch::gelu(torch::conv1d(padded, weight, weights["conv.bias"], stride).squeeze(0).t().slice(0, 0, count));
      expected.push_back(torch::linear(hidden, weights["proj.weight"], weights["proj.bias"]));
    }
    EXPECT_LT(relative_distance(connector->forward(torch::cat(clips), {7, 4}), torch::cat(expected)), 1e-12) << kernel << " " << stride;
  }
}

TEST(AttentionPool, QueriesSeeAllTokensOfTheirClipInAnyOrder) {
  auto connector = make_connector(options("attention_pool"), 12, 16, 1, torch::kFloat64);
  torch::manual_seed(0);
  const auto clip = torch::randn({9, 12}, torch::kFloat64);
  const auto once = connector->forward(clip, {9});
  EXPECT_LT(relative_distance(connector->forward(clip.flip(0), {9}), once), 1e-12);  // attention has no order of its own
  auto last = clip.clone();
  last[8] += 1;
  EXPECT_GT(relative_distance(connector->forward(last, {9}), once), 1e-6);
}

TEST(Connector, AnUnknownTypeNamesTheKnownOnes) {
  try {
    make_connector(options("perceiver"), 2, 2, 1);
    FAIL();
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("linear, mlp, qformer, attention_pool, mean_pool or conv"), std::string::npos);
  }
}

}  // namespace
}  // namespace pal
