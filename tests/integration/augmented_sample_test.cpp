#include "pal/integration/augmented_sample.h"

#include <gtest/gtest.h>

#include <set>

#include "pal/core/check.h"

namespace pal {
namespace {

Sample sample_of(const std::string& answer, bool captioned, int clips = 1) {
  Sample sample;
  sample.id = answer;
  for (int i = 0; i < clips; ++i) sample.clips.push_back({answer + ".wav", {}});
  sample.messages = {{"user", "What is heard?"}, {"assistant", answer}};
  sample.captioned = captioned;
  return sample;
}

std::vector<Sample> five_samples() {
  return {sample_of("A dog barks.", true), sample_of("cat", false), sample_of("Rain falls.", true), sample_of("Two clips.", true, 2), sample_of("Wind.", true)};
}

TEST(Augmenter, MixesCaptionedSamplesOfOneClipWithEachOtherAndNeverWithThemselves) {
  const auto samples = five_samples();
  const AugmentationOptions options{.mix = 1};
  const Augmenter augmenter(samples, options, 1);
  std::set<const Sample*> partners;
  for (int64_t number = 0; number < 200; ++number) {
    EXPECT_EQ(augmenter.at(1, number).partner, nullptr);  // has a label
    EXPECT_EQ(augmenter.at(3, number).partner, nullptr);  // has two clips
    partners.insert(augmenter.at(2, number).partner);
  }
  EXPECT_EQ(partners, (std::set<const Sample*>{&samples[0], &samples[4]}));
}

TEST(Augmenter, MixesTheShareThatIsAskedFor) {
  const auto samples = five_samples();
  const AugmentationOptions options{.mix = 0.3};
  const Augmenter augmenter(samples, options, 1);
  int mixed = 0;
  for (int64_t number = 0; number < 4000; ++number) mixed += augmenter.at(0, number).partner != nullptr;
  EXPECT_NEAR(mixed / 4000.0, 0.3, 0.03);
}

TEST(Augmenter, AUseOfASampleIsAFunctionOfItsNumberAlone) {
  const auto samples = five_samples();
  const AugmentationOptions options{.mix = 0.5};
  const Augmenter augmenter(samples, options, 1);
  std::set<uint64_t> seeds;
  for (int64_t number = 0; number < 50; ++number) {
    const auto one = augmenter.at(0, number), again = augmenter.at(0, number);
    EXPECT_EQ(one.seed, again.seed);
    EXPECT_EQ(one.partner, again.partner);
    seeds.insert(one.seed);
    seeds.insert(Augmenter(samples, options, 2).at(0, number).seed);
  }
  EXPECT_EQ(seeds.size(), 100u);
}

TEST(Augmenter, NeedsTwoSamplesToMix) {
  std::vector<Sample> samples = {sample_of("A dog barks.", true), sample_of("cat", false)};
  const AugmentationOptions options{.mix = 0.5};
  EXPECT_THROW(Augmenter(samples, options, 1), UserError);
}

TEST(AugmentedSample, APartnersAnswerFollowsTheSamplesOwnAndItsClipIsMixedIn) {
  const auto samples = five_samples();
  const AugmentationOptions options{.mix = 1};
  const AugmentedSample mixed{&samples[0], &options, &samples[2], 5};
  EXPECT_EQ(messages_of(mixed).back().content, "A dog barks. Rain falls.");
  EXPECT_EQ(messages_of(mixed).front().content, "What is heard?");
  const auto clips = clips_of(mixed);
  ASSERT_EQ(clips.size(), 1u);
  EXPECT_EQ(clips[0].partner, &samples[2].clips[0]);
  EXPECT_EQ(samples[0].messages.back().content, "A dog barks.");
}

TEST(AugmentedSample, ClipsHaveRandomNumbersOfTheirOwnAndNoneWhereNothingIsOn) {
  const auto samples = five_samples();
  const AugmentationOptions on{.gain = 3}, off;
  const auto clips = clips_of({&samples[3], &on, nullptr, 5});
  ASSERT_EQ(clips.size(), 2u);
  EXPECT_NE(clips[0].seed, clips[1].seed);
  EXPECT_EQ(clips[0].options, &on);
  EXPECT_EQ(clips_of({&samples[3], &off, nullptr, 5})[0].options, nullptr);  // so that what encoders give is kept
}

}  // namespace
}  // namespace pal
