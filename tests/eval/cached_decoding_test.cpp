// Invariant 6: what is cached gives what recomputation gives.
#include "pal/integration/cached_decoding.h"

#include <gtest/gtest.h>

#include "pal/eval/generate.h"
#include "support/tensor_compare.h"
#include "support/tiny_decoder.h"

namespace pal {
namespace {

const std::filesystem::path kYamnet = std::filesystem::path(PAL_SOURCE_DIR) / "assets/yamnet.safetensors";

// PAL on YAMNet's tokens: a LAL stream of all of them in layers 1 and 2, and summary tokens by PLITS.
std::shared_ptr<PalModel> tiny_pal() {
  ModelOptions options;
  options.llm.random = tiny_options();
  options.dtype = "float64";
  options.encoders["sound"] = {"yamnet", kYamnet};
  StreamOptions detail{"detail", "sound", {}, Integration::kLal, {}}, summary{"summary", "sound", {}, Integration::kPlits, {}};
  detail.layers.kind = LayerSelection::Kind::kFrom;
  detail.layers.number = 1;
  summary.connector.type = "mean_pool";
  summary.connector.factor = 6;
  options.streams = {detail, summary};
  auto model = std::make_shared<PalModel>(options, 3, torch::kCPU);
  torch::NoGradGuard no_grad;
  for (auto& parameter : model->parameters())
    if (parameter.dim() > 1) parameter.mul_(8.0);
  return model;
}

// Three prompts of different lengths: with a clip, without, with two.
PalBatch prompts(const std::vector<std::vector<int64_t>>& continued = {{}, {}, {}}) {
  torch::manual_seed(4);
  const auto clip = [](int64_t patches) { return EncodedClip{torch::randn({6 * patches, 1024})}; };
  PalBatch batch;
  batch.clips = {{clip(2)}, {}, {clip(1), clip(3)}};
  batch.audio_at = {{3}, {}, {0, 4}};
  std::vector<int64_t> tokens;
  const std::vector<std::vector<int64_t>> texts = {{5, 6, 7, 8, 9, 10}, {11, 12, 13}, {20, 21, 22, 23, 24}};
  for (std::size_t s = 0; s < 3; ++s) {
    tokens.insert(tokens.end(), texts[s].begin(), texts[s].end());
    tokens.insert(tokens.end(), continued[s].begin(), continued[s].end());
    batch.text_tokens.push_back(int64_t(texts[s].size() + continued[s].size()));
    batch.ids.push_back(std::to_string(s));
  }
  batch.tokens = torch::tensor(tokens, torch::kInt64);
  batch.target = torch::zeros({int64_t(tokens.size())}, torch::kBool);
  return batch;
}

#define NEEDS_YAMNET() \
  if (!std::filesystem::exists(kYamnet)) GTEST_SKIP() << kYamnet << " is not there; tools/setup.sh fetches it"

TEST(CachedDecoding, EveryStepEqualsRecomputingTheWholeSequence) {
  NEEDS_YAMNET();
  const auto model = tiny_pal();
  torch::NoGradGuard no_grad;
  const auto prompt = run_prompt(*model, prompts());
  CachedDecoder decoder(*model, prompt, 5);
  std::vector<std::vector<int64_t>> said(3);
  for (int64_t step = 0; step < 5; ++step) {
    const std::vector<int64_t> next{step + 30, step + 35, step + 40};
    for (std::size_t s = 0; s < 3; ++s) said[s].push_back(next[s]);
    const auto cached = decoder.step(torch::tensor(next, torch::kInt64));
    const auto recomputed = run_prompt(*model, prompts(said)).last_hidden;
    EXPECT_LT(relative_distance(cached, recomputed), 1e-12) << step;
  }
}

TEST(CachedDecoding, ScoresOfContinuationsEqualThoseOfWholeSequences) {
  NEEDS_YAMNET();
  const auto model = tiny_pal();
  torch::NoGradGuard no_grad;
  const std::vector<std::vector<int64_t>> candidates{{31, 32, 33}, {34}, {31, 35}};
  const auto scores = score_continuations(*model, run_prompt(*model, prompts()), candidates);
  for (std::size_t c = 0; c < candidates.size(); ++c) {
    std::vector<std::vector<int64_t>> said(3);
    std::vector<double> expected(3, 0.0);
    for (int64_t token : candidates[c]) {
      const auto logits = model->llm()->logits(run_prompt(*model, prompts(said)).last_hidden);
      const auto log_p = torch::log_softmax(logits, -1);
      for (std::size_t s = 0; s < 3; ++s) {
        expected[s] += log_p[int64_t(s)][token].item<double>();
        said[s].push_back(token);
      }
    }
    for (std::size_t s = 0; s < 3; ++s)  // scores are summed in float32
      EXPECT_NEAR(scores[int64_t(s)][int64_t(c)].item<double>(), expected[s], 1e-5);
  }
}

TEST(Generate, GreedyAnswersAreTheArgmaxOfRecomputation) {
  NEEDS_YAMNET();
  const auto model = tiny_pal();
  torch::NoGradGuard no_grad;
  GenerateOptions options;
  options.max_new_tokens = 6;
  const auto answers = generate(*model, prompts(), {}, options);
  std::vector<std::vector<int64_t>> said(3);
  for (std::size_t step = 0; step < 6; ++step) {
    const auto best = model->llm()->logits(run_prompt(*model, prompts(said)).last_hidden).argmax(-1);
    for (std::size_t s = 0; s < 3; ++s) {
      ASSERT_EQ(answers[s][step], best[int64_t(s)].item<int64_t>());
      said[s].push_back(answers[s][step]);
    }
  }
}

TEST(Generate, SamplingDependsOnTheSeedAndNotOnTheBatch) {
  NEEDS_YAMNET();
  const auto model = tiny_pal();
  GenerateOptions options;
  options.max_new_tokens = 12;
  options.temperature = 1.0;
  options.top_k = 20;
  options.top_p = 0.9;
  const auto first = generate(*model, prompts(), {}, options), again = generate(*model, prompts(), {}, options);
  EXPECT_EQ(first, again);
  options.seed = 1;
  EXPECT_NE(generate(*model, prompts(), {}, options), first);
  options.seed = 0;
  EXPECT_EQ(generate(*model, prompts(), {}, options, /*first_index=*/0)[0], first[0]);
  EXPECT_NE(generate(*model, prompts(), {}, options, /*first_index=*/7), first);
}

TEST(Generate, TopKOfOneIsGreedyAndAStopTokenEndsAnAnswer) {
  NEEDS_YAMNET();
  const auto model = tiny_pal();
  GenerateOptions options;
  options.max_new_tokens = 6;
  const auto greedy = generate(*model, prompts(), {}, options);
  options.temperature = 2.0;
  options.top_k = 1;
  EXPECT_EQ(generate(*model, prompts(), {}, options), greedy);
  const auto stopped = generate(*model, prompts(), {greedy[0][2]}, options);
  const auto first = std::find(greedy[0].begin(), greedy[0].end(), greedy[0][2]);
  EXPECT_EQ(stopped[0], (std::vector<int64_t>(greedy[0].begin(), first)));
}

}  // namespace
}  // namespace pal
