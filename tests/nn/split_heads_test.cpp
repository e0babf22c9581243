#include "pal/nn/split_heads.h"

#include <gtest/gtest.h>

#include "support/tensor_compare.h"

namespace pal {
namespace {

constexpr int64_t kQueryHeads = 4, kGroups = 2, kHeadDim = 8;

// Rows 0..4 and audio 8, 9 of one sample, rows 5..7 of another; slots of the first are read twice.
AttentionPlan plan_with_audio() { return {{{{0, 3}, {{0, 3}}}, {{3, 5}, {{0, 3}, {8, 10}, {3, 5}}}, {{5, 8}, {{5, 8}}}}, true, 8, 10, torch::kCPU}; }

HeadProducts products(torch::ScalarType type, bool with_audio) {
  torch::manual_seed(4);
  const auto options = torch::TensorOptions(torch::kFloat64);
  const auto frequencies = rope_frequencies({.head_dim = kHeadDim});
  HeadProducts result{torch::randn({8, (kQueryHeads + 2 * kGroups) * kHeadDim}, options).to(type), rope_table(frequencies, torch::tensor({0, 1, 2, 5, 6, 0, 1, 2}, torch::kInt64), torch::TensorOptions(type)), {}, {}};
  result.rows.requires_grad_();
  if (!with_audio) return result;
  result.audio = torch::randn({2, 2 * kGroups * kHeadDim}, options).to(type).requires_grad_();
  result.audio_rope = rope_table(frequencies, torch::tensor({3, 4}, torch::kInt64), torch::TensorOptions(type));
  return result;
}

// Queries, keys, values, and gradients of both products.
std::vector<torch::Tensor> result_of(decltype(split_heads) split, torch::ScalarType type, const AttentionPlan& plan, bool with_audio) {
  const auto from = products(type, with_audio);
  const auto heads = split(from, plan.key_order(), kQueryHeads, kHeadDim);
  (heads.queries.pow(3).sum() + heads.keys.pow(2).sum() + heads.values.sin().sum()).backward();
  std::vector<torch::Tensor> result{heads.queries, heads.keys, heads.values, from.rows.grad()};
  if (with_audio) result.push_back(from.audio.grad());
  return result;
}

void expect_equal(torch::ScalarType type, const AttentionPlan& plan, bool with_audio, double bound) {
  const auto fast = result_of(split_heads, type, plan, with_audio), naive = result_of(naive_split_heads, type, plan, with_audio);
  for (std::size_t i = 0; i < fast.size(); ++i) EXPECT_LT(relative_distance(fast[i], naive[i]), bound) << i;
}

TEST(SplitHeads, EqualsItsReferenceWhereSlotsAreReadTwiceAndInAnotherOrder) {
  ASSERT_TRUE(plan_with_audio().key_order());
  expect_equal(torch::kFloat64, plan_with_audio(), true, 1e-14);
  expect_equal(torch::kFloat32, plan_with_audio(), true, 1e-6);
  expect_equal(torch::kBFloat16, plan_with_audio(), true, 1e-6);  // by the reference itself: the CPU has no kernel for it
}

TEST(SplitHeads, EqualsItsReferenceWhereKeysAreTheRowsAsTheyAre) {
  const AttentionPlan plan({{{0, 5}, {{0, 5}}}, {{5, 8}, {{5, 8}}}}, true, 8, 8, torch::kCPU);
  ASSERT_FALSE(plan.key_order());
  expect_equal(torch::kFloat64, plan, false, 1e-14);
}

TEST(SplitHeads, AudioThatNoRowReadsHasAGradientOfZero) {
  const AttentionPlan plan({{{0, 5}, {{0, 5}}}, {{5, 8}, {{5, 8}}}}, true, 8, 10, torch::kCPU);
  const auto result = result_of(split_heads, torch::kFloat64, plan, true);
  EXPECT_EQ(result[1].size(0), 8);
  EXPECT_TRUE(torch::equal(result[4], torch::zeros_like(result[4])));
}

TEST(SplitHeadsInto, EqualsItsReferenceAndLeavesOtherSlotsAlone) {
  torch::NoGradGuard no_grad;
  for (const auto type : {torch::kFloat64, torch::kFloat32, torch::kBFloat16}) {
    const auto from = products(type, false);
    const auto places = torch::tensor({3, 19, 0, 7, 8, 12, 11, 4}, torch::kInt64);
    const auto result_of = [&](decltype(split_heads_into) split) {
      HeadCache cache{torch::full({20, kGroups, kHeadDim}, 5.0, type), torch::full({20, kGroups, kHeadDim}, 7.0, type), places};
      const auto queries = split(cache, from.rows, from.rope, kQueryHeads, kHeadDim);
      return std::vector<torch::Tensor>{queries, cache.keys, cache.values};
    };
    const auto fast = result_of(split_heads_into), naive = result_of(naive_split_heads_into);
    const auto in_a_row = naive_split_heads(from, std::nullopt, kQueryHeads, kHeadDim);
    for (std::size_t i = 0; i < 3; ++i) EXPECT_LT(relative_distance(fast[i], naive[i]), 1e-6) << type << i;
    EXPECT_LT(relative_distance(fast[0], in_a_row.queries), 1e-6);
    EXPECT_LT(relative_distance(fast[1].index_select(0, places), in_a_row.keys), 1e-6);
    EXPECT_LT(relative_distance(fast[2].index_select(0, places), in_a_row.values), 1e-6);
    EXPECT_EQ((fast[1] == 5.0).all(-1).all(-1).sum().item<int64_t>(), 12);
  }
}

TEST(KeyOrder, NamesWhoReadsEachSlot) {
  const auto plan = plan_with_audio();
  const auto& order = *plan.key_order();
  EXPECT_TRUE(torch::equal(order.index, torch::tensor({0, 1, 2, 0, 1, 2, 8, 9, 3, 4, 5, 6, 7}, torch::kInt64)));
  for (int64_t slot = 0; slot < 10; ++slot) {
    const auto readers = order.readers.slice(0, order.reader_starts[slot].item<int64_t>(), order.reader_starts[slot + 1].item<int64_t>());
    EXPECT_TRUE(torch::equal(readers, (order.index == slot).nonzero().squeeze(1))) << slot;
  }
}

}  // namespace
}  // namespace pal
