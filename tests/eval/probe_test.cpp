// Probing: cached answers under a cut are those of recomputation; what is drawn leaves nothing in its place.
#include "pal/eval/probe.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "pal/core/check.h"
#include "support/tensor_compare.h"
#include "support/tiny_model.h"

namespace pal {
namespace {

// The last sample's audio comes after all its text, where rows and audio of the batch meet.
PalBatch prompts(const std::vector<std::vector<int64_t>>& continued = {{}, {}, {}}) {
  auto batch = tiny_prompts(continued);
  batch.audio_at = {{3}, {}, {0, 5}};
  return batch;
}

TEST(Probe, CachedStepsWithACutHeadEqualRecomputation) {
  NEEDS_YAMNET();
  torch::NoGradGuard no_grad;
  for (int64_t group = 0; group < 2; ++group) {
    const auto model = tiny_pal();
    const auto whole = run_prompt(*model, prompts()).last_hidden;
    model->probe({AudioCut::of_group(group, 3, 2), {}});
    const auto prompt = run_prompt(*model, prompts());
    EXPECT_GT(relative_distance(prompt.last_hidden, whole), 1e-3);
    CachedDecoder decoder(*model, prompt, 4);
    std::vector<std::vector<int64_t>> said(3);
    for (int64_t step = 0; step < 4; ++step) {
      const std::vector<int64_t> next{step + 30, step + 35, step + 40};
      for (std::size_t s = 0; s < 3; ++s) said[s].push_back(next[s]);
      EXPECT_LT(relative_distance(decoder.step(torch::tensor(next, torch::kInt64)).logits, next_tokens(*model, run_prompt(*model, prompts(said)).last_hidden).logits), 1e-12) << step;
    }
  }
}

// A batch of one sample whose audio follows its last row: there rows and audio meet among the keys, and only rows are to be seen.
TEST(Probe, CachedStepsWithACutHeadSeeNoAudioThatFollowsTheLastRow) {
  NEEDS_YAMNET();
  torch::NoGradGuard no_grad;
  const auto model = tiny_model({tiny_stream("detail", Integration::kLal, 1)});
  model->probe({AudioCut::of_group(0, 3, 2), {}});
  const auto one = [](std::vector<int64_t> said) {
    auto batch = tiny_prompts();
    batch.clips.resize(1);
    batch.audio_at = {{6}};
    batch.ids.resize(1);
    batch.text_tokens = {int64_t(6 + said.size())};
    said.insert(said.begin(), {5, 6, 7, 8, 9, 10});
    batch.tokens = torch::tensor(said, torch::kInt64);
    return batch;
  };
  const auto prompt = run_prompt(*model, one({}));
  CachedDecoder decoder(*model, prompt, 2);
  EXPECT_LT(relative_distance(decoder.step(torch::tensor({30}, torch::kInt64)).logits, next_tokens(*model, run_prompt(*model, one({30})).last_hidden).logits), 1e-12);
  EXPECT_LT(relative_distance(decoder.step(torch::tensor({31}, torch::kInt64)).logits, next_tokens(*model, run_prompt(*model, one({30, 31})).last_hidden).logits), 1e-12);
}

TEST(Probe, ScoresOfAnswersWithACutHeadEqualThoseOfWholeSequences) {
  NEEDS_YAMNET();
  torch::NoGradGuard no_grad;
  const auto model = tiny_pal();
  model->probe({AudioCut::of_group(1, 3, 2), {}});
  const std::vector<int64_t> answer{31, 32, 33};
  const auto scores = score_continuations(*model, run_prompt(*model, prompts()), {answer, {34}});
  std::vector<std::vector<int64_t>> said(3);
  std::vector<double> expected(3, 0.0);
  for (int64_t token : answer) {
    const auto log_p = torch::log_softmax(model->llm()->logits(run_prompt(*model, prompts(said)).last_hidden), -1);
    for (std::size_t s = 0; s < 3; ++s) {
      expected[s] += log_p[int64_t(s)][token].item<double>();
      said[s].push_back(token);
    }
  }
  for (std::size_t s = 0; s < 3; ++s) EXPECT_NEAR(scores[int64_t(s)][0].item<double>(), expected[s], 1e-5);  // summed in float32
}

Sample sample_of(const std::string& id, const std::vector<std::string>& paths) {
  Sample sample;
  sample.id = id;
  for (const auto& path : paths) sample.clips.push_back({path, {}});
  sample.messages = {{"user", "?"}, {"assistant", id}};
  return sample;
}

TEST(Probe, EveryClipBecomesAnotherAndAClipOfSeveralQuestionsTheSameOne) {
  std::vector<Sample> samples{sample_of("text", {})};
  for (int i = 0; i < 20; ++i) samples.push_back(sample_of(std::to_string(i), {fmt::format("{}.wav", i / 2), fmt::format("{}.wav", (i / 2 + 3) % 10)}));
  const auto others = with_other_clips(samples, 5);
  std::set<std::string> heard;
  for (std::size_t s = 0; s < samples.size(); ++s) {
    EXPECT_EQ(others[s].id, samples[s].id);
    ASSERT_EQ(others[s].clips.size(), samples[s].clips.size());
    for (std::size_t c = 0; c < samples[s].clips.size(); ++c) {
      EXPECT_NE(others[s].clips[c].path, samples[s].clips[c].path);
      heard.insert(others[s].clips[c].path);
    }
  }
  EXPECT_EQ(heard.size(), 10u);
  EXPECT_EQ(others[1].clips[0].path, others[2].clips[0].path);
  EXPECT_EQ(with_other_clips(samples, 5)[7].clips[0].path, others[7].clips[0].path);
  EXPECT_THROW(with_other_clips({samples[0], sample_of("a", {"x.wav"}), sample_of("b", {"x.wav"})}, 5), UserError);
}

TEST(Probe, AShuffledOrderLeavesNoTokenInItsPlaceAndDependsOnTheSampleAlone) {
  const auto order = shuffled_order(3);
  for (int64_t tokens : {2, 3, 20, 513}) {
    auto places = order("a", 0, tokens);
    for (int64_t i = 0; i < tokens; ++i) EXPECT_NE(places[std::size_t(i)], i);
    EXPECT_EQ(places, order("a", 0, tokens));
    std::ranges::sort(places);
    for (int64_t i = 0; i < tokens; ++i) EXPECT_EQ(places[std::size_t(i)], i);
  }
  EXPECT_NE(order("a", 0, 20), order("b", 0, 20));
  EXPECT_NE(order("a", 0, 20), order("a", 1, 20));
  EXPECT_EQ(order("a", 0, 1), std::vector<int64_t>{0});
  EXPECT_TRUE(order("a", 0, 0).empty());
}

}  // namespace
}  // namespace pal
