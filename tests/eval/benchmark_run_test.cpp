// What a benchmark asks and what answers are worth, without a model.
#include "pal/eval/benchmark_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pal/core/check.h"

namespace pal {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

Sample captioned(const std::string& id, const std::vector<std::string>& captions) {
  Sample sample;
  sample.id = id;
  sample.references = captions;
  sample.messages = {{"user", "?"}, {"assistant", captions.front()}};
  return sample;
}

// PTB's tokenizer would make "dog 's" and "well-known" of what LTU compares as "dogs" and "wellknown".
TEST(BenchmarkRun, CaptionsAndReferencesAreComparedWithoutPunctuation) {
  const std::vector<Sample> samples{captioned("1", {"The DOG'S well-known bark.", "a hound"}), captioned("2", {"rain falls onto a roof"})};
  const std::vector<Answer> answers{{"1", "Audio caption: The dog's well-known bark", {}}, {"2", "Audio caption: Rain falls - onto a 'roof'", {}}};
  const std::vector<Prediction> plain{{"1", "the dogs wellknown bark", {"the dogs wellknown bark", "a hound"}}, {"2", "rain falls  onto a roof", {"rain falls onto a roof"}}};
  for (const char* name : {"audiocaps", "clotho"}) {
    const auto result = score_captions(find_benchmark(name), samples, answers);
    EXPECT_GT(result.score.score, 0);
    EXPECT_DOUBLE_EQ(result.score.score, score_predictions(plain, "ciderd").score);
    EXPECT_EQ(result.predictions[0]["text"], "the dogs wellknown bark");
    EXPECT_EQ(result.predictions[0]["prediction"], answers[0].text);
    EXPECT_EQ(result.predictions[0]["references"][0], "The DOG'S well-known bark.");
    EXPECT_EQ(result.predictions[1]["score"], result.score.per_sample[1]);
  }
}

Sample labelled(const std::string& id, const std::vector<std::string>& labels) {
  auto sample = captioned(id, labels);
  sample.labels = labels;
  return sample;
}

TEST(BenchmarkRun, TheNearestLabelIsWhatAnAnswerSays) {
  const std::vector<std::string> labels{"cat", "dog", "rain"};
  const std::vector<Sample> samples{labelled("1", {"dog"}), labelled("2", {"rain", "cat"})};
  const std::vector<Answer> answers{{"1", "Audio caption: a dog", {-3, -1, -2}}, {"2", "Audio caption: a dog, too", {-3, -1, -2}}};
  const auto near = torch::tensor({{0.1, 0.9, 0.2}, {0.3, 0.5, 0.4}}, torch::kFloat64);
  const auto by_text = score_similarities(find_benchmark("esc50"), labels, samples, answers, near);
  EXPECT_EQ(by_text.score.score, 0.5);
  EXPECT_EQ(by_text.predictions[1]["label"], "dog");
  EXPECT_EQ(by_text.predictions[1]["similarity"], 0.5);
  EXPECT_EQ(by_text.predictions[1]["text"], "a dog, too");
  EXPECT_EQ(by_text.classes[1].scores, (std::vector<double>{0.3, 0.5, 0.4}));
  EXPECT_EQ(by_text.classes[1].labels, (std::vector<uint8_t>{1, 0, 1}));
  const auto by_likelihood = score_likelihoods(find_benchmark("fsd50k"), labels, samples, answers);
  EXPECT_EQ(by_likelihood.classes[0].scores, answers[0].likelihoods);
  EXPECT_EQ(by_likelihood.score.metric, "map");
}

TEST(BenchmarkRun, AsksAsLtuAndKeepsTheAnswer) {
  std::vector<Sample> samples{captioned("1", {"x"})};
  samples[0].messages.insert(samples[0].messages.begin(), {"system", "own"});
  ask_as_ltu(find_benchmark("clotho"), "", samples);
  ASSERT_EQ(samples[0].messages.size(), 2u);
  EXPECT_EQ(samples[0].messages[0].content, "Close-ended question: Create a caption for audio, in Clotho style.");
  EXPECT_EQ(samples[0].messages[1].content, "x");
  ask_as_ltu(find_benchmark("clotho"), "be short", samples);
  ASSERT_EQ(samples[0].messages.size(), 3u);
  EXPECT_EQ(samples[0].messages[0].role, "system");
  EXPECT_EQ(samples[0].messages[0].content, "be short");
}

TEST(BenchmarkRun, ChoosesAmongLabelsWrittenAsTrainingWroteThemAndLeavesNothingOut) {
  PromptOptions prompt;
  prompt.answer = "It is {label}.";
  EvaluationOptions given;
  given.skip_unanswerable = true;
  given.answers = {"of training"};
  const std::vector<std::string> labels{"a dog", "rain"};
  const auto options = benchmark_options(find_benchmark("esc50"), "likelihood", labels, prompt, given);
  EXPECT_EQ(options.answers, (std::vector<std::string>{"It is a dog.", "It is rain."}));
  EXPECT_FALSE(options.skip_unanswerable);
  EXPECT_TRUE(benchmark_options(find_benchmark("esc50"), "ltu", labels, prompt, given).answers.empty());
}

TEST(BenchmarkRun, ASampleThatDoesNotFitIsNamed) {
  const std::vector<std::string> labels{"cat", "dog"};
  const auto refused = [&](const char* benchmark, const Sample& sample, const std::string& why) {
    EXPECT_THAT([&] { check_benchmark(find_benchmark(benchmark), std::vector{sample}, labels); }, ThrowsMessage<UserError>(HasSubstr(why)));
  };
  refused("esc50", labelled("7", {"cow"}), "sample '7': its label 'cow' is not among the classes");
  refused("esc50", captioned("7", {"x"}), "sample '7': has no labels");
  refused("clotho", labelled("7", {"cat"}), "sample '7': has labels");
  EXPECT_EQ(labels_of(std::vector{labelled("1", {"b", "a"}), labelled("2", {"b"})}), (std::vector<std::string>{"a", "b"}));
}

}  // namespace
}  // namespace pal
