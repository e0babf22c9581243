#include "../../src/train/attention_mass.h"

#include <gtest/gtest.h>

#include "support/tiny_model.h"

namespace pal {
namespace {

// A summary has no layers to be named by; layer 0 does not read the detail.
TEST(AttentionMass, IsOfLalStreamsInTheLayersThatReadThem) {
  NEEDS_YAMNET();
  const auto mass = attention_mass(*tiny_pal(), tiny_training_batch());
  ASSERT_EQ(mass.size(), 1u);
  ASSERT_EQ(mass.at("detail").size(), 2u);
  for (const auto& [layer, part] : mass.at("detail")) {
    EXPECT_TRUE(layer == 1 || layer == 2);
    EXPECT_GT(part, 0);
    EXPECT_LT(part, 1);
  }
}

// Queries of zero attend to all keys alike, so the mass is counted: 12 audio tokens of the first sample, whose two targets are predicted by its rows 3 and 4, which
// see 4 and 5 text tokens.
TEST(AttentionMass, OfRowsThatLookEverywhereAlikeIsTheAudiosPartOfWhatTheySee) {
  NEEDS_YAMNET();
  auto model = tiny_model({tiny_stream("detail", Integration::kLal, 1)});
  torch::NoGradGuard no_grad;
  for (auto& layer : model->llm()->layers) layer->self_attn->q_proj->weight.zero_();
  const auto mass = attention_mass(*model, tiny_training_batch());
  EXPECT_NEAR(mass.at("detail").at(1), (12.0 / 16 + 12.0 / 17) / 2, 1e-12);
}

// Rows of zero queries see 12 audio tokens and 1, 2, ... 40 text tokens: 16 of them, evenly chosen, have about the mean of all.
TEST(AttentionMass, OfManyTargetsSomeRowsThatLieEvenlyAmongThemAreLookedAt) {
  NEEDS_YAMNET();
  auto model = tiny_model({tiny_stream("detail", Integration::kLal, 1)});
  torch::NoGradGuard no_grad;
  for (auto& layer : model->llm()->layers) layer->self_attn->q_proj->weight.zero_();
  PalBatch batch;
  batch.tokens = torch::arange(41, torch::kInt64);
  batch.target = torch::arange(41) > 0;
  batch.text_tokens = {41};
  batch.audio_at = {{0}};
  batch.clips = {{EncodedClip{torch::randn({12, 1024})}}};
  batch.ids = {"long"};
  double expected = 0;
  for (int i = 0; i < 16; ++i) expected += 12.0 / (12 + i * 40 / 16 + 1) / 16;
  EXPECT_NEAR(attention_mass(*model, batch).at("detail").at(1), expected, 1e-12);
}

TEST(AttentionMass, WithoutASampleThatHasBothAudioAndTargetsThereIsNone) {
  NEEDS_YAMNET();
  auto batch = tiny_training_batch();
  batch.target.slice(0, 0, 6) = false;   // the first sample's
  batch.target.slice(0, 9, 14) = false;  // the last one's; the one between has no clip
  EXPECT_TRUE(attention_mass(*tiny_pal(), batch).empty());
  EXPECT_TRUE(attention_mass(*tiny_model({tiny_summary()}), tiny_training_batch()).empty());
}

TEST(AttentionMass, OfASampleInTheMiddleIsThatOfTheSampleAlone) {
  NEEDS_YAMNET();
  const auto model = tiny_pal();
  auto batch = tiny_training_batch();
  batch.target.slice(0, 0, 6) = false;
  PalBatch last;
  last.tokens = batch.tokens.slice(0, 9);
  last.target = batch.target.slice(0, 9);
  last.text_tokens = {5};
  last.audio_at = {batch.audio_at[2]};
  last.clips = {batch.clips[2]};
  last.ids = {"2"};
  EXPECT_EQ(attention_mass(*model, batch), attention_mass(*model, last));
}

}  // namespace
}  // namespace pal
