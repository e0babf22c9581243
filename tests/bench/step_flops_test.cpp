#include "pal/integration/step_flops.h"

#include <gtest/gtest.h>

#include "pal/bench/flop_counter.h"
#include "pal/train/stage_policy.h"
#include "support/tiny_model.h"

namespace pal {
namespace {

// Products that a step really does, connectors left out: what the dispatcher sees.
int64_t counted(PalModel& model, const PalBatch& batch) {
  int64_t connectors = 0, all = 0;
  {
    const FlopCounter counter;
    for (const auto& tokens : model.connect(batch))
      if (tokens.requires_grad()) tokens.sum().backward();
    connectors = counter.flops();
  }
  {
    const FlopCounter counter;
    model.loss_sum(batch).backward();
    all = counter.flops();
  }
  return all - connectors;
}

struct Case {
  const char* name;
  std::vector<StreamOptions> streams;
  std::vector<std::string> trainable;
};

std::vector<Case> cases() {
  std::vector<Case> all;
  const std::vector<std::pair<const char*, std::vector<std::string>>> stages{
      {"connectors", {"connectors.*"}},
      {"everything", {"connectors.*", "llm.*"}},
      {"frozen FFN", {"connectors.*", "llm.layers.*.self_attn.*"}},
      {"LLM alone", {"llm.*"}},
      {"last layer's FFN", {"llm.layers.2.mlp.*"}},
      {"a norm in the middle", {"llm.layers.1.post_attention_layernorm.*"}},
      {"a norm before attention", {"llm.layers.1.input_layernorm.*"}},
      {"queries", {"llm.layers.1.self_attn.q_proj.*"}},
      {"the final norm", {"llm.norm.*"}}};
  for (const auto& [stage, trainable] : stages) {
    all.push_back({stage, {tiny_stream("detail", Integration::kPlits)}, trainable});
    all.push_back({stage, {tiny_stream("detail", Integration::kLal, 1)}, trainable});
    all.push_back({stage, {tiny_stream("detail", Integration::kLal, 1), tiny_summary()}, trainable});
  }
  return all;
}

TEST(StepFlops, ProductsAreThoseThatRun) {
  NEEDS_YAMNET();
  for (const auto& one : cases()) {
    auto model = tiny_model(one.streams);
    apply_stage_policy(named_parameters(*model), one.trainable);
    const auto batch = tiny_training_batch();
    EXPECT_EQ(int64_t(decoder_flops(*model, batch).products), counted(*model, batch)) << one.name << ", " << one.streams.size() << " streams";
  }
}

TEST(StepFlops, AdaptersAreCounted) {
  NEEDS_YAMNET();
  for (const char* trainable : {"llm.*", "llm.*.lora_*", "llm.*.lora_A", "llm.*.lora_B", "connectors.*"}) {
    auto model = tiny_model({tiny_stream("detail", Integration::kLal, 1), tiny_summary()});
    add_lora(*model, {{"llm.layers.*.self_attn.q_proj", 4}, {"llm.layers.1.*", 2}}, 1);
    apply_stage_policy(named_parameters(*model), {trainable});
    const auto batch = tiny_training_batch();
    EXPECT_EQ(int64_t(decoder_flops(*model, batch).products), counted(*model, batch)) << trainable;
  }
}

TEST(StepFlops, AttentionIsCountedOverVisiblePairsAlone) {
  // 3 rows, then 2 rows that see 2 audio slots too: 1 + 2 + 3 and 6 + 7 pairs.
  const AttentionPlan plan({{{0, 3}, {{0, 3}}}, {{3, 5}, {{0, 3}, {5, 7}, {3, 5}}}}, true, 5, 7, torch::kCPU);
  EXPECT_EQ(visible_pairs(plan), 19);
  const AttentionPlan open({{{0, 3}, {{0, 3}}}}, false, 3, 3, torch::kCPU);
  EXPECT_EQ(visible_pairs(open), 9);
}

TEST(StepFlops, FrozenAttentionBeforeAnythingThatLearnsCostsNoBackward) {
  NEEDS_YAMNET();
  auto model = tiny_model({tiny_stream("detail", Integration::kLal, 2)});  // read by the last of three layers
  const auto batch = tiny_training_batch();
  const auto attention = [&](std::vector<std::string> trainable) {
    apply_stage_policy(named_parameters(*model), trainable);
    return decoder_flops(*model, batch).attention;
  };
  const double forward = attention({"llm.norm.*"}), last_backward = attention({"connectors.*"}) - forward;
  EXPECT_DOUBLE_EQ(attention({"llm.*"}), 3 * forward);  // a backward is twice a forward
  EXPECT_GT(last_backward, 2 * forward / 3);            // the last layer's, which reads audio too
  EXPECT_LT(last_backward, 2 * forward);
}

}  // namespace
}  // namespace pal
