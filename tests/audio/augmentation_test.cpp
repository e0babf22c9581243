#include "pal/audio/augmentation.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "audio/recording.h"
#include "pal/audio/decode.h"
#include "pal/core/temporary_folder.h"
#include "support/tensor_compare.h"

namespace pal {
namespace {

torch::Tensor tone_tensor(double seconds) { return torch::tensor(tone(16000, seconds)); }

// Normal values that are the same in every run.
torch::Tensor values(const std::vector<std::int64_t>& shape, std::uint64_t seed = 7) {
  RandomStream stream(seed);
  auto result = torch::empty(shape);
  auto flat = result.view(-1);
  for (std::int64_t i = 0; i < flat.size(0); ++i) flat.data_ptr<float>()[i] = float(stream.normal());
  return result;
}

double power(const torch::Tensor& x) { return x.to(torch::kFloat64).square().mean().item<double>(); }
double decibels(double power_ratio) { return 10 * std::log10(power_ratio); }

// What was added to `clip`, which may have been scaled before. The noise's own part along the clip counts as scale: of 16000
// samples one ten-thousandth of the noise.
struct Parts {
  double scale;
  torch::Tensor noise;  // [n] float64
  double snr;           // dB
};
Parts take_apart(const torch::Tensor& result, const torch::Tensor& clip) {
  const auto x = clip.to(torch::kFloat64), y = result.to(torch::kFloat64);
  const double scale = (x.dot(y) / x.dot(x)).item<double>();
  const auto noise = y - scale * x;
  return {scale, noise, decibels(power(scale * x) / power(noise))};
}

TEST(Augmentation, OffChangesNothingAndDrawsNothing) {
  const AugmentationOptions off;
  EXPECT_FALSE(off.changes_audio());
  RandomStream stream(3);
  const AudioSegment segment{1.5, 60.25};
  const auto crop = random_crop(segment, 58.75, off, stream);
  EXPECT_EQ(crop.start, segment.start);
  EXPECT_EQ(crop.end, segment.end);
  const auto clip = values({5000});
  EXPECT_TRUE(same_bits(augment_samples(clip.clone(), off, stream), clip));
  const auto features = values({2, 40, 8});
  auto masked = features.clone();
  spec_augment(masked, -1, 0.8, off, stream);
  EXPECT_TRUE(same_bits(masked, features));
  EXPECT_EQ(stream.state(), 3u);
}

TEST(Augmentation, EveryKindCountsAsAChangeByItself) {
  for (const AugmentationOptions& on : std::initializer_list<AugmentationOptions>{
           {.crop = 1}, {.gain = 1}, {.noise = 0.1}, {.time_masks = 1}, {.frequency_masks = 1}, {.mix = 0.1}})
    EXPECT_TRUE(on.changes_audio()) << on.crop << on.gain << on.noise << on.time_masks << on.frequency_masks << on.mix;
}

TEST(Augmentation, TheSameStreamGivesTheSameBitsWhateverTheThreadCount) {
  const AugmentationOptions options{.gain = 6, .noise = 1, .time_masks = 2, .frequency_masks = 2};
  const auto clip = values({300000}), features = values({3, 1000, 128}) * 100;
  const auto run = [&](int threads, std::uint64_t seed) {
    torch::set_num_threads(threads);
    RandomStream stream(seed);
    auto masked = features.clone();
    spec_augment(masked, -1, 25, options, stream);
    const auto heard = augment_samples(clip, options, stream);
    return std::vector{masked.flatten(), heard, mix_samples(heard, clip.slice(0, 0, 200000), 3)};
  };
  const int threads_before = torch::get_num_threads();
  const auto one = run(1, 5), four = run(4, 5), other = run(1, 6);
  torch::set_num_threads(threads_before);
  for (std::size_t i = 0; i < one.size(); ++i) {
    EXPECT_TRUE(same_bits(one[i], four[i])) << i;
    EXPECT_FALSE(same_bits(one[i], other[i])) << i;
  }
}

TEST(RandomCrop, LiesInsideTheSegmentAndReachesAllOfIt) {
  for (const AudioSegment& segment : {AudioSegment{3, 13}, AudioSegment{3, std::nullopt}}) {
    RandomStream stream(1);
    std::array<int, 10> starts{};  // in tenths of the 6 s where a crop may begin
    for (int i = 0; i < 10000; ++i) {
      const auto crop = random_crop(segment, 10, {.crop = 4}, stream);
      ASSERT_GE(crop.start, 3);
      ASSERT_LE(*crop.end, 13);
      ASSERT_NEAR(*crop.end - crop.start, 4, 1e-12);
      ++starts.at(std::size_t((crop.start - 3) / 0.6));
    }
    for (const int count : starts) EXPECT_NEAR(count, 1000, 150);  // five standard deviations
  }
}

TEST(RandomCrop, AClipThatIsNotLongerStaysAsItIs) {
  RandomStream stream(1);
  for (const double seconds : {4.0, 2.5}) {
    const auto crop = random_crop({3, std::nullopt}, seconds, {.crop = 4}, stream);
    EXPECT_EQ(crop.start, 3);
    EXPECT_EQ(crop.end, std::nullopt);
  }
  EXPECT_EQ(stream.state(), 1u);
}

// An encoder that hears 10 s refuses one sample more.
TEST(RandomCrop, IsDecodedToAsManySamplesEachTime) {
  const TemporaryFolder folder;
  for (const int rate : {11025, 22050, 44100}) {
    write_recording(folder / "clip.wav", tone(rate, 3), rate);
    RandomStream stream(1);
    for (int i = 0; i < 50; ++i) {
      const auto crop = random_crop({}, 3, {.crop = 1.24}, stream);
      ASSERT_EQ(decode_audio(folder / "clip.wav", {}, crop).samples.size(0), rate * 124 / 100) << crop.start;
    }
  }
}

TEST(AugmentSamples, GainIsUniformInDecibelsWithinItsBounds) {
  RandomStream stream(2);
  const auto clip = tone_tensor(0.05);
  std::array<int, 12> levels{};  // one for each dB
  for (int i = 0; i < 6000; ++i) {
    const auto result = augment_samples(clip, {.gain = 6}, stream);
    const double level = decibels(power(result) / power(clip));
    ASSERT_LE(std::abs(level), 6 + 1e-5);  // float32
    ++levels.at(std::size_t(std::clamp(level + 6, 0.0, 11.999)));
    ASSERT_LT(relative_distance(result, clip * std::pow(10, level / 20)), 1e-6);  // float32
  }
  for (const int count : levels) EXPECT_NEAR(count, 500, 110);  // five standard deviations
}

TEST(AugmentSamples, TheClipThatWasGivenStaysAndValuesBeyondFullScaleAreKept) {
  RandomStream stream(2);
  const auto clip = tone_tensor(0.05) * 2, before = clip.clone();
  float loudest = 0;
  for (const double gain : {0.0, 12.0}) {
    for (int i = 0; i < 50; ++i)
      loudest = std::max(loudest, augment_samples(clip, {.gain = gain, .noise = 1}, stream).abs().max().item<float>());
  }
  EXPECT_GT(loudest, 2);
  EXPECT_TRUE(same_bits(clip, before));
}

TEST(AugmentSamples, NoiseHasTheRatioThatIsAskedForOfTheClipAsItIsAfterTheGain) {
  RandomStream stream(4);
  const auto clip = tone_tensor(30);
  for (const double gain : {0.0, 20.0}) {
    for (const double snr : {-5.0, 12.0, 40.0}) {
      const auto result = augment_samples(clip, {.gain = gain, .noise = 1, .noise_snr_low = snr, .noise_snr_high = snr}, stream);
      EXPECT_NEAR(take_apart(result, clip).snr, snr, 0.2) << gain;
    }
  }
}

TEST(AugmentSamples, NoiseIsWhiteAndNormal) {
  RandomStream stream(5);
  const auto clip = tone_tensor(10);
  const auto noise = take_apart(augment_samples(clip, {.noise = 1, .noise_snr_low = 0, .noise_snr_high = 0}, stream), clip).noise;
  const auto x = noise / std::sqrt(power(noise));
  const double error = 5 / std::sqrt(double(x.size(0)));  // five standard deviations of a mean of as many
  EXPECT_NEAR(x.mean().item<double>(), 0, error);
  for (const std::int64_t lag : {1, 2, 17}) EXPECT_NEAR((x.slice(0, lag) * x.slice(0, 0, -lag)).mean().item<double>(), 0, error) << lag;
  EXPECT_NEAR(x.pow(4).mean().item<double>(), 3, error * std::sqrt(96));  // the variance of x^4 is 96
}

TEST(AugmentSamples, NoiseIsAddedToItsShareOfTheClipsAtRatiosBetweenTheBounds) {
  RandomStream stream(6);
  const auto clip = tone_tensor(0.5);
  int noisy = 0;
  std::array<int, 3> ratios{};  // each for 10 dB
  for (int i = 0; i < 2000; ++i) {
    const auto result = augment_samples(clip, {.noise = 0.3, .noise_snr_low = 10, .noise_snr_high = 40}, stream);
    if (same_bits(result, clip)) continue;
    ++noisy;
    const double snr = take_apart(result, clip).snr;
    ASSERT_GT(snr, 9.5);  // 8000 samples: five standard deviations are 0.35 dB
    ASSERT_LT(snr, 40.5);
    ++ratios.at(std::size_t(std::clamp((snr - 10) / 10, 0.0, 2.999)));
  }
  EXPECT_NEAR(noisy, 600, 103);  // here and below five standard deviations
  for (const int count : ratios) EXPECT_NEAR(count, noisy / 3, 58);
}

TEST(AugmentSamples, SilenceGetsNoNoise) {
  RandomStream stream(7);
  const auto silence = torch::zeros(1000);
  EXPECT_TRUE(same_bits(augment_samples(silence, {.gain = 6, .noise = 1}, stream), silence));
}

TEST(MixSamples, TheSecondIsAsMuchLouderThanTheFirstAsAskedAndTheLongerIsHeardToItsEnd) {
  const auto a = tone_tensor(1) * 0.2, b = values({24000}) * 0.003;
  for (const double level : {-6.0, 0.0, 4.5}) {
    for (const auto& [first, second] : {std::pair{a, b}, std::pair{b, a}}) {
      const auto mixed = mix_samples(first, second, level);
      ASSERT_EQ(mixed.sizes(), b.sizes());
      const auto rest = mixed - torch::constant_pad_nd(first, {0, mixed.size(0) - first.size(0)});
      const auto added = rest.slice(0, 0, second.size(0));
      EXPECT_NEAR(decibels(power(added) / power(first)), level, 1e-3);  // float32
      EXPECT_LT(relative_distance(added / std::sqrt(power(added)), second / std::sqrt(power(second))), 1e-4);  // a difference of float32
    }
  }
}

TEST(MixSamples, ASumAboveFullScaleIsScaledDownToIt) {
  const auto first = tone_tensor(1) * 2, second = values({24000});
  const auto mixed = mix_samples(first, second, 3);
  EXPECT_EQ(mixed.abs().max().item<float>(), 1.0f);
  const auto quiet = mix_samples(first * 0.01, second * 0.01, 3);  // the same sum without the limit
  EXPECT_LT(quiet.abs().max().item<float>(), 0.5f);
  EXPECT_LT(relative_distance(mixed / mixed.norm(), quiet / quiet.norm()), 1e-6);  // float32
}

TEST(MixSamples, ASilentClipChangesNoLevel) {
  const auto clip = values({500}) * 0.1, silence = torch::zeros(300);
  EXPECT_TRUE(same_bits(mix_samples(clip, silence, 6), clip));
  EXPECT_TRUE(same_bits(mix_samples(silence, clip, 6), clip));
  EXPECT_TRUE(same_bits(mix_samples(silence, torch::zeros(200), 6), silence));
}

// The rows (dim 0) or columns (dim 1) of `after` [T, F] that differ from `before`, as stretches of neighbours.
std::vector<std::pair<std::int64_t, std::int64_t>> changed(const torch::Tensor& before, const torch::Tensor& after, std::int64_t dim) {
  const auto differs = before.ne(after).any(1 - dim);
  std::vector<std::pair<std::int64_t, std::int64_t>> stretches;
  for (std::int64_t i = 0; i < differs.size(0); ++i) {
    if (!differs[i].item<bool>()) continue;
    if (stretches.empty() || stretches.back().second != i) stretches.emplace_back(i, i);
    stretches.back().second = i + 1;
  }
  return stretches;
}

TEST(SpecAugment, AMaskIsAsWideAsAllowedAndLiesAnywhereInTheFilledFrames) {
  const auto features = values({80, 12});
  for (const std::int64_t dim : {0, 1}) {
    const AugmentationOptions options = dim == 0 ? AugmentationOptions{.time_masks = 1, .time_width = 7}
                                                 : AugmentationOptions{.frequency_masks = 1, .frequency_width = 7};
    const std::int64_t places = dim == 0 ? 50 : 12;  // 0.5 s, or the bands
    RandomStream stream(8);
    std::array<int, 8> widths{};
    std::set<std::int64_t> reached;
    for (int i = 0; i < 4000; ++i) {
      auto masked = features.clone();
      spec_augment(masked, -1, 0.5, options, stream);
      ASSERT_TRUE(same_bits(masked.slice(0, 50), features.slice(0, 50)));
      const auto stretches = changed(features, masked, dim);
      ASSERT_LE(stretches.size(), 1u);
      const auto [begin, end] = stretches.empty() ? std::pair<std::int64_t, std::int64_t>{0, 0} : stretches[0];
      ++widths.at(std::size_t(end - begin));
      for (std::int64_t place = begin; place < end; ++place) reached.insert(place);
      const auto cells = dim == 0 ? masked.slice(0, begin, end) : masked.slice(0, 0, 50).slice(1, begin, end);
      ASSERT_TRUE(begin == end || cells.min().item<float>() == cells.max().item<float>());
    }
    for (const int count : widths) EXPECT_NEAR(count, 500, 105) << dim;  // five standard deviations
    EXPECT_EQ(std::int64_t(reached.size()), places) << dim;
  }
}

TEST(SpecAugment, ThereAreAsManyMasksAsAskedFor) {
  const auto features = values({400, 128});
  RandomStream stream(9);
  std::size_t most_times = 0, most_bands = 0;
  for (int i = 0; i < 200; ++i) {
    auto times = features.clone(), bands = features.clone();
    spec_augment(times, -1, 4, {.time_masks = 3, .time_width = 5}, stream);
    spec_augment(bands, -1, 4, {.frequency_masks = 2, .frequency_width = 5}, stream);
    most_times = std::max(most_times, changed(features, times, 0).size());
    most_bands = std::max(most_bands, changed(features, bands, 1).size());
  }
  EXPECT_EQ(most_times, 3u);
  EXPECT_EQ(most_bands, 2u);
}

TEST(SpecAugment, AMaskedCellGetsTheMeanOfTheFilledCellsAsTheyWere) {
  auto features = values({2, 40, 8}) + 5;
  features[1].slice(0, 10).fill_(1000);  // padding
  const double mean = features.view({80, 8}).slice(0, 0, 50).to(torch::kFloat64).mean().item<double>();
  RandomStream stream(10);
  std::int64_t masked_cells = 0;
  for (int i = 0; i < 20; ++i) {
    auto masked = features.clone();
    spec_augment(masked, -1, 0.5, {.time_masks = 2, .time_width = 20, .frequency_masks = 2, .frequency_width = 3}, stream);
    const auto cells = masked.masked_select(masked.ne(features));
    EXPECT_TRUE(cells.eq(float(mean)).all().item<bool>());
    masked_cells += cells.size(0);
  }
  EXPECT_GT(masked_cells, 0);
}

constexpr AugmentationOptions kMasks{.time_masks = 3, .time_width = 30, .frequency_masks = 2, .frequency_width = 4};

TEST(SpecAugment, BothLayoutsAreMaskedAlike) {
  const auto features = values({3, 40, 16});
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    auto frames_first = features.clone(), bands_first = features.transpose(1, 2).contiguous();
    RandomStream one(seed), other(seed);
    spec_augment(frames_first, -1, 1.1, kMasks, one);
    spec_augment(bands_first, -2, 1.1, kMasks, other);
    EXPECT_FALSE(same_bits(frames_first, features));
    EXPECT_TRUE(same_bits(bands_first.transpose(1, 2), frames_first)) << seed;
    EXPECT_EQ(one.state(), other.state());
  }
}

TEST(SpecAugment, WindowsAreMaskedAsTheOneClipThatTheyAre) {
  const auto features = values({3, 40, 16});
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    auto windows = features.clone(), clip = features.clone().view({120, 16});
    RandomStream one(seed), other(seed);
    spec_augment(windows, -1, 1.1, kMasks, one);
    spec_augment(clip, -1, 1.1, kMasks, other);
    EXPECT_FALSE(same_bits(windows, features));
    EXPECT_TRUE(same_bits(windows.view({120, 16}), clip)) << seed;
  }
}

TEST(SpecAugment, WidthsAreHeldToTheClipAndTheClipToTheFeatures) {
  const auto features = values({20, 4});
  const AugmentationOptions wide{.time_masks = 1, .time_width = 1000, .frequency_masks = 1, .frequency_width = 1000};
  for (const auto& [seconds, filled] : {std::pair{0.05, 5}, std::pair{0.004, 0}, std::pair{9.0, 20}}) {
    RandomStream stream(11);
    std::int64_t last = 0;
    for (int i = 0; i < 200; ++i) {
      auto masked = features.clone();
      spec_augment(masked, -1, seconds, wide, stream);
      for (const auto& [begin, end] : changed(features, masked, 0)) last = std::max(last, end);
    }
    EXPECT_EQ(last, filled);
  }
}

}  // namespace
}  // namespace pal
