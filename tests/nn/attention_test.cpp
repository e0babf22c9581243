#include "pal/nn/attention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pal/core/check.h"
#include "support/tensor_compare.h"

namespace pal {
namespace {

// Two samples of rows with ids 0..2 and 0..4; the first has 2 extra keys (ids 3, 4, after its rows 0..2 end, seen by none but rows that follow), so its
// rows are 0,1,2 | audio 3,4 | 5,6.
AttentionPlan small_plan() {
  // rows: sample 0: ids 0 1 2 5 6 (rows 0..4), sample 1: ids 0 1 2 (rows 5..7); keys 8, 9: audio of sample 0, ids 3 4
  std::vector<AttentionSegment> segments{{{0, 3}, {{0, 3}}}, {{3, 5}, {{0, 3}, {8, 10}, {3, 5}}}, {{5, 8}, {{5, 8}}}};
  AttentionPlan plan(std::move(segments), true, 8, 10, torch::kCPU);
  plan.row_ids = torch::tensor({0, 1, 2, 5, 6, 0, 1, 2}, torch::kInt64);
  plan.row_samples = torch::tensor({0, 0, 0, 0, 0, 1, 1, 1}, torch::kInt64);
  plan.key_ids = torch::cat({plan.row_ids, torch::tensor({3, 4}, torch::kInt64)});
  plan.key_samples = torch::cat({plan.row_samples, torch::tensor({0, 0}, torch::kInt64)});
  return plan;
}

struct Inputs {
  torch::Tensor q, k, v;
};
Inputs inputs(torch::ScalarType type, torch::Device device = torch::kCPU) {
  torch::manual_seed(1);
  const auto options = torch::TensorOptions(torch::kFloat64);
  return {torch::randn({8, 4, 16}, options).to(device, type), torch::randn({10, 2, 16}, options).to(device, type),
          torch::randn({10, 2, 16}, options).to(device, type)};
}

TEST(Attention, SdpaEqualsNaiveInFloat64) {
  const auto plan = small_plan();
  const auto in = inputs(torch::kFloat64);
  const auto naive = make_attention_backend("naive", torch::kFloat64, torch::kCPU)->attend(in.q, in.k, in.v, plan, 0.25);
  const auto sdpa = make_attention_backend("sdpa", torch::kFloat64, torch::kCPU)->attend(in.q, in.k, in.v, plan, 0.25);
  EXPECT_LT(relative_distance(sdpa, naive), 1e-12);
}

TEST(Attention, SdpaEqualsNaiveInFloat32) {
  const auto plan = small_plan();
  const auto in = inputs(torch::kFloat32);
  const auto naive = make_attention_backend("naive", torch::kFloat32, torch::kCPU)->attend(in.q, in.k, in.v, plan, 0.25);
  const auto sdpa = make_attention_backend("sdpa", torch::kFloat32, torch::kCPU)->attend(in.q, in.k, in.v, plan, 0.25);
  EXPECT_LT(relative_distance(sdpa, naive), 1e-5);
}

// The naive backend reads slot ids, the others segments: a wrong id is seen only by one of them.
TEST(Attention, NaiveFollowsSlotIdsNotSegments) {
  auto plan = small_plan();
  const auto in = inputs(torch::kFloat64);
  const auto backend = make_attention_backend("naive", torch::kFloat64, torch::kCPU);
  const auto before = backend->attend(in.q, in.k, in.v, plan, 0.25);
  plan.key_ids[8] = 100;  // now later than every row
  const auto after = backend->attend(in.q, in.k, in.v, plan, 0.25);
  EXPECT_GT(relative_distance(after, before), 1e-3);
}

TEST(Attention, GradientsOfSdpaEqualNaive) {
  const auto plan = small_plan();
  auto gradients = [&](const char* name) {
    auto in = inputs(torch::kFloat64);
    for (auto* x : {&in.q, &in.k, &in.v}) x->requires_grad_();
    make_attention_backend(name, torch::kFloat64, torch::kCPU)->attend(in.q, in.k, in.v, plan, 0.25).pow(2).sum().backward();
    return torch::cat({in.q.grad().flatten(), in.k.grad().flatten(), in.v.grad().flatten()});
  };
  EXPECT_LT(relative_distance(gradients("sdpa"), gradients("naive")), 1e-12);
}

TEST(Attention, SdpaReadsKeysInTheOrderOfTheSegmentsToo) {
  const auto plan = small_plan();
  const auto in = inputs(torch::kFloat64);
  const auto backend = make_attention_backend("sdpa", torch::kFloat64, torch::kCPU);
  ASSERT_TRUE(backend->reads_in_order());
  const auto& index = plan.key_order()->index;
  EXPECT_LT(relative_distance(backend->attend_in_order(in.q, in.k.index_select(0, index), in.v.index_select(0, index), plan, 0.25), backend->attend(in.q, in.k, in.v, plan, 0.25)), 1e-14);
  EXPECT_THROW(make_attention_backend("naive", torch::kFloat64, torch::kCPU)->attend_in_order(in.q, in.k, in.v, plan, 0.25), std::logic_error);
}

TEST(Attention, SegmentsWithoutRowsSayNothing) {
  const auto in = inputs(torch::kFloat64);
  const auto cpu = small_plan();
  auto segments = cpu.segments;
  const int64_t end = segments.back().rows.end;
  segments.insert(segments.end(), 3, AttentionSegment{{end, end}, {}});
  const AttentionPlan plan(segments, cpu.causal, cpu.rows, cpu.keys, torch::kCPU);
  const auto backend = make_attention_backend("sdpa", torch::kFloat64, torch::kCPU);
  EXPECT_TRUE(torch::equal(backend->attend(in.q, in.k, in.v, plan, 0.25), backend->attend(in.q, in.k, in.v, cpu, 0.25)));
  const auto& index = plan.key_order()->index;
  EXPECT_TRUE(torch::equal(backend->attend_in_order(in.q, in.k.index_select(0, index), in.v.index_select(0, index), plan, 0.25), backend->attend(in.q, in.k, in.v, cpu, 0.25)));
}

TEST(Attention, ASegmentOfOneRowEqualsNaive) {
  const auto in = inputs(torch::kFloat64);
  AttentionPlan plan({{{0, 1}, {{2, 5}, {7, 9}}}, {{1, 2}, {{9, 10}}}}, false, 2, 10, torch::kCPU);
  const auto q = in.q.slice(0, 0, 2);
  const auto attend = [&](const char* name) { return make_attention_backend(name, torch::kFloat64, torch::kCPU)->attend(q, in.k, in.v, plan, 0.25); };
  EXPECT_LT(relative_distance(attend("sdpa"), attend("naive")), 1e-13);
}

// Two samples of 2 and 3 keys in a cache of 5 slots each; what lies behind them must not matter.
TEST(Attention, ACachesPlanGrowsBySlots) {
  const auto in = inputs(torch::kFloat64);
  const auto q = in.q.slice(0, 0, 2);
  auto plan = AttentionPlan::of_cache({2, 3}, 5, torch::kCPU);
  const auto naive = make_attention_backend("naive", torch::kFloat64, torch::kCPU), sdpa = make_attention_backend("sdpa", torch::kFloat64, torch::kCPU);
  for (int64_t more : {0, 1, 2}) {
    const AttentionPlan expected({{{0, 1}, {{0, 2 + more}}}, {{1, 2}, {{5, 8 + more}}}}, false, 2, 10, torch::kCPU);
    EXPECT_LT(relative_distance(sdpa->attend(q, in.k, in.v, plan, 0.25), naive->attend(q, in.k, in.v, expected, 0.25)), 1e-13) << more;
    EXPECT_TRUE(torch::equal(plan.key_lengths, torch::tensor({2 + more, 3 + more}, torch::kInt32)));
    if (more < 2) plan.grow();
  }
  EXPECT_TRUE(torch::equal(plan.key_starts, torch::tensor({0, 5, 10}, torch::kInt32)));
  EXPECT_THROW(plan.grow(), std::logic_error);  // the second sample's slots are full
}

TEST(Attention, FlashOnCudaReadsACacheWhereItLies) {
  if (!torch::cuda::is_available()) GTEST_SKIP() << "no CUDA device";
  const auto in = inputs(torch::kBFloat16, torch::kCUDA);
  const auto q = in.q.slice(0, 0, 2);
  auto plan = AttentionPlan::of_cache({2, 3}, 5, torch::kCUDA);
  plan.grow();
  const auto attend = [&](const char* name) { return make_attention_backend(name, torch::kBFloat16, torch::kCUDA)->attend(q, in.k, in.v, plan, 0.25); };
  EXPECT_LT(relative_distance(attend("flash"), attend("naive")), 1e-2);
}

TEST(Attention, FlashOnCudaEqualsNaive) {
  if (!torch::cuda::is_available()) GTEST_SKIP() << "no CUDA device";
  auto segments = small_plan().segments;
  AttentionPlan plan(segments, true, 8, 10, torch::kCUDA);
  const auto cpu = small_plan();
  plan.row_ids = cpu.row_ids, plan.row_samples = cpu.row_samples, plan.key_ids = cpu.key_ids, plan.key_samples = cpu.key_samples;
  const auto in = inputs(torch::kBFloat16, torch::kCUDA);
  const auto naive = make_attention_backend("naive", torch::kBFloat16, torch::kCUDA)->attend(in.q, in.k, in.v, plan, 0.25);
  const auto flash = make_attention_backend("flash", torch::kBFloat16, torch::kCUDA)->attend(in.q, in.k, in.v, plan, 0.25);
  EXPECT_LT(relative_distance(flash.cpu(), naive.cpu()), 1e-2);  // bfloat16 holds 8 bits
}

TEST(Attention, ABackendThatCannotDoTheTypeIsRefused) {
  EXPECT_THROW(make_attention_backend("flash", torch::kBFloat16, torch::kCPU), UserError);
  EXPECT_THROW(make_attention_backend("flash", torch::kFloat32, torch::kCUDA), UserError);
  EXPECT_THROW(make_attention_backend("fast", torch::kFloat32, torch::kCPU), UserError);
  EXPECT_EQ(make_attention_backend("auto", torch::kFloat32, torch::kCPU)->name(), "sdpa");
}

}  // namespace
}  // namespace pal
