// Invariant 6: what is cached gives what recomputation gives.
#include "pal/integration/cached_decoding.h"

#include <gtest/gtest.h>

#include "pal/eval/generate.h"
#include "support/tensor_compare.h"
#include "support/tiny_model.h"

namespace pal {
namespace {

TEST(CachedDecoding, EveryStepEqualsRecomputingTheWholeSequence) {
  NEEDS_YAMNET();
  const auto model = tiny_pal();
  torch::NoGradGuard no_grad;
  const auto prompt = run_prompt(*model, tiny_prompts());
  CachedDecoder decoder(*model, prompt, 5);
  std::vector<std::vector<int64_t>> said(3);
  for (int64_t step = 0; step < 5; ++step) {
    const std::vector<int64_t> next{step + 30, step + 35, step + 40};
    for (std::size_t s = 0; s < 3; ++s) said[s].push_back(next[s]);
    const auto cached = decoder.step(torch::tensor(next, torch::kInt64));
    const auto recomputed = next_tokens(*model, run_prompt(*model, tiny_prompts(said)).last_hidden);
    EXPECT_LT(relative_distance(cached.logits, recomputed.logits), 1e-12) << step;
    EXPECT_TRUE(torch::equal(cached.best, recomputed.best)) << step;
  }
}

// Norms of heads lie between product and rotation: other steps than those without.
TEST(CachedDecoding, StepsOfAModelWhoseHeadsAreNormedEqualRecomputation) {
  NEEDS_YAMNET();
  auto options = tiny_pal()->options();
  options.llm.random->qk_norm = true;
  PalModel model(options, 3, torch::kCPU);
  torch::NoGradGuard no_grad;
  set_norms(*model.llm());
  CachedDecoder decoder(model, run_prompt(model, tiny_prompts()), 2);
  decoder.step(torch::tensor({30, 35, 40}, torch::kInt64));
  const auto cached = decoder.step(torch::tensor({31, 36, 41}, torch::kInt64));
  const auto recomputed = next_tokens(model, run_prompt(model, tiny_prompts({{30, 31}, {35, 36}, {40, 41}})).last_hidden);
  EXPECT_LT(relative_distance(cached.logits, recomputed.logits), 1e-12);
}

TEST(CachedDecoding, ScoresOfContinuationsEqualThoseOfWholeSequences) {
  NEEDS_YAMNET();
  const auto model = tiny_pal();
  torch::NoGradGuard no_grad;
  const std::vector<std::vector<int64_t>> candidates{{31, 32, 33}, {34}, {31, 35}};
  const auto scores = score_continuations(*model, run_prompt(*model, tiny_prompts()), candidates);
  for (std::size_t c = 0; c < candidates.size(); ++c) {
    std::vector<std::vector<int64_t>> said(3);
    std::vector<double> expected(3, 0.0);
    for (int64_t token : candidates[c]) {
      const auto logits = model->llm()->logits(run_prompt(*model, tiny_prompts(said)).last_hidden);
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
  const auto answers = generate(*model, tiny_prompts(), {}, options);
  std::vector<std::vector<int64_t>> said(3);
  for (std::size_t step = 0; step < 6; ++step) {
    const auto best = model->llm()->logits(run_prompt(*model, tiny_prompts(said)).last_hidden).argmax(-1);
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
  const auto first = generate(*model, tiny_prompts(), {}, options), again = generate(*model, tiny_prompts(), {}, options);
  EXPECT_EQ(first, again);
  options.seed = 1;
  EXPECT_NE(generate(*model, tiny_prompts(), {}, options), first);
  options.seed = 0;
  EXPECT_EQ(generate(*model, tiny_prompts(), {}, options, /*first_index=*/0)[0], first[0]);
  EXPECT_NE(generate(*model, tiny_prompts(), {}, options, /*first_index=*/7), first);
}

TEST(Generate, TopKOfOneIsGreedyAndAStopTokenEndsAnAnswer) {
  NEEDS_YAMNET();
  const auto model = tiny_pal();
  GenerateOptions options;
  options.max_new_tokens = 6;
  const auto greedy = generate(*model, tiny_prompts(), {}, options);
  options.temperature = 2.0;
  options.top_k = 1;
  EXPECT_EQ(generate(*model, tiny_prompts(), {}, options), greedy);
  const auto stopped = generate(*model, tiny_prompts(), {greedy[0][2]}, options);
  const auto first = std::find(greedy[0].begin(), greedy[0].end(), greedy[0][2]);
  EXPECT_EQ(stopped[0], (std::vector<int64_t>(greedy[0].begin(), first)));
}

}  // namespace
}  // namespace pal
