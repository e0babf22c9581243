// What an answer costs is what its one forward computes.
#include "pal/report/answer_cost.h"

#include <gtest/gtest.h>

#include "pal/integration/step_flops.h"
#include "pal/train/step_memory.h"
#include "support/tiny_model.h"

namespace pal {
namespace {

TEST(SampleCost, IsOfAForwardOverTextAndAudio) {
  NEEDS_YAMNET();
  auto batch = tiny_training_batch();  // its last sample: 5 tokens and clips of 6 and 18
  batch.tokens = batch.tokens.slice(0, 9, 14);
  batch.target = batch.target.slice(0, 9, 14);
  batch.clips = {batch.clips[2]};
  batch.audio_at = {batch.audio_at[2]};
  batch.text_tokens = {5};
  batch.ids = {"one"};
  const auto model = tiny_pal(), frozen = tiny_pal();  // detail: all tokens by LAL; summary: a sixth by PLITS
  const auto cost = sample_cost(*model, batch);
  EXPECT_EQ(cost.rows, 5 + 1 + 3);
  EXPECT_EQ(cost.audio_keys, 6 + 18);
  for (auto& parameter : frozen->parameters()) parameter.requires_grad_(false);
  EXPECT_DOUBLE_EQ(cost.gflop * 1e9, decoder_flops(*frozen, batch).total());
  EXPECT_DOUBLE_EQ(cost.activation_mib * 1024 * 1024, double(activation_bytes(frozen->options(), frozen->llm()->options, {.samples = 1, .text_tokens = 5, .streams = {24, 4}, .targets = 2}, torch::kCPU)));
}

}  // namespace
}  // namespace pal
