#include "pal/nn/lora.h"

#include <gtest/gtest.h>

#include "pal/core/check.h"
#include "pal/nn/swiglu_mlp.h"
#include "support/tensor_compare.h"

namespace pal {
namespace {

// gate_proj, up_proj [24, 16] and down_proj [16, 24].
SwigluMlp mlp() {
  SwigluMlp module(16, 24, torch::kFloat64);
  init_linears(*module, 1);
  return module;
}

torch::Tensor input() {
  torch::manual_seed(0);
  return torch::randn({5, 16}, torch::kFloat64);
}

void fill_b(SwigluMlp& module) {
  torch::NoGradGuard no_grad;
  torch::manual_seed(1);
  for (auto& item : module->named_parameters())
    if (item.key().ends_with("lora_B")) item.value().normal_(0, 0.3);
}

TEST(Lora, AtFirstNothingChanges) {
  auto module = mlp();
  const auto before = module->forward(input());
  add_lora(*module, {{"*", 4, 8.0}}, 3);
  EXPECT_EQ(module->parameters().size(), 9u);
  EXPECT_TRUE(same_bits(module->forward(input()), before));
}

TEST(Lora, TheUpdateIsAlphaByRankTimesBATimesX) {
  auto module = mlp();
  const auto x = input(), plain = module->up_proj->forward(x);
  add_lora(*module, {{"up_proj", 4, 6.0}}, 3);
  fill_b(module);
  const auto& lora = *module->up_proj->lora;
  const auto expected = plain + x.matmul(lora.A.t()).matmul(lora.B.t()) * (6.0 / 4.0);
  EXPECT_LT(relative_distance(module->up_proj->forward(x), expected), 1e-12);
  EXPECT_GT(relative_distance(expected, plain), 1e-2);
}

TEST(Lora, MergedWeightsGiveTheSameOutput) {
  auto module = mlp();
  add_lora(*module, {{"*", 4, 8.0}}, 3);
  fill_b(module);
  const auto adapted = module->forward(input());
  auto merged = mlp();
  torch::NoGradGuard no_grad;
  merged->gate_proj->weight.copy_(module->gate_proj->merged_weight());
  merged->up_proj->weight.copy_(module->up_proj->merged_weight());
  merged->down_proj->weight.copy_(module->down_proj->merged_weight());
  EXPECT_LT(relative_distance(merged->forward(input()), adapted), 1e-12);
}

TEST(Lora, OnlyLayersThatThePatternMatchesGetAnAdapter) {
  auto module = mlp();
  add_lora(*module, {{"*_proj", 4, 8.0}, {"down_*", 2, 8.0}}, 3);
  EXPECT_EQ(module->gate_proj->lora->A.size(0), 4);
  EXPECT_EQ(module->down_proj->lora->A.size(0), 2);  // the last pattern that matches counts
  auto other = mlp();
  add_lora(*other, {{"down_proj", 2, 8.0}}, 3);
  EXPECT_FALSE(other->gate_proj->lora);
}

TEST(Lora, TheSeedAndTheLayersNameDecideTheWeights) {
  auto a = mlp(), b = mlp(), c = mlp();
  add_lora(*a, {{"*", 4, 8.0}}, 3);
  add_lora(*b, {{"up_proj", 4, 8.0}}, 3);
  add_lora(*c, {{"*", 4, 8.0}}, 4);
  EXPECT_TRUE(same_bits(a->up_proj->lora->A, b->up_proj->lora->A));
  EXPECT_FALSE(same_bits(a->up_proj->lora->A, a->gate_proj->lora->A));
  EXPECT_FALSE(same_bits(a->up_proj->lora->A, c->up_proj->lora->A));
}

TEST(Lora, DropoutIsDrawnFromTheSeedAndEndsWithIt) {
  auto module = mlp();
  add_lora(*module, {{"up_proj", 4, 8.0, 0.5}}, 3);
  fill_b(module);
  const auto x = input(), whole = module->forward(x);
  set_lora_masks(*module, 11);
  const auto dropped = module->forward(x);
  EXPECT_GT(relative_distance(dropped, whole), 1e-3);
  EXPECT_TRUE(same_bits(module->forward(x), dropped));  // a recomputed layer
  set_lora_masks(*module, 12);
  EXPECT_FALSE(same_bits(module->forward(x), dropped));
  set_lora_masks(*module, std::nullopt);
  EXPECT_TRUE(same_bits(module->forward(x), whole));
}

TEST(Lora, DropoutKeepsTheMean) {
  auto module = mlp();
  add_lora(*module, {{"up_proj", 4, 8.0, 0.25}}, 3);
  fill_b(module);
  const auto x = input(), whole = module->up_proj->forward(x);
  auto sum = torch::zeros_like(whole);
  for (uint64_t seed = 0; seed < 4000; ++seed) {
    set_lora_masks(*module, seed);
    sum += module->up_proj->forward(x).detach();
  }
  EXPECT_LT(relative_distance(sum / 4000, whole), 0.03);  // about 1 / sqrt(4000)
}

TEST(Lora, WrongOptionsAreRefusedByName) {
  const auto message = [](const LoraOptions& options) {
    auto module = mlp();
    try {
      add_lora(*module, {options}, 3);
    } catch (const UserError& error) {
      return std::string(error.what());
    }
    return std::string("nothing was thrown");
  };
  EXPECT_NE(message({"up_prj", 4, 8.0}).find("'up_proj'"), std::string::npos);
  EXPECT_NE(message({"*", 0, 8.0}).find("rank"), std::string::npos);
  EXPECT_NE(message({"*", 4, 0.0}).find("alpha"), std::string::npos);
  EXPECT_NE(message({"*", 4, 8.0, 1.0}).find("dropout"), std::string::npos);
}

}  // namespace
}  // namespace pal
