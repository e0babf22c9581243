#include "pal/nn/joint_linear.h"

#include <gtest/gtest.h>

#include "support/tensor_compare.h"

namespace pal {
namespace {

std::vector<Linear> three_layers(bool with_bias) {
  std::vector<Linear> layers;
  for (int64_t out : {6, 2, 3}) layers.emplace_back(5, out, with_bias, torch::TensorOptions(torch::kFloat64));
  return layers;
}

void fill(const std::vector<Linear>& layers) {
  torch::manual_seed(3);
  torch::NoGradGuard no_grad;
  for (const auto& layer : layers)
    for (auto& parameter : layer->parameters()) parameter.normal_();
}

// Output and gradients of x and of all parameters that have one.
std::vector<torch::Tensor> joint_result(const torch::Tensor& input, const std::vector<Linear>& layers) {
  auto x = input.clone().requires_grad_();
  const auto y = joint_linear(x, layers);
  y.pow(2).sum().backward();
  std::vector<torch::Tensor> result{y, x.grad()};
  for (const auto& layer : layers)
    for (auto& parameter : layer->parameters()) {
      result.push_back(parameter.grad().defined() ? parameter.grad().clone() : torch::Tensor());
      parameter.mutable_grad().reset();
    }
  return result;
}

void expect_close(const std::vector<torch::Tensor>& a, const std::vector<torch::Tensor>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(a[i].defined(), b[i].defined()) << i;
    if (a[i].defined()) EXPECT_LT(relative_distance(a[i], b[i]), 1e-14) << i;
  }
}

class JointLinearBias : public testing::TestWithParam<bool> {};

TEST_P(JointLinearBias, IsOneProductWithTheSameResultsAsLayerByLayer) {
  auto together = three_layers(GetParam()), apart = three_layers(GetParam());
  lay_together(together);
  fill(together), fill(apart);
  const auto x = torch::randn({7, 5}, torch::kFloat64);
  EXPECT_EQ(static_cast<double*>(together[0]->weight.data_ptr()) + 6 * 5, together[1]->weight.data_ptr());
  EXPECT_EQ(joint_linear(x, together).grad_fn()->name().find("Cat"), std::string::npos);
  EXPECT_NE(joint_linear(x, apart).grad_fn()->name().find("Cat"), std::string::npos);
  expect_close(joint_result(x, together), joint_result(x, apart));
}

TEST_P(JointLinearBias, TheLastLayersAloneAreAProductToo) {
  auto layers = three_layers(GetParam());
  lay_together(layers);
  fill(layers);
  const auto x = torch::randn({7, 5}, torch::kFloat64);
  const auto y = joint_linear(x, {layers[1], layers[2]});
  EXPECT_EQ(y.grad_fn()->name().find("Cat"), std::string::npos);
  EXPECT_LT(relative_distance(y, torch::cat({layers[1](x), layers[2](x)}, 1)), 1e-14);
}

INSTANTIATE_TEST_SUITE_P(Bias, JointLinearBias, testing::Bool());

TEST(JointLinear, LayersThatLearnUnlikeGiveTheSame) {
  auto together = three_layers(true), apart = three_layers(true);
  lay_together(together);
  fill(together), fill(apart);
  for (const auto& layers : {together, apart}) layers[1]->weight.requires_grad_(false), layers[0]->bias.requires_grad_(false);
  const auto x = torch::randn({7, 5}, torch::kFloat64);
  const auto result = joint_result(x, together);
  expect_close(result, joint_result(x, apart));
  EXPECT_FALSE(result[4].defined());  // the second weight
  for (const auto& layers : {together, apart})
    for (const auto& layer : layers)
      for (auto& parameter : layer->parameters()) parameter.requires_grad_(false);
  expect_close(joint_result(x, together), joint_result(x, apart));
}

TEST(JointLinear, AdaptersAreAddedToTheirLayersPart) {
  auto layers = three_layers(false);
  lay_together(layers);
  fill(layers);
  layers[2]->add_lora({"third", 2, 8.0, 0.0}, 1);
  torch::NoGradGuard no_grad;
  layers[2]->lora->B.normal_();
  const auto x = torch::randn({7, 5}, torch::kFloat64);
  EXPECT_LT(relative_distance(joint_linear(x, layers), torch::cat({layers[0](x), layers[1](x), layers[2](x)}, 1)), 1e-14);
}

// Output and gradients of x, scale and all parameters that have one.
std::vector<torch::Tensor> scaled_result(const torch::Tensor& input, const torch::Tensor& by, const std::vector<Linear>& layers, bool folded, bool x_learns, bool scale_learns) {
  auto x = input.clone().requires_grad_(x_learns), scale = by.clone().requires_grad_(scale_learns);
  const auto y = folded ? scaled_joint_linear(x, scale, layers) : joint_linear(x * scale, layers);
  if (y.requires_grad()) y.pow(2).sum().backward();
  std::vector<torch::Tensor> result{y, x.grad(), scale.grad()};
  for (const auto& layer : layers)
    for (auto& parameter : layer->parameters()) {
      result.push_back(parameter.grad().defined() ? parameter.grad().clone() : torch::Tensor());
      parameter.mutable_grad().reset();
    }
  return result;
}

TEST(ScaledJointLinear, IsTheProductOfScaledRowsWhateverLearns) {
  for (const bool with_bias : {false, true})
    for (const int learns : {0, 1, 2, 3, 4, 5, 6, 7}) {
      SCOPED_TRACE(testing::Message() << with_bias << " " << learns);
      auto layers = three_layers(with_bias);
      lay_together(layers);
      fill(layers);
      for (const auto& layer : layers)
        for (auto& parameter : layer->parameters()) parameter.requires_grad_((learns & 4) != 0);
      const auto x = torch::randn({7, 5}, torch::kFloat64), scale = torch::randn({5}, torch::kFloat64);
      const bool x_learns = (learns & 1) != 0, scale_learns = (learns & 2) != 0;
      expect_close(scaled_result(x, scale, layers, true, x_learns, scale_learns), scaled_result(x, scale, layers, false, x_learns, scale_learns));
    }
}

TEST(ScaledJointLinear, ApartOrAdaptedOrLearningUnlikeItIsTheSame) {
  const auto x = torch::randn({7, 5}, torch::kFloat64), scale = torch::randn({5}, torch::kFloat64);
  auto apart = three_layers(true), unlike = three_layers(true), adapted = three_layers(true);
  lay_together(unlike), lay_together(adapted);
  fill(apart), fill(unlike), fill(adapted);
  unlike[1]->weight.requires_grad_(false);
  adapted[2]->add_lora({"third", 2, 8.0, 0.0}, 1);
  {
    torch::NoGradGuard no_grad;
    adapted[2]->lora->B.normal_();
  }
  for (const auto& layers : {apart, unlike, adapted}) expect_close(scaled_result(x, scale, layers, true, true, true), scaled_result(x, scale, layers, false, true, true));
}

// What it is for: no x * scale in between, and frozen weights keep no rows.
TEST(ScaledJointLinear, ReadsTheRowsThemselves) {
  auto layers = three_layers(false);
  lay_together(layers);
  fill(layers);
  const auto x = torch::randn({7, 5}, torch::kFloat64).requires_grad_(), rows = x * 1, scale = torch::randn({5}, torch::kFloat64);
  EXPECT_EQ(scaled_joint_linear(x, scale, layers).grad_fn()->next_edge(0).function, torch::autograd::impl::gradient_edge(x).function);
  const auto uses = rows.use_count();
  const auto learns = scaled_joint_linear(rows, scale, layers);
  EXPECT_GT(rows.use_count(), uses);
  for (const auto& layer : layers) layer->weight.requires_grad_(false);
  const auto uses_now = rows.use_count();
  const auto frozen = scaled_joint_linear(rows, scale, layers);
  EXPECT_EQ(rows.use_count(), uses_now);
}

// What the optimizer and checkpoints rely on: each weight is a tensor of its own.
TEST(JointLinear, GradientsAndWeightsAreContiguousTensorsOfTheirOwnShape) {
  auto layers = three_layers(false);
  lay_together(layers);
  fill(layers);
  joint_linear(torch::randn({7, 5}, torch::kFloat64), layers).sum().backward();
  for (const auto& layer : layers) {
    EXPECT_TRUE(layer->weight.is_contiguous() && layer->weight.grad().is_contiguous());
    EXPECT_EQ(layer->weight.sizes(), layer->weight.grad().sizes());
  }
}

}  // namespace
}  // namespace pal
