#include "pal/encoders/whisper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pal/audio/whisper_mel.h"
#include "pal/core/check.h"
#include "support/load_problems.h"
#include "pal/core/temporary_folder.h"
#include "support/tensor_compare.h"
#include "weights.h"

namespace pal {
namespace {

using Shape = std::vector<std::int64_t>;

std::shared_ptr<WhisperEncoder> random_encoder(const std::string& long_audio = "error", bool trim = true) {
  static const TemporaryFolder folder;
  static const bool written = (save_safetensors(folder / "whisper.safetensors", random_whisper()), true);
  EXPECT_TRUE(written);
  return std::make_shared<WhisperEncoder>(EncoderOptions{
      .type = "whisper", .path = folder / "whisper.safetensors", .long_audio = long_audio, .trim = trim});
}

// Whisper's definition, written out from the weights, in float64.
class WrittenOut {
 public:
  torch::Tensor operator()(const torch::Tensor& mel) const {  // [mels, 3000] -> [1500, 128]
    auto x = gelu(convolve(mel.to(torch::kFloat64).unsqueeze(0), "conv1", 1));
    x = gelu(convolve(x, "conv2", 2)).squeeze(0).t() + get("embed_positions.weight");
    for (int i = 0; i < 2; ++i) {
      const std::string layer = fmt::format("layers.{}.", i);
      x = x + attention(norm(x, layer + "self_attn_layer_norm"), layer + "self_attn.");
      x = x + linear(gelu(linear(norm(x, layer + "final_layer_norm"), layer + "fc1")), layer + "fc2");
    }
    return norm(x, "layer_norm");
  }

