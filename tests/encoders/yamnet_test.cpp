#include "pal/encoders/yamnet.h"

#include <gtest/gtest.h>

#include <set>

#include "pal/core/check.h"
#include "pal/core/temporary_folder.h"
#include "support/tensor_compare.h"
#include "weights.h"

namespace pal {
namespace {

TensorMap golden() { return load_safetensors(PAL_SOURCE_DIR "/tests/golden/yamnet_io.safetensors"); }

// A YAMNet with random weights, written and read.
std::shared_ptr<Yamnet> random_encoder() {
  static const TemporaryFolder folder;
  static const bool written = (save_safetensors(folder / "yamnet.safetensors", random_yamnet()), true);
  EXPECT_TRUE(written);
  return std::make_shared<Yamnet>(EncoderOptions{.type = "yamnet", .path = folder / "yamnet.safetensors"});
}

TEST(Yamnet, EqualsTheReference) {
  PAL_NEEDS_ASSET(kYamnetWeights);
  const auto expected = golden();
  const auto encoder = make_encoder({.type = "yamnet", .path = kYamnetWeights});
  const auto tokens = encoder->encode(expected.at("wav16k"));
  ASSERT_EQ(tokens.sizes(), (std::vector<std::int64_t>{36, 1024}));
  const auto map = expected.at("map");
  // 27 convolutions in float32, the normalisation folded: rounding alone. The project asks for 1e-4.
  EXPECT_LT(relative_distance(tokens.view({6, 3, 2, 1024}).permute({0, 3, 1, 2}), map), 1e-5);

  const auto embedding = tokens.view({6, 6, 1024}).mean(1);
  EXPECT_LT(relative_distance(embedding, expected.at("embedding")), 1e-5);
  const auto weights = load_safetensors(kYamnetWeights);  // the converter's classifier too
  const auto scores = torch::sigmoid(
      torch::linear(embedding, weights.at("classifier.weight"), weights.at("classifier.bias")));
  EXPECT_LT(relative_distance(scores, expected.at("scores")), 1e-5);
}

TEST(Yamnet, TokensArePatchMajorThenTimeThenFrequency) {
  const auto encoder = random_encoder();
  const auto samples = noise(40000);
  const auto mel = encoder->features(samples);
  const auto patches = mel.unfold(0, 96, 48).transpose(1, 2).unsqueeze(1).contiguous();
  const auto map = encoder->map(patches);  // [P, 1024, 3, 2]
  const auto tokens = encoder->encode(samples);
  ASSERT_EQ(tokens.size(0), map.size(0) * 6);
  for (std::int64_t patch = 0; patch < map.size(0); ++patch) {
    for (std::int64_t time = 0; time < 3; ++time) {
      for (std::int64_t band = 0; band < 2; ++band) {
        EXPECT_TRUE(torch::equal(tokens[patch * 6 + time * 2 + band],
                                 map.select(0, patch).select(1, time).select(1, band)));
      }
    }
  }
}

// Independent of the module: normalisation as a step of its own, padding written out.
TEST(Yamnet, FoldedNormalisationAndPaddingEqualTheirDefinition) {
  const auto encoder = random_encoder();
  const auto weights = random_yamnet();
  const auto patches = draw({2, 1, 96, 64}, 1.0, 3);
  const auto unit = [&](torch::Tensor x, const std::string& name, std::int64_t stride, std::int64_t groups) {
    const auto weight = weights.at(name + ".weight");
    // TensorFlow's SAME: all sizes here are even, so stride 2 pads one row at the end, stride 1 one on each
    // side.
    if (weight.size(2) == 3)
      x = torch::constant_pad_nd(
          x, stride == 2 ? std::vector<std::int64_t>{0, 1, 0, 1} : std::vector<std::int64_t>{1, 1, 1, 1});
    x = torch::nn::functional::conv2d(
        x, weight, torch::nn::functional::Conv2dFuncOptions().stride(stride).groups(groups));
    return torch::relu(torch::batch_norm(x, {}, weights.at(name + ".bias"), weights.at(name + ".mean"),
                                         weights.at(name + ".variance"), false, 0.0, 1e-4, false));
  };
  auto x = unit(patches, "stem", 2, 1);
  const std::vector<std::int64_t> strides = {1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1};
  for (std::size_t i = 0; i < strides.size(); ++i) {
    x = unit(x, fmt::format("blocks.{}.depthwise", i), strides[i], x.size(1));
    x = unit(x, fmt::format("blocks.{}.pointwise", i), 1, 1);
  }
  ASSERT_EQ(x.sizes(), (std::vector<std::int64_t>{2, 1024, 3, 2}));
  EXPECT_LT(relative_distance(encoder->map(patches), x), 1e-5);  // rounding of 27 convolutions
}

TEST(Yamnet, TokenCountIsForetoldAndShortClipsArePadded) {
  const auto encoder = random_encoder();
  for (const std::int64_t n : {1, 399, 15599, 15600, 15601, 23280, 23281, 48000}) {
    EXPECT_EQ(encoder->encode(noise(n)).size(0), encoder->token_count(n)) << n;
  }
  EXPECT_EQ(encoder->token_count(1), 6);
  EXPECT_EQ(encoder->token_count(48000), 36);
  // A short clip is the clip and silence.
  const auto clip = noise(8000);
  const auto padded = torch::constant_pad_nd(clip, {0, 7600});
  EXPECT_TRUE(torch::equal(encoder->encode(clip), encoder->encode(padded)));
}

TEST(Yamnet, LongClipsAreHeardInPartsWithTheSameResult) {
  const auto encoder = random_encoder();
  const std::int64_t samples = 15600 + 7680 * 259;  // 260 patches: more than are computed at once
  const auto clip = noise(samples);
  const auto tokens = encoder->encode(clip);
  ASSERT_EQ(tokens.size(0), 1560);
  const auto tail = encoder->encode(clip.slice(0, 7680 * 250));
  // A patch depends on its own samples only; other batch sizes may round differently.
  EXPECT_LT(relative_distance(tokens.slice(0, 250 * 6), tail), 1e-5);
}

TEST(Yamnet, TokensHaveTimes) {
  const auto encoder = random_encoder();
  EXPECT_DOUBLE_EQ(encoder->token_span(0).begin, 0.0);
  EXPECT_NEAR(encoder->token_span(1).begin, 0.0, 1e-12);  // the other half of the frequencies
  EXPECT_NEAR(encoder->token_span(2).begin, 0.32, 1e-12);
  EXPECT_NEAR(encoder->token_span(5).end, 0.96, 1e-12);
  EXPECT_NEAR(encoder->token_span(6).begin, 0.48, 1e-12);
}

TEST(Yamnet, IsFrozenUntilAskedToTrain) {
  const auto encoder = random_encoder();
  for (const auto& item : encoder->named_parameters())
    EXPECT_FALSE(item.value().requires_grad()) << item.key();
  EXPECT_FALSE(encoder->encode(noise(1000)).requires_grad());
  EXPECT_TRUE(encoder->named_parameters().contains("blocks.12.pointwise.weight"));
  EXPECT_TRUE(encoder->named_buffers().contains("stem.variance"));

  for (auto& parameter : encoder->parameters()) parameter.set_requires_grad(true);
  encoder->encode(noise(1000)).square().sum().backward();
  for (const auto& item : encoder->named_parameters()) {
    ASSERT_TRUE(item.value().grad().defined()) << item.key();
    EXPECT_GT(item.value().grad().abs().max().item<float>(), 0.0f) << item.key();
  }
}

}  // namespace
}  // namespace pal
