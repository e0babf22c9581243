// Probing: what is cut is not heard, and nothing else changes.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "support/tensor_compare.h"
#include "support/tiny_model.h"

namespace pal {
namespace {

constexpr int64_t kLayers = 3, kGroups = 2;  // of tiny_options()

torch::Tensor hidden(PalModel& model, const PalBatch& batch, AudioProbe probe = {}) {
  torch::NoGradGuard no_grad;
  model.probe(std::move(probe));
  return model.hidden(batch, model.layout(batch));
}

AudioProbe cut_layers(const std::vector<bool>& layers) { return {AudioCut::of_layers(layers, kGroups), {}}; }
AudioProbe cut_group(int64_t group) { return {AudioCut::of_group(group, kLayers, kGroups), {}}; }

// One LAL stream, read by layers 1 and 2.
std::shared_ptr<PalModel> lal_model(const std::string& backend = "auto") {
  return tiny_model({tiny_stream("detail", Integration::kLal, 1)}, "float64", torch::kCPU, backend);
}

// Audio before all text: withholding it moves no text against other text, as rotary positions see it.
PalBatch audio_first() {
  auto batch = tiny_prompts();
  batch.audio_at = {{0}, {}, {0, 0}};
  return batch;
}

PalBatch withheld(PalBatch batch) {
  for (auto& clips : batch.clips)
    for (auto& clip : clips) clip = {torch::zeros({0, 1024})};
  return batch;
}

// The outputs of all heads of key/value head `group` reach nothing.
void mute(PalModel& model, int64_t group) {
  torch::NoGradGuard no_grad;
  for (auto& layer : model.llm()->layers) {
    const int64_t width = layer->self_attn->o_proj->weight.size(1) / kGroups;
    layer->self_attn->o_proj->weight.slice(1, group * width, (group + 1) * width).zero_();
  }
}

TEST(AudioCut, OfAllLayersIsWithholdingTheAudio) {
  NEEDS_YAMNET();
  const auto model = lal_model();
  const auto batch = audio_first();
  const auto silent = hidden(*model, withheld(batch));
  EXPECT_LT(relative_distance(hidden(*model, batch, cut_layers({true, true, true})), silent), 1e-12);
  EXPECT_GT(relative_distance(hidden(*model, batch), silent), 1e-3);
  EXPECT_GT(relative_distance(hidden(*model, batch, cut_layers({true, true, false})), silent), 1e-3);
}

TEST(AudioCut, OfALayerThatReadsNothingChangesNoBit) {
  NEEDS_YAMNET();
  const auto model = lal_model();
  const auto whole = hidden(*model, tiny_prompts());
  EXPECT_TRUE(torch::equal(hidden(*model, tiny_prompts(), cut_layers({true, false, false})), whole));
  EXPECT_GT(relative_distance(hidden(*model, tiny_prompts(), cut_layers({false, true, false})), whole), 1e-3);
  EXPECT_TRUE(torch::equal(hidden(*model, tiny_prompts()), whole));  // and it ends
}

TEST(AudioCut, OfAHeadIsTheSameWhereRowsThatNobodyReadsAreLeftOut) {
  NEEDS_YAMNET();
  const torch::NoGradGuard no_grad;
  const auto model = lal_model();
  const auto batch = tiny_prompts();
  const auto whole = hidden(*model, batch, cut_group(1));  // the probe stays
  const auto read = torch::tensor({4, 1});
  EXPECT_LT(relative_distance(model->hidden(batch, model->layout(batch), nullptr, read), whole.index_select(0, read)), 1e-12);
}

TEST(AudioCut, OfAHeadIsThatOfTheLayersWhereTheOtherHeadsAreMute) {
  NEEDS_YAMNET();
  for (int64_t group = 0; group < kGroups; ++group) {
    const auto model = lal_model();
    mute(*model, 1 - group);
    const auto whole = hidden(*model, tiny_prompts()), deaf = hidden(*model, tiny_prompts(), cut_layers({true, true, true}));
    EXPECT_LT(relative_distance(hidden(*model, tiny_prompts(), cut_group(group)), deaf), 1e-12);
    EXPECT_LT(relative_distance(hidden(*model, tiny_prompts(), cut_group(1 - group)), whole), 1e-12);
    EXPECT_GT(relative_distance(whole, deaf), 1e-3);
  }
}

TEST(AudioCut, OfAllHeadsIsThatOfTheLayers) {
  NEEDS_YAMNET();
  const auto model = lal_model();
  AudioCut cut{{{false, false}, {true, true}, {false, false}}};
  EXPECT_TRUE(torch::equal(hidden(*model, tiny_prompts(), {cut, {}}), hidden(*model, tiny_prompts(), cut_layers({false, true, false}))));
}

TEST(AudioCut, OfAHeadIsTheSameInBothBackends) {
  NEEDS_YAMNET();
  EXPECT_LT(relative_distance(hidden(*lal_model("sdpa"), tiny_prompts(), cut_group(1)), hidden(*lal_model("naive"), tiny_prompts(), cut_group(1))), 1e-12);
}

TEST(AudioCut, LeavesPlitsTokensAlone) {
  NEEDS_YAMNET();
  const auto model = tiny_model({tiny_summary()});
  EXPECT_TRUE(torch::equal(hidden(*model, tiny_prompts(), cut_layers({true, true, true})), hidden(*model, tiny_prompts())));
}

TEST(TokenOrder, TheIdentityChangesNoBitAndAnotherOrderDoesInEveryStream) {
  NEEDS_YAMNET();
  const TokenOrder same = [](const std::string&, int64_t, int64_t tokens) {
    std::vector<int64_t> order(static_cast<std::size_t>(tokens));
    std::iota(order.begin(), order.end(), 0);
    return order;
  };
  const TokenOrder reversed = [&](const std::string& sample, int64_t clip, int64_t tokens) {
    auto order = same(sample, clip, tokens);
    std::ranges::reverse(order);
    return order;
  };
  for (const auto& stream : {tiny_stream("detail", Integration::kLal, 1), tiny_summary()}) {
    const auto model = tiny_model({stream});
    const auto whole = hidden(*model, tiny_prompts());
    EXPECT_TRUE(torch::equal(hidden(*model, tiny_prompts(), {{}, same}), whole));
    EXPECT_GT(relative_distance(hidden(*model, tiny_prompts(), {{}, reversed}), whole), 1e-3);
  }
}

// An MLP takes token by token, so that it does not matter whether what goes in or what comes out is reordered.
TEST(TokenOrder, EachClipKeepsItsOwnTokens) {
  NEEDS_YAMNET();
  const auto model = lal_model();
  const TokenOrder rotated = [](const std::string&, int64_t clip, int64_t tokens) {
    std::vector<int64_t> order;
    for (int64_t i = 0; i < tokens; ++i) order.push_back((i + 1 + clip) % tokens);
    return order;
  };
  auto moved = tiny_prompts();
  for (auto& clips : moved.clips)
    for (std::size_t c = 0; c < clips.size(); ++c)
      clips[c][0] = clips[c][0].index_select(0, torch::tensor(rotated("", int64_t(c), clips[c][0].size(0)), torch::kInt64));
  EXPECT_LT(relative_distance(hidden(*model, tiny_prompts(), {{}, rotated}), hidden(*model, moved)), 1e-12);
}

}  // namespace
}  // namespace pal
