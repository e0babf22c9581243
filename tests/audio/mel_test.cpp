#include <fmt/format.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pal/audio/mel_scale.h"
#include "pal/audio/whisper_mel.h"
#include "pal/audio/yamnet_mel.h"
#include "pal/core/tensor_source.h"
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

TEST(MelScale, HtksScaleIsThatOfTheHtkBook) { EXPECT_NEAR(hertz_to_htk_mel(1000), 999.9907, 1e-3); }

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

}  // namespace
}  // namespace pal
