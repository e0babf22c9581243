#include "pal/audio/resample.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numbers>

#include "pal/core/check.h"
#include "pal/core/tensor_source.h"
#include "support/tensor_compare.h"

namespace pal {
namespace {

torch::Tensor sine(double hertz, int rate, std::int64_t n) {
  return torch::sin(torch::arange(n, torch::kFloat64) * (2 * std::numbers::pi * hertz / rate))
      .to(torch::kFloat32);
}

TEST(Resample, EqualsTorchaudio) {
  const auto input = load_safetensors(PAL_SOURCE_DIR "/tests/golden/frontends_gguf.safetensors").at("wav48k");
  const auto expected =
      load_safetensors(PAL_SOURCE_DIR "/tests/golden/eat_fbank.safetensors").at("resample48to16");
  const auto result = resample(input, 48000, 16000);
  ASSERT_EQ(result.sizes(), expected.sizes());
  // Same taps in float32; only the order of summation differs.
  EXPECT_LT(relative_distance(result, expected), 1e-6);
}

// Independent of any reference: a tone well below both Nyquist rates stays that tone, whatever the ratio.
TEST(Resample, KeepsATone) {
  for (const auto& [from, to] :
       {std::pair{48000, 16000}, std::pair{44100, 16000}, std::pair{22050, 16000}, std::pair{8000, 16000},
        std::pair{11025, 16000}, std::pair{44101, 16000}, std::pair{16000, 48000}, std::pair{96000, 16000}}) {
    SCOPED_TRACE(fmt::format("{} -> {}", from, to));
    const auto result = resample(sine(500, from, from), from, to);
    ASSERT_EQ(result.size(0), to);
    const auto inner = result.slice(0, to / 10, to - to / 10);  // the ends fade into the padding
    // The window's ripple in the pass band is 2e-3; float32 positions add up to 1e-3 at 44101 Hz.
    EXPECT_LT(relative_distance(inner, sine(500, to, to).slice(0, to / 10, to - to / 10)), 4e-3);
  }
}

// Output sample i by its definition in float64: the sum over every input of a sinc under a Hann window of 6 zero crossings.
double plain_sample(const torch::Tensor& input, std::int64_t i, int from, int to) {
  const double rate = std::min(from, to) * 0.99;
  double sum = 0;
  for (std::int64_t k = 0; k < input.size(0); ++k) {
    const double t = (double(k) / from - double(i) / to) * rate;
    if (std::abs(t) >= 6) continue;
    const double angle = t * std::numbers::pi, window = std::cos(angle / 12);
    sum += input[k].item<float>() * (t == 0 ? 1 : std::sin(angle) / angle) * window * window * rate / from;
  }
  return sum;
}

TEST(Resample, IsThePlainSumInEveryPhaseAndAtBothEnds) {
  for (const auto& [from, to] : {std::pair{44100, 16000}, std::pair{11025, 16000}, std::pair{22050, 16000}, std::pair{48000, 16000}}) {
    SCOPED_TRACE(fmt::format("{} -> {}", from, to));
    const auto input = torch::randn(1000, at::detail::createCPUGenerator(7), torch::kFloat32);
    const auto result = resample(input, from, to);
    for (std::int64_t i = 0; i < result.size(0); ++i)
      ASSERT_NEAR(result[i].item<float>(), plain_sample(input, i, from, to), 1e-4) << i;  // positions are float32, as torchaudio has them
  }
}

TEST(Resample, RemovesWhatTheNewRateCannotHold) {
  const auto result = resample(sine(15000, 48000, 48000), 48000, 16000);
  EXPECT_LT(result.slice(0, 1600, 14400).abs().max().item<double>(), 5e-3);
}

TEST(Resample, EqualRatesChangeNothing) {
  const auto input = sine(440, 16000, 100);
  EXPECT_TRUE(torch::equal(resample(input, 16000, 16000), input));
}

TEST(Resample, LengthIsKnownBeforehand) {
  for (const int from : {8000, 11025, 16000, 22050, 44100, 48000, 44101}) {
    for (const std::int64_t n : {1, 2, 3, 159, 160, 161, 441, 12345}) {
      EXPECT_EQ(resample(torch::ones(n), from, 16000).size(0), resampled_length(n, from, 16000))
          << from << " " << n;
      EXPECT_EQ(resampled_length(n, from, 16000), (n * 16000 + from - 1) / from) << from << " " << n;
    }
  }
}

// Sparse kernels: torchaudio's own table for this pair would take 2.8 GB.
TEST(Resample, OddRatiosStayCheap) {
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(resample(torch::ones(767999), 767999, 16000).size(0), 16000);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));  // 0.3 s in a release build
}

TEST(Resample, RefusesRatesOutsideItsRange) {
  EXPECT_THROW(resample(torch::ones(4), 0, 16000), UserError);
  EXPECT_THROW(resample(torch::ones(4), 16000, 768001), UserError);
}

}  // namespace
}  // namespace pal