 private:
  torch::Tensor get(const std::string& name) const {
    return weights_.at("model.encoder." + name).to(torch::kFloat64);
  }
  static torch::Tensor gelu(const torch::Tensor& x) { return x * 0.5 * (1 + torch::erf(x / std::sqrt(2.0))); }
  torch::Tensor convolve(const torch::Tensor& x, const std::string& name, std::int64_t stride) const {
    return torch::conv1d(x, get(name + ".weight"), get(name + ".bias"), stride, 1);
  }
  torch::Tensor linear(const torch::Tensor& x, const std::string& name) const {
    auto y = torch::matmul(x, get(name + ".weight").t());
    return weights_.contains("model.encoder." + name + ".bias") ? y + get(name + ".bias") : y;
  }
  torch::Tensor norm(const torch::Tensor& x, const std::string& name) const {
    const auto centred = x - x.mean(-1, true);
    return centred / torch::sqrt(centred.square().mean(-1, true) + 1e-5) * get(name + ".weight") +
           get(name + ".bias");
  }
  torch::Tensor attention(const torch::Tensor& x, const std::string& name) const {
    const auto q = linear(x, name + "q_proj") / 8.0, k = linear(x, name + "k_proj"),
               v = linear(x, name + "v_proj");
    std::vector<torch::Tensor> heads;
    for (int head = 0; head < 2; ++head) {
      const auto part = [&](const torch::Tensor& y) { return y.slice(1, head * 64, head * 64 + 64); };
      heads.push_back(torch::matmul(torch::softmax(torch::matmul(part(q), part(k).t()), -1), part(v)));
    }
    return linear(torch::cat(heads, 1), name + "out_proj");
  }
  TensorMap weights_ = random_whisper();
};

TEST(Whisper, EqualsItsDefinitionWrittenOut) {
  const auto samples = noise(50000);
  const auto tokens = random_encoder("error", false)->encode(samples);
  ASSERT_EQ(tokens.sizes(), (Shape{1500, 128}));
  EXPECT_LT(relative_distance(tokens, WrittenOut()(whisper_mel(samples, 80))),
            1e-5);  // float32 against float64
}

TEST(Whisper, TrimKeepsTheTokensThatTheClipFills) {
  const auto whole = random_encoder("error", false), trimmed = random_encoder("error", true);
  for (const auto& [samples, tokens] : {std::pair{1, 1}, std::pair{319, 1}, std::pair{320, 1},
                                        std::pair{321, 2}, std::pair{16000, 50}, std::pair{480000, 1500}}) {
    EXPECT_EQ(trimmed->token_count(samples), tokens) << samples;
    EXPECT_EQ(whole->token_count(samples), 1500) << samples;
  }
  const auto clip = noise(16001);
  EXPECT_TRUE(torch::equal(trimmed->encode(clip), whole->encode(clip).slice(0, 0, 51)));
}

TEST(Whisper, AClipOfMoreThanThirtySecondsFollowsTheDeclaredPolicy) {
  const auto clip = noise(480000 + 3200);
  try {
    random_encoder("error")->encode(clip);
    ADD_FAILURE() << "was accepted";
  } catch (const UserError& error) {
    EXPECT_STREQ(error.what(),
                 "whisper: the clip is 30.2 s long, but the encoder hears 30 s at once; set long_audio to "
                 "crop or chunk");
  }
  const auto first = random_encoder()->encode(clip.slice(0, 0, 480000));
  const auto rest = random_encoder()->encode(clip.slice(0, 480000));

  const auto crop = random_encoder("crop");
  EXPECT_TRUE(torch::equal(crop->encode(clip), first));
  EXPECT_EQ(crop->long_clips(), 1);

  const auto chunk = random_encoder("chunk");
  const auto tokens = chunk->encode(clip);
  ASSERT_EQ(tokens.size(0), 1510);
  EXPECT_EQ(chunk->token_count(clip.size(0)), 1510);
  // Two windows at once: other matrix sizes may round differently.
  EXPECT_LT(relative_distance(tokens, torch::cat({first, rest})), 1e-5);
  EXPECT_EQ(chunk->long_clips(), 1);
  EXPECT_EQ(random_encoder("chunk", false)->token_count(clip.size(0)), 3000);
  chunk->encode(clip.slice(0, 0, 1000));
  EXPECT_EQ(chunk->long_clips(), 1);  // a short one is not counted
}

TEST(Whisper, TokensHaveTimes) {
  EXPECT_DOUBLE_EQ(random_encoder()->token_span(0).begin, 0.0);
  EXPECT_NEAR(random_encoder()->token_span(50).begin, 1.0, 1e-12);
  EXPECT_NEAR(random_encoder()->token_span(1499).end, 30.0, 1e-12);
}

TEST(Whisper, ReadsEveryPrefixOfHuggingFaceAndPassesOverTheDecoder) {
  const TemporaryFolder folder;
  const auto clip = noise(4000);
  const auto expected = random_encoder()->encode(clip);
  for (const std::string prefix : {"encoder.", ""}) {
    TensorMap weights;
    for (const auto& [name, tensor] : random_whisper())
      weights[prefix + name.substr(std::string("model.encoder.").size())] = tensor;
    weights["decoder.layers.0.fc1.weight"] = torch::zeros({2, 2});
    save_safetensors(folder / "model.safetensors", weights);
    EXPECT_TRUE(
        torch::equal(make_encoder({.type = "whisper", .path = folder.path()})->encode(clip), expected))
        << prefix;
  }
}

TEST(Whisper, WeightsThatDoNotFitAreListedAllAtOnce) {
  const TemporaryFolder folder;
  auto weights = random_whisper();
  weights.erase("model.encoder.layers.1.self_attn.v_proj.bias");
  weights["model.encoder.layers.0.fc2.weight"] = torch::zeros({128, 7});
  weights["model.encoder.layers.1.self_attn.k_proj.bias"] = torch::zeros({128});
  save_safetensors(folder / "bad.safetensors", weights);
  EXPECT_THAT(load_problems([&] { make_encoder({.type = "whisper", .path = folder / "bad.safetensors"}); }),
              testing::UnorderedElementsAre(
                  "missing: model.encoder.layers.1.self_attn.v_proj.bias, expected [128], found nothing",
                  "wrong shape: model.encoder.layers.0.fc2.weight, expected [128, 192], found [128, 7] F32",
                  "unexpected: model.encoder.layers.1.self_attn.k_proj.bias, expected nothing, found [128] F32"));
}

TEST(Whisper, TheConvertedModelHasTinysShape) {
  PAL_NEEDS_ASSET(kWhisperWeights);
  const WhisperEncoder encoder({.type = "whisper", .path = kWhisperWeights});
  EXPECT_EQ(encoder.width(), 384);
  EXPECT_EQ(encoder.sizes().layers, 4);
  EXPECT_EQ(encoder.sizes().mels, 80);
  // Whisper's positions are sinusoids: rows of the converted table that were permuted or cut would not be.
  const auto table =
      load_safetensors(kWhisperWeights).at("model.encoder.embed_positions.weight").to(torch::kFloat64);
  const auto rate = torch::exp(torch::arange(192, torch::kFloat64) * (-std::log(10000.0) / 191));
  const auto angle = torch::arange(1500, torch::kFloat64).unsqueeze(1) * rate;
  EXPECT_LT(relative_distance(table, torch::cat({angle.sin(), angle.cos()}, 1)),
            1e-3);  // float16 keeps 3 digits
}

}  // namespace
}  // namespace pal
