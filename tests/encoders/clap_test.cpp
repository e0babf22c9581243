#include "pal/encoders/clap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/encoders/convert.h"
#include "pal/core/temporary_folder.h"
#include "support/tensor_compare.h"
#include "weights.h"

namespace pal {
namespace {

using Shape = std::vector<std::int64_t>;
constexpr std::int64_t kWindow = ClapMel::window_samples;

std::shared_ptr<ClapEncoder> random_encoder(const std::string& long_audio = "error") {
  static const TemporaryFolder folder;
  static const bool written = (save_safetensors(folder / "clap.safetensors", random_clap()), true);
  EXPECT_TRUE(written);
  return std::make_shared<ClapEncoder>(
      EncoderOptions{.type = "clap", .path = folder / "clap.safetensors", .long_audio = long_audio});
}

std::string refusal(const std::filesystem::path& path) {
  try {
    make_encoder({.type = "clap", .path = path});
  } catch (const UserError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Htsat, RelativePositionsCountRowsAndColumnsApart) {
  const auto index = htsat_relative_positions();
  ASSERT_EQ(index.sizes(), (Shape{64, 64}));
  const auto at = [&](std::int64_t a, std::int64_t b) { return index[a][b].item<std::int64_t>(); };
  EXPECT_EQ(at(0, 0), 7 * 15 + 7);  // no difference
  EXPECT_EQ(at(0, 63), 0);          // 7 rows and 7 columns before
  EXPECT_EQ(at(63, 0), 224);        // and behind
  EXPECT_EQ(at(1, 0), 7 * 15 + 8);  // a column behind
  EXPECT_EQ(at(8, 0), 8 * 15 + 7);  // a row behind
}

// In a grid of 16 shifted by 4, the square at the lower right holds tokens of all four corners.
TEST(Htsat, ShiftedSquaresKeepTheEndsOfTheGridApart) {
  const auto mask = htsat_shift_mask(16, torch::kFloat64);
  ASSERT_EQ(mask.sizes(), (Shape{4, 64, 64}));
  EXPECT_EQ(mask[0].abs().max().item<double>(), 0.0);
  const auto sees = [&](int square, int row, int column, int other_row, int other_column) {
    return mask[square][row * 8 + column][other_row * 8 + other_column].item<double>() == 0.0;
  };
  EXPECT_TRUE(sees(1, 0, 0, 7, 3));   // upper right: the left half came from the right end
  EXPECT_FALSE(sees(1, 0, 0, 0, 4));  // and its right half from the left end
  EXPECT_TRUE(sees(2, 0, 0, 3, 7));
  EXPECT_FALSE(sees(2, 0, 0, 4, 0));
  for (const auto& [row, column] : {std::pair{0, 4}, std::pair{4, 0}, std::pair{4, 4}})
    EXPECT_FALSE(sees(3, 0, 0, row, column));
  EXPECT_EQ(mask.min().item<double>(), -100.0);
}

TEST(Clap, ShapesComeFromTheWeights) {
  const auto encoder = random_encoder();
  EXPECT_EQ(encoder->sizes().width, 16);
  EXPECT_EQ(encoder->sizes().depths, (std::array<std::int64_t, 4>{1, 2, 1, 1}));
  EXPECT_EQ(encoder->sizes().heads, (std::array<std::int64_t, 4>{2, 4, 8, 16}));
  EXPECT_EQ(encoder->sizes().ffn_factor, 2);
  EXPECT_EQ(encoder->width(), 128);
  EXPECT_EQ(encoder->sample_rate(), 48000);
  EXPECT_EQ(encoder->features(noise(1000)).sizes(), (Shape{1, 1001, 64}));
  EXPECT_EQ(encoder->encode(noise(1000)).sizes(), (Shape{64, 128}));
  for (const auto& parameter : encoder->parameters()) EXPECT_FALSE(parameter.requires_grad());
}

// A louder band or stretch moves above all the tokens that stand for it: the order is frequency, then time.
TEST(Clap, TokensAreFrequencyMajor) {
  const auto encoder = random_encoder();
  const torch::InferenceMode no_gradient;
  const auto quiet = torch::full({1, 1001, 64}, -40.0);
  const auto base = encoder->forward(quiet)[0];
  for (const auto& [band, time] : {std::pair{0, 3}, std::pair{0, 20}, std::pair{1, 9}, std::pair{1, 31}}) {
    auto loud = quiet.clone();
    const std::int64_t frame = time * 1001 / 32;
    loud[0].slice(0, frame, frame + 31).slice(1, band * 32, band * 32 + 32) += 30.0;
    const auto moved = (encoder->forward(loud)[0] - base).norm(2, 1);
    EXPECT_EQ(moved.argmax().item<std::int64_t>(), band * 32 + time);
  }
}

TEST(Clap, TokensHaveTimes) {
  const auto encoder = random_encoder();
  EXPECT_EQ(encoder->token_span(0).begin, 0.0);
  EXPECT_DOUBLE_EQ(encoder->token_span(31).end, 10.0);
  EXPECT_EQ(encoder->token_span(32).begin, 0.0);  // the upper half of the frequencies
  EXPECT_DOUBLE_EQ(encoder->token_span(33).begin, 0.3125);
  EXPECT_DOUBLE_EQ(encoder->token_span(64).begin, 10.0);  // the next window
  EXPECT_DOUBLE_EQ(encoder->token_span(127).end, 20.0);
}

TEST(Clap, AClipOfMoreThanTenSecondsFollowsTheDeclaredPolicy) {
  const auto clip = noise(kWindow + 24000);
  EXPECT_EQ(random_encoder()->token_count(kWindow), 64);
  try {
    random_encoder()->encode(clip);
    ADD_FAILURE() << "was accepted";
  } catch (const UserError& error) {
    EXPECT_STREQ(
        error.what(),
        "clap: the clip is 10.5 s long, but the encoder hears 10 s at once; set long_audio to crop or chunk");
  }
  const auto first = random_encoder()->encode(clip.slice(0, 0, kWindow));
  const auto rest = random_encoder()->encode(clip.slice(0, kWindow));

  const auto crop = random_encoder("crop");
  EXPECT_TRUE(torch::equal(crop->encode(clip), first));
  EXPECT_EQ(crop->long_clips(), 1);

  const auto chunk = random_encoder("chunk");
  // Two windows at once: other matrix sizes may round differently.
  EXPECT_LT(relative_distance(chunk->encode(clip), torch::cat({first, rest})), 1e-5);
  EXPECT_EQ(chunk->long_clips(), 1);
  chunk->encode(clip.slice(0, 0, 1000));
  EXPECT_EQ(chunk->long_clips(), 1);  // a short one is not counted
}

TEST(Clap, ReadsEveryPrefixOfHuggingFaceAndPassesOverTextAndProjections) {
  const TemporaryFolder folder;
  const auto clip = noise(4000);
  const auto expected = random_encoder()->encode(clip);
  for (const std::string prefix : {"audio_model.audio_encoder.", "audio_encoder.", ""}) {
    TensorMap weights;
    for (const auto& [name, tensor] : random_clap())
      weights[prefix + name.substr(std::string("audio_model.audio_encoder.").size())] = tensor;
    for (const char* other : {"text_model.pooler.dense.bias", "text_projection.linear1.bias",
                              "audio_projection.linear1.bias", "logit_scale_a"})
      weights[other] = torch::zeros({2});
    save_safetensors(folder / "model.safetensors", weights);
    EXPECT_TRUE(torch::equal(make_encoder({.type = "clap", .path = folder.path()})->encode(clip), expected))
        << prefix;
  }
}

TEST(Clap, ACheckpointWithFusionIsRefusedByName) {
  const TemporaryFolder folder;
  auto weights = random_clap();
  weights["audio_model.audio_encoder.patch_embed.mel_conv2d.weight"] = torch::zeros({16, 1, 4, 12});
  save_safetensors(folder / "model.safetensors", weights);
  EXPECT_THAT(refusal(folder.path()), testing::HasSubstr("is a CLAP with fusion (enable_fusion"));

  save_safetensors(folder / "model.safetensors", random_clap());
  write_file_atomically(folder / "config.json",
                        R"({"model_type": "clap", "audio_config": {"enable_fusion": true}})");
  EXPECT_THAT(refusal(folder.path()), testing::HasSubstr("config.json: audio_config: enable_fusion"));

  std::filesystem::remove(folder / "config.json");
  write_file_atomically(folder / "preprocessor_config.json", R"({"truncation": "fusion"})");
  EXPECT_THAT(refusal(folder.path()), testing::HasSubstr("truncation fusion"));
}

TEST(Clap, OptionsThatAreNotComputedOrNotTheWeightsAreRefusedByName) {
  const TemporaryFolder folder;
  save_safetensors(folder / "model.safetensors", random_clap());
  const auto config = folder / "config.json";
  for (const std::string bad :
       {R"("hidden_act": "relu")", R"("num_mel_bins": 128)", R"("spec_size": 512)", R"("patch_size": 16)",
        R"("patch_stride": [4, 2])", R"("patch_embed_input_channels": 3)", R"("flatten_patch_embeds": false)",
        R"("enable_patch_layer_norm": false)", R"("window_size": 7)", R"("qkv_bias": false)",
        R"("layer_norm_eps": 1e-6)", R"("patch_embeds_hidden_size": 96)", R"("depths": [2, 2, 6, 2])",
        R"("num_attention_heads": [4, 8, 16])", R"("mlp_ratio": 4.0)", R"("depths": 2)"}) {
    const std::string key = bad.substr(1, bad.find('"', 1) - 1);
    write_file_atomically(config, R"({"model_type": "clap_audio_model", )" + bad + "}");
    EXPECT_THAT(refusal(folder.path()), testing::StartsWith(config.string() + ": '" + key + "'"));
    write_file_atomically(config, R"({"model_type": "clap", "audio_config": {)" + bad + "}}");
    EXPECT_THAT(refusal(folder.path()),
                testing::StartsWith(config.string() + ": audio_config: '" + key + "'"));
  }
  write_file_atomically(config, R"({"model_type": "whisper"})");
  EXPECT_THAT(refusal(folder.path()), testing::HasSubstr("model_type 'whisper' is no CLAP"));
  write_file_atomically(
      config, R"({"model_type": "clap", "audio_config": {"patch_size": [4, 4], "depths": [1, 2, 1, 1],
                                    "num_attention_heads": [2, 4, 8, 16], "mlp_ratio": 2}})");
  EXPECT_EQ(refusal(folder.path()), "accepted");
}

TEST(Clap, WeightsThatDoNotFitAreNamed) {
  const TemporaryFolder folder;
  const std::string root = "audio_model.audio_encoder.";
  const auto refused_with = [&](const std::function<void(TensorMap&)>& damage) {
    auto weights = random_clap();
    damage(weights);
    save_safetensors(folder / "bad.safetensors", weights);
    return refusal(folder / "bad.safetensors");
  };
  EXPECT_THAT(
      refused_with([&](TensorMap& weights) {
        weights.erase(root + "norm.bias");
        weights[root + "layers.1.blocks.1.output.dense.weight"] = torch::zeros({32, 63});
        weights[root + "layers.4.blocks.0.output.dense.weight"] = torch::zeros({2});
      }),
      testing::AllOf(
          testing::HasSubstr("1 missing, 1 wrong shape, 1 unexpected"),
          testing::ContainsRegex("missing +1 +" + root + "norm.bias +.128. +-"),
          testing::ContainsRegex("wrong shape +1 +" + root + "layers.1.blocks.1.output.dense.weight +.32, 64. +.32, 63. F32"),
          testing::ContainsRegex("unexpected +1 +" + root + "layers.4.blocks.0.output.dense.weight +- +.2. F32")));
  EXPECT_THAT(
      refused_with([&](TensorMap& weights) {
        weights[root + "layers.2.blocks.0.attention.self.relative_position_index"][63][0] = 100000;
      }),
      testing::HasSubstr("layers.2.blocks.0.attention.self.relative_position_index is not that of squares"));
  EXPECT_THAT(refused_with([&](TensorMap& weights) {
                weights[root + "layers.3.blocks.0.attention.self.relative_position_bias_table"] =
                    torch::zeros({225, 7});
              }),
              testing::HasSubstr("7 heads do not divide the 128 channels of " + root + "layers.3"));
  EXPECT_THAT(refused_with([&](TensorMap& weights) {
                weights.erase(root + "layers.3.blocks.0.attention.self.relative_position_bias_table");
              }),
              testing::HasSubstr("a CLAP of 4 stages was expected"));
  EXPECT_THAT(refused_with([&](TensorMap& weights) {
                weights[root + "patch_embed.proj.weight"] = torch::zeros({0, 1, 4, 4});
              }),
              testing::HasSubstr("patch_embed.proj.weight has shape [0, 1, 4, 4]"));
  EXPECT_THAT(refused_with([&](TensorMap& weights) { weights.erase(root + "patch_embed.proj.weight"); }),
              testing::HasSubstr("a CLAP audio encoder was expected, but there is no tensor"));
}

// LAION's own program (laion_clap 1.1.7, HTSAT of width 8 with random weights, in half precision) made the file and, of the features, the
// tokens: what its last layer, tscam_conv, is given.
constexpr const char* kLaion = PAL_SOURCE_DIR "/tests/golden/clap_tiny_laion.pt";

TEST(Clap, ReadsLaionsCheckpointAndGivesItsTokens) {
  const auto io = load_safetensors(PAL_SOURCE_DIR "/tests/golden/clap_tiny_laion_io.safetensors");
  const auto encoder = make_encoder({.type = "clap", .path = kLaion});
  EXPECT_LT(relative_distance(encoder->encode_features(io.at("features")), io.at("tokens")), 1e-5);
  EXPECT_EQ(encoder->load_report().count(LoadFate::kSkipped), 5 + 2 + 1 + 8);  // front-end and head, mask, other towers
}

TEST(Clap, LaionsCheckpointBecomesHuggingFaces) {
  const TemporaryFolder folder;
  save_safetensors(folder / "clap.safetensors", clap_from_laion(kLaion));
  const auto clip = noise(48000);
  EXPECT_TRUE(torch::equal(make_encoder({.type = "clap", .path = folder / "clap.safetensors"})->encode(clip),
                           make_encoder({.type = "clap", .path = kLaion})->encode(clip)));
}

TEST(Clap, WhatIsMissingOrUnknownInLaionsCheckpointIsNamed) {
  const TemporaryFolder folder;
  auto weights = [] {
    TensorMap tensors;
    const auto source = open_tensors(kLaion);
    for (const auto& name : source->names()) tensors[name] = source->load(name);
    return tensors;
  }();
  const std::string block = "state_dict.module.audio_branch.layers.0.blocks.0.";
  ASSERT_EQ(weights.erase(block + "attn.qkv.bias"), 1);
  weights[block + "attn.scale"] = torch::zeros({2});
  save_safetensors(folder / "bad.safetensors", weights);
  EXPECT_THAT(refusal(folder / "bad.safetensors"),
              testing::AllOf(testing::HasSubstr("3 missing, 1 unexpected"),
                             testing::ContainsRegex("missing +1 +audio_model.audio_encoder.layers.0.blocks.0.attention.self.key.bias +.8."),
                             testing::ContainsRegex("unexpected +1 +audio_model.audio_encoder.layers.0.blocks.0.attn.scale +- +.2. F32")));
}

}  // namespace
}  // namespace pal
