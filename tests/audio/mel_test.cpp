#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <filesystem>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include "pal/audio/clap_mel.h"
#include "pal/audio/kaldi_fbank.h"
#include "pal/audio/mel_filters.h"
#include "pal/audio/mel_scale.h"
#include "pal/audio/power_spectrum.h"
#include "pal/audio/whisper_mel.h"
#include "pal/audio/yamnet_mel.h"
#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/tensor_source.h"
#include "pal/core/temporary_folder.h"
#include "support/tensor_compare.h"

namespace pal {
namespace {

TEST(MelScale, SlaneysScaleIsContinuousAndInvertible) {
  EXPECT_NEAR(hertz_to_slaney_mel(1000), 15.0, 1e-12);
  EXPECT_NEAR(hertz_to_slaney_mel(6400), 42.0, 1e-12);
  for (const double hertz : {0.0, 10.0, 999.0, 1001.0, 8000.0}) {
    EXPECT_NEAR(slaney_mel_to_hertz(hertz_to_slaney_mel(hertz)), hertz, 1e-9);
  }
}

TEST(MelScale, HtksScaleIsThatOfTheHtkBook) {
  EXPECT_NEAR(hertz_to_htk_mel(1000), 999.9907, 1e-3);
  for (const double hertz : {0.0, 50.0, 14000.0})
    EXPECT_NEAR(htk_mel_to_hertz(hertz_to_htk_mel(hertz)), hertz, 1e-9);
}

TEST(MelFilters, SlaneysTrianglesHaveAnAreaOfOneHertzAndHtksAHeightOfOne) {
  MelFilterOptions options{.mels = 20, .fft = 4096, .sample_rate = 16000, .low = 300, .high = 7000};
  const double bin_width = 16000.0 / 4096;
  const auto areas = mel_filters(options).sum(1) * bin_width;
  EXPECT_LT((areas - 1).abs().max().item<double>(),
            0.02);  // a sum over bins of 3.9 Hz stands for the integral
  options.scale = MelScale::kHtk;
  const auto htk = mel_filters(options);
  EXPECT_LE(htk.max().item<double>(), 1.0);
  EXPECT_GT(std::get<0>(htk.max(1)).min().item<double>(),
            0.9);                                            // the narrowest spans some 20 bins to each side
  EXPECT_EQ(htk.slice(1, 0, 76).max().item<double>(), 0.0);  // below 300 Hz
  EXPECT_EQ(htk.slice(1, 1793).max().item<double>(), 0.0);   // above 7000 Hz
}

TEST(YamnetMel, EqualsTheReference) {
  const auto golden = load_safetensors(PAL_SOURCE_DIR "/tests/golden/yamnet_io.safetensors");
  const auto result = yamnet_mel(golden.at("wav16k"));
  ASSERT_EQ(result.sizes(), golden.at("logmel").sizes());
  EXPECT_LT(relative_distance(result, golden.at("logmel")),
            1e-6);  // both float32: filters and FFT round alike
}

TEST(YamnetMel, PadsToOnePatchAndThenToWholeHops) {
  EXPECT_EQ(yamnet_patch_count(1), 1);
  EXPECT_EQ(yamnet_patch_count(15600), 1);
  EXPECT_EQ(yamnet_patch_count(15601), 2);
  EXPECT_EQ(yamnet_patch_count(15600 + 7680), 2);
  EXPECT_EQ(yamnet_patch_count(15600 + 7681), 3);
  for (const std::int64_t n : {1, 400, 15600, 15601, 30000}) {
    EXPECT_EQ(yamnet_mel(torch::ones(n)).size(0), 96 + 48 * (yamnet_patch_count(n) - 1)) << n;
  }
}

TEST(KaldiFbank, EqualsTheReference) {
  const auto samples =
      load_safetensors(PAL_SOURCE_DIR "/tests/golden/frontends_gguf.safetensors").at("wav16k");
  const auto expected =
      load_safetensors(PAL_SOURCE_DIR "/tests/golden/eat_fbank.safetensors").at("eat_fbank_raw");
  const auto result = kaldi_fbank(samples);
  ASSERT_EQ(result.sizes(), expected.sizes());
  EXPECT_LT(relative_distance(result, expected), 1e-5);  // both float32; the project asks for 1e-4
}

// Kaldi's definition a frame at a time, in float64 and with a sum for every bin, to hold the front-end's blocks to. -> [frames, 128]
torch::Tensor plain_kaldi_fbank(const torch::Tensor& samples) {
  const auto x = samples.to(torch::kFloat64) - samples.to(torch::kFloat64).mean();
  const auto window = torch::hann_window(400, /*periodic=*/false, torch::kFloat64);
  const auto angles = torch::outer(torch::arange(257, torch::kFloat64), torch::arange(400, torch::kFloat64)) * (2 * std::numbers::pi / 512);
  const auto hertz = torch::arange(256, torch::kFloat64) * 31.25;
  const auto mel = 1127.0 * torch::log1p(hertz / 700.0);
  const double low = 1127.0 * std::log1p(20.0 / 700), step = (1127.0 * std::log1p(8000.0 / 700) - low) / 129;
  const auto place = (mel.unsqueeze(1) - low) / step - torch::arange(1, 129, torch::kFloat64);  // in triangles, from the centre
  const auto filters = torch::clamp_min(1 - place.abs(), 0);
  std::vector<torch::Tensor> rows;
  for (std::int64_t begin = 0; begin + 400 <= x.size(0); begin += 160) {
    const auto frame = x.slice(0, begin, begin + 400) - x.slice(0, begin, begin + 400).mean();
    const auto shaped = (frame - 0.97 * torch::cat({frame.slice(0, 0, 1), frame.slice(0, 0, 399)})) * window;
    const auto power = torch::mv(torch::cos(angles), shaped).square() + torch::mv(torch::sin(angles), shaped).square();
    rows.push_back(torch::log(torch::clamp_min(torch::mv(filters.t(), power.slice(0, 0, 256)), 0x1p-23)));
  }
  return torch::stack(rows);
}

TEST(KaldiFbank, IsThePlainDefinitionInOneBlockAndAcrossSeveral) {
  const auto noise = torch::randn(400 + 299 * 160, at::detail::createCPUGenerator(5), torch::kFloat32) * 0.1;
  for (const std::int64_t frames : {1, 2, 127, 128, 129, 256, 300}) {
    const auto samples = noise.slice(0, 0, 400 + (frames - 1) * 160);
    const auto expected = plain_kaldi_fbank(samples);
    const auto difference = (kaldi_fbank(samples) - expected).abs();
    // float32: an energy whose bins nearly cancel keeps fewer digits. Logarithms, so this is a relative error of the energies.
    EXPECT_LT(difference.max().item<double>(), 1e-3) << frames;
    EXPECT_LT(difference.mean().item<double>(), 1e-5) << frames;
  }
}

TEST(PowerSpectrum, IsTheSquareOfTheMagnitude) {
  const auto spectrum = torch::complex(torch::tensor({{3.0, 0.0}, {-1.0, 1e-20}}), torch::tensor({{4.0, 0.0}, {-2.0, 0.0}}));
  const auto expected = torch::tensor({{25.0, 0.0}, {5.0, 1e-40}});
  EXPECT_TRUE(torch::allclose(power_spectrum(spectrum), expected, 1e-15, 0));
  EXPECT_TRUE(torch::allclose(power_spectrum(spectrum.t().narrow(1, 1, 1)), expected.t().narrow(1, 1, 1), 1e-15, 0));
}

TEST(KaldiFbank, FramesAreWindowsThatLieWhollyInTheClip) {
  for (const auto& [samples, frames] :
       {std::pair{400, 1}, std::pair{559, 1}, std::pair{560, 2}, std::pair{160000, 998}}) {
    EXPECT_EQ(kaldi_frame_count(samples), frames) << samples;
    EXPECT_EQ(kaldi_fbank(torch::ones(samples)).size(0), frames) << samples;
  }
  EXPECT_EQ(kaldi_frame_count(399), 0);
  EXPECT_THROW(kaldi_fbank(torch::ones(399)), UserError);
}

TEST(KaldiFbank, SilenceAndAConstantLieAtTheFloor) {
  for (const double level : {0.0, 0.25}) {
    const auto result = kaldi_fbank(torch::full({1000}, level));
    EXPECT_FLOAT_EQ(result.max().item<float>(), -15.942385f) << level;  // ln(1.1920929e-07)
    EXPECT_FLOAT_EQ(result.min().item<float>(), -15.942385f) << level;
  }
}

TEST(KaldiFbank, TheFirstFramesAloneAreThoseOfTheWhole) {
  const auto samples = torch::sin(torch::arange(800000, torch::kFloat32).square() * 1e-6);
  const auto all = kaldi_fbank(samples);
  ASSERT_EQ(all.size(0), kaldi_frame_count(800000));  // 4998: more than are computed at once
  EXPECT_LT(relative_distance(kaldi_fbank(samples, 20), all.slice(0, 0, 20)), 1e-6);
  const auto last = kaldi_fbank(samples.slice(0, 4500 * 160));
  EXPECT_LT(relative_distance(last, all.slice(0, 4500)),
            1e-4);  // another mean: rounding, seen in quiet bands (1.3e-5)
}

TEST(WhisperMel, EqualsTheReferenceAt80And128Bands) {
  const auto golden = load_safetensors(PAL_SOURCE_DIR "/tests/golden/frontends_gguf.safetensors");
  for (const std::int64_t mels : {80, 128}) {
    SCOPED_TRACE(mels);
    const auto result = whisper_mel(golden.at("wav16k"), mels);
    ASSERT_EQ(result.sizes(), (std::vector<std::int64_t>{mels, 3000}));
    const auto expected = golden.at(fmt::format("whisper_logmel_{}", mels));
    EXPECT_LT(relative_distance(result.slice(1, 0, expected.size(1)), expected),
              1e-5);  // the reference's FFT is numpy's, in float64
  }
}

TEST(WhisperMel, KeepsEightPowersOfTenBelowTheLoudest) {
  const auto golden = load_safetensors(PAL_SOURCE_DIR "/tests/golden/frontends_gguf.safetensors");
  const auto mel = whisper_mel(golden.at("wav16k"), 80);
  EXPECT_NEAR((mel.max() - mel.min()).item<double>(), 2.0, 1e-6);  // 8 / 4
}

TEST(WhisperMel, ATinyClipIsPaddedWithSilence) {
  const auto mel = whisper_mel(torch::full({1}, 0.5f), 80);
  EXPECT_EQ(mel.size(1), 3000);
  EXPECT_TRUE(torch::isfinite(mel).all().item<bool>());
  // Silence is everywhere equal but around the one sample.
  EXPECT_EQ(mel.slice(1, 10).max().item<float>(), mel.slice(1, 10).min().item<float>());
}

TEST(ClapMel, EqualsTheReferenceOnBothScales) {
  const auto golden = load_safetensors(PAL_SOURCE_DIR "/tests/golden/frontends_gguf.safetensors");
  const auto& samples = golden.at("wav48k");
  const ClapMelOptions htk{.low = 50, .high = 14000, .scale = MelScale::kHtk};
  ASSERT_EQ(clap_mel(samples).sizes(), (std::vector<std::int64_t>{1001, 64}));
  // The reference keeps the spectrum in complex64, this in float64.
  EXPECT_LT(relative_distance(clap_mel(samples), golden.at("clap_rand_trunc")), 1e-6);
  EXPECT_LT(relative_distance(clap_mel(samples, htk), golden.at("clap_fusion")), 1e-6);
}

TEST(ClapMel, AShortClipIsRepeatedWhileItFitsAndThenPadded) {
  const auto clip = torch::randn(190000, at::detail::createCPUGenerator(3), torch::kFloat32) * 0.1;
  const auto written_out = torch::cat({clip, clip, torch::zeros(100000)});
  EXPECT_TRUE(torch::equal(clap_mel(clip), clap_mel(written_out)));
  EXPECT_EQ(clap_mel(clip).slice(0, 900).max().item<float>(), -100.0f);  // the floor of 1e-10
  EXPECT_TRUE(torch::isfinite(clap_mel(torch::full({1}, 0.5f))).all().item<bool>());
}

std::string refusal(const std::filesystem::path& weights) {
  try {
    read_clap_mel_options(weights);
  } catch (const UserError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(ClapMelOptions, AreReadFromThePreprocessorsConfig) {
  const TemporaryFolder folder;
  EXPECT_EQ(read_clap_mel_options(folder.path()).low, 50);
  EXPECT_EQ(read_clap_mel_options(folder.path()).scale, MelScale::kSlaney);

  const auto nested = folder / "processor_config.json";
  write_file_atomically(nested,
                        R"({"feature_extractor": {"frequency_min": 30, "truncation": "rand_trunc"}})");
  EXPECT_EQ(read_clap_mel_options(folder / "model.safetensors").low, 30);

  // Of what is missing, Hugging Face's defaults hold.
  const auto file = folder / "preprocessor_config.json";
  write_file_atomically(file, R"({"frequency_max": 12000.5, "hop_length": 480, "top_db": null})");
  const ClapMelOptions options = read_clap_mel_options(folder.path());
  EXPECT_EQ(options.low, 0);
  EXPECT_EQ(options.high, 12000.5);
  EXPECT_EQ(options.scale, MelScale::kHtk);
}

TEST(ClapMelOptions, WhatIsNotComputedIsRefusedByName) {
  const TemporaryFolder folder;
  const auto file = folder / "preprocessor_config.json";
  for (const auto& [key, value] :
       {std::pair{"feature_extractor_type", R"("WhisperFeatureExtractor")"},
        std::pair{"sampling_rate", "44100"}, std::pair{"feature_size", "80"},
        std::pair{"fft_window_size", "2048"}, std::pair{"hop_length", "320"}, std::pair{"max_length_s", "7"},
        std::pair{"nb_max_samples", "480001"}, std::pair{"padding", R"("pad")"},
        std::pair{"padding_value", "0.5"}, std::pair{"truncation", R"("middle")"},
        std::pair{"frequency_min", "-1"}, std::pair{"frequency_min", "14000"},
        std::pair{"frequency_max", "24001"}, std::pair{"frequency_max", R"("x")"}}) {
    write_file_atomically(file, fmt::format(R"({{"{}": {}}})", key, value));
    EXPECT_THAT(refusal(folder.path()),
                testing::AllOf(testing::HasSubstr(file.string()), testing::HasSubstr(key)));
  }
}

}  // namespace
}  // namespace pal
