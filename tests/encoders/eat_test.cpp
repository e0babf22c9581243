#include "pal/encoders/eat.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "foreign_files.h"
#include "pal/core/check.h"
#include "pal/encoders/convert.h"
#include "pal/core/temporary_folder.h"
#include "support/tensor_compare.h"
#include "weights.h"

namespace pal {
namespace {

using Shape = std::vector<std::int64_t>;

const std::string kTinyWeights =
    PAL_SOURCE_DIR "/tests/golden/eat_tiny_model.safetensors";  // 48 wide, 4 heads, 2 blocks
constexpr const char* kTable = "model.fixed_positional_encoder.positions";

TensorMap golden(const std::string& name) {
  return load_safetensors(PAL_SOURCE_DIR "/tests/golden/" + name + ".safetensors");
}

std::shared_ptr<EatEncoder> tiny(const std::function<void(EncoderOptions&)>& change = [](EncoderOptions&) {
}) {
  EncoderOptions options{.type = "eat", .path = kTinyWeights};
  options.heads = 4;
  change(options);
  return std::make_shared<EatEncoder>(options);
}

// An encoder with these weights.
std::shared_ptr<EatEncoder> with_weights(const TensorMap& weights, std::int64_t heads = 0) {
  const TemporaryFolder folder;
  save_safetensors(folder / "eat.safetensors", weights);
  EncoderOptions options{.type = "eat", .path = folder / "eat.safetensors"};
  options.heads = heads;
  return std::make_shared<EatEncoder>(options);
}

TEST(Eat, EqualsTheReference) {
  const auto io = golden("eat_tiny_io");  // 2 windows of 64 frames
  const auto tokens = tiny()->encode_features(io.at("input"));
  ASSERT_EQ(tokens.sizes(), (Shape{66, 48}));
  EXPECT_LT(relative_distance(tokens.view({2, 33, 48}), io.at("features")),
            1e-5);  // float32; the project asks for 1e-4

  const auto weights = load_safetensors(kTinyWeights);  // row 0 of a window is CLS: the classifier reads it
  const auto cls =
      torch::layer_norm(tokens.view({2, 33, 48}).select(1, 0), {48}, weights.at("model.fc_norm.weight"),
                        weights.at("model.fc_norm.bias"), 1e-5);
  const auto logits = torch::linear(cls, weights.at("model.head.weight"), weights.at("model.head.bias"));
  EXPECT_LT(relative_distance(logits, io.at("logits")), 1e-5);
}

TEST(Eat, FeaturesMayComeWithoutTheirOuterDimensions) {
  const auto input = golden("eat_tiny_io").at("input");  // [2, 1, 64, 128]
  const auto encoder = tiny();
  const auto tokens = encoder->encode_features(input[0]);
  EXPECT_TRUE(torch::equal(encoder->encode_features(input[0][0]), tokens));
  EXPECT_TRUE(torch::equal(encoder->encode_features(input.slice(0, 0, 1)), tokens));
}

TEST(Eat, FeaturesArePaddedWithZerosAndThenNormalised) {
  const auto samples = golden("frontends_gguf").at("wav16k");
  const auto expected = golden("eat_fbank");
  const auto features = tiny()->features(samples);
  ASSERT_EQ(features.sizes(), (Shape{1, 1024, 128}));
  EXPECT_LT(relative_distance(features[0].slice(0, 0, 198), expected.at("eat_fbank_norm")), 1e-5);
  EXPECT_FLOAT_EQ(features[0].slice(0, 198).min().item<float>(), 4.268f / 9.138f);
  EXPECT_FLOAT_EQ(features[0].slice(0, 198).max().item<float>(), 4.268f / 9.138f);

  const auto esc = tiny([](auto& o) {
                     o.feature_mean = -6.627, o.feature_std = 5.359, o.window = 512;
                   })->features(samples);
  ASSERT_EQ(esc.sizes(), (Shape{1, 512, 128}));
  EXPECT_LT(relative_distance(esc[0].slice(0, 0, 198), (expected.at("eat_fbank_raw") + 6.627) / 10.718),
            1e-5);
}

TEST(Eat, TokenCountIsForetold) {
  const auto whole = tiny([](auto& o) { o.trim = false; });
  const auto trimmed = tiny();
  const auto bare = tiny([](auto& o) { o.cls = false; });
  // 16 frames are a row: 400 + 15 * 160 samples begin the 16th frame, 400 + 16 * 160 the next row.
  for (const auto& [samples, rows] : {std::pair{400, 1}, std::pair{2959, 1}, std::pair{2960, 2},
                                      std::pair{160000, 63}, std::pair{164239, 64}}) {
    EXPECT_EQ(trimmed->token_count(samples), 1 + 8 * rows) << samples;
    EXPECT_EQ(bare->token_count(samples), 8 * rows) << samples;
    EXPECT_EQ(whole->token_count(samples), 513) << samples;
  }
  const auto clip = noise(2960);
  EXPECT_TRUE(torch::equal(trimmed->encode(clip), whole->encode(clip).slice(0, 0, 17)));
  EXPECT_TRUE(torch::equal(bare->encode(clip), whole->encode(clip).slice(0, 1, 17)));
}

TEST(Eat, ALongClipFollowsTheDeclaredPolicy) {
  const auto clip = noise(164240 + 1600);  // 1024 + 11 frames
  const auto encoder = [](const std::string& policy) {
    return tiny([&](auto& o) { o.long_audio = policy; });
  };
  EXPECT_EQ(
      message_of([&] { encoder("error")->encode(clip); }),
      "eat: the clip is 10.4 s long, but the encoder hears 10.24 s at once; set long_audio to crop or chunk");
  const auto crop = encoder("crop");
  EXPECT_EQ(crop->encode(noise(164239)).size(0), 513);
  EXPECT_EQ(crop->long_clips(), 0);
  const auto first = crop->encode(clip);
  ASSERT_EQ(first.size(0), 513);
  EXPECT_EQ(crop->long_clips(), 1);

  const auto chunk = encoder("chunk");
  const auto tokens = chunk->encode(clip);
  ASSERT_EQ(tokens.size(0), 513 + 1 + 8);  // 11 frames are one row
  EXPECT_EQ(chunk->token_count(clip.size(0)), 522);
  EXPECT_EQ(chunk->long_clips(), 1);
  // Two windows at once: other matrix sizes may round differently.
  EXPECT_LT(relative_distance(tokens.slice(0, 0, 513), first), 1e-5);
  const auto second = chunk->features(clip)[1];
  EXPECT_FLOAT_EQ(second.slice(0, 11).max().item<float>(), 4.268f / 9.138f);
  EXPECT_LT(relative_distance(tokens.slice(0, 513), chunk->encode_features(second).slice(0, 0, 9)), 1e-5);
}

TEST(Eat, AClipShorterThanAWindowOf25MillisecondsIsRefused) {
  EXPECT_EQ(message_of([] { tiny()->encode(noise(399)); }),
            "eat: the clip is 0.0249 s long, but the encoder needs 0.025 s");
}

TEST(Eat, TokensHaveTimesAndClsItsWholeWindow) {
  const auto with = tiny(), without = tiny([](auto&o) { o.cls = false; });
  const auto expect_span = [](const TokenSpan& span, double begin, double end) {
    EXPECT_NEAR(span.begin, begin, 1e-12);
    EXPECT_NEAR(span.end, end, 1e-12);
  };
  expect_span(with->token_span(0), 0.0, 10.24);
  expect_span(with->token_span(1), 0.0, 0.16);
  expect_span(with->token_span(8), 0.0, 0.16);  // the highest of 8 bands
  expect_span(with->token_span(9), 0.16, 0.32);
  expect_span(with->token_span(512), 10.08, 10.24);
  expect_span(with->token_span(513), 10.24, 20.48);
  expect_span(with->token_span(514), 10.24, 10.4);
  expect_span(without->token_span(0), 0.0, 0.16);
  expect_span(without->token_span(512), 10.24, 10.4);
}

TEST(Eat, PositionsAreComputedWhereTheFileHasNoneOrTooFew) {
  const auto table = load_safetensors(kTinyWeights).at(kTable)[0];
  EXPECT_LT((eat_positions(16, 48) - table).abs().max().item<double>(),
            1e-6);  // numpy's sines against torch's
  auto weights = random_eat();
  const auto clip = noise(32000);
  const auto expected = with_weights(weights)->encode(clip);
  const auto all = eat_positions(768, 128).unsqueeze(0);
  for (const std::int64_t rows :
       {768, 64, 4}) {  // files of today, files before April 2024, fewer than the clip has
    weights[kTable] = all.slice(1, 0, rows * 8).clone();
    EXPECT_TRUE(torch::equal(with_weights(weights)->encode(clip), expected)) << rows;
  }
  weights[kTable] = draw({1, 64 * 8, 128}, 1.0, 5);  // another table is used as it is
  EXPECT_GT(relative_distance(with_weights(weights)->encode(clip), expected), 0.1);
  weights[kTable] = weights[kTable].slice(1, 0, 4 * 8).clone();
  EXPECT_EQ(message_of([&] { with_weights(weights)->encode(clip); }),
            "eat: 1024 frames, but the weights' table of positions reaches only 64; set window");
  weights[kTable] = torch::zeros({1, 12, 128});
  EXPECT_THAT(message_of([&] { with_weights(weights); }),
              testing::HasSubstr("has shape [1, 12, 128], expected [1, 8 rows, 128]"));
}

TEST(Eat, HeadsAre64WideUnlessTheyAreGiven) {
  const auto clip = noise(8000);
  const auto encoder = with_weights(random_eat());
  EXPECT_EQ(encoder->sizes().heads, 2);
  EXPECT_EQ(encoder->sizes().layers, 2);
  EXPECT_EQ(encoder->sizes().ffn, 192);
  const auto tokens = encoder->encode(clip);
  EXPECT_TRUE(torch::equal(with_weights(random_eat(), 2)->encode(clip), tokens));
  EXPECT_GT(relative_distance(with_weights(random_eat(), 4)->encode(clip), tokens), 1e-3);
  EXPECT_THAT(message_of([] { with_weights(random_eat(), 3); }),
              testing::HasSubstr("3 heads do not divide its width of 128"));
  EXPECT_EQ(tiny([](auto& o) { o.heads = 0; })->sizes().heads,
            4);  // 64 does not divide 48: assumed, with a warning
}

TEST(Eat, WeightsAndOptionsThatDoNotFitAreNamed) {
  auto weights = random_eat();
  weights.erase("model.blocks.1.norm2.bias");
  weights["model.blocks.0.attn.qkv.weight"] = torch::zeros({128, 128});
  weights["model.decoder.weight"] = torch::zeros({3});
  weights["model.head.weight"] = torch::zeros({527, 128});  // the classifier is passed over
  EXPECT_THAT(
      message_of([&] { with_weights(weights); }),
      testing::AllOf(
          testing::HasSubstr("1 missing, 1 wrong shape, 1 unexpected"),
          testing::ContainsRegex("missing +1 +model.blocks.1.norm2.bias +.128. +-"),
          testing::ContainsRegex("wrong shape +1 +model.blocks.0.attn.qkv.weight +.384, 128. +.128, 128. F32"),
          testing::ContainsRegex("unexpected +1 +model.decoder.weight +- +.3. F32")));
  weights = random_eat();
  weights["model.local_encoder.proj.weight"] = torch::zeros({128, 1, 8, 16});
  EXPECT_THAT(message_of([&] { with_weights(weights); }),
              testing::HasSubstr("has shape [128, 1, 8, 16], expected [width, 1, 16, 16]"));
  weights = random_eat();
  weights["model.blocks.0.mlp.fc1.weight"] = torch::zeros({192, 1});
  EXPECT_THAT(message_of([&] { with_weights(weights); }),
              testing::HasSubstr("has shape [192, 1], expected [ffn, width]"));
  EXPECT_THAT(message_of([] { with_weights(random_yamnet()); }),
              testing::HasSubstr("an EAT or SSLAM encoder was expected"));
  for (const std::int64_t window : {0, 100, -16, 12304})
    EXPECT_THAT(message_of([&] { tiny([&](auto& o) { o.window = window; }); }),
                testing::HasSubstr("window must be a multiple of 16"))
        << window;
  for (const double bad : {0.0, -1.0, double(NAN)})
    EXPECT_THAT(message_of([&] { tiny([&](auto& o) { o.feature_std = bad; }); }),
                testing::HasSubstr("feature_std one above 0"))
        << bad;
}

// Hugging Face's names -> fairseq's, in a classifier's file or a pretrained model's.
std::string fairseq_name(std::string name, const std::string& model) {
  name = name.substr(std::string("model.").size());
  if (name.starts_with("fc_norm.") || name.starts_with("head.")) return "model." + name;
  if (name.starts_with("pre_norm."))
    return model + "modality_encoders.IMAGE.context_encoder.norm." + name.substr(9);
  return model + (name.starts_with("blocks.") ? "" : "modality_encoders.IMAGE.") + name;
}

TEST(Eat, ReadsFairseqsNamesAndLeavesOutTeacherDecoderAndTraining) {
  const auto hugging_face = load_safetensors(kTinyWeights);
  const auto clip = noise(16000);
  const auto expected = tiny()->encode(clip);
  for (const std::string model : {"model.", "model.model."}) {
    TensorMap weights;
    for (const auto& [name, tensor] : hugging_face) weights[fairseq_name(name, model)] = tensor;
    for (const auto& [name, tensor] : hugging_face)
      weights[fairseq_name(name, model + "_ema.")] = torch::zeros_like(tensor);
    for (const auto& [name, tensor] : hugging_face) weights[fairseq_name(name, model)] = tensor;
    weights[model + "modality_encoders.IMAGE.decoder.blocks.0.0.weight"] = torch::zeros({48, 3, 3, 3});
    weights["last_optimizer_state.state.0.exp_avg"] = torch::zeros({48});
    EXPECT_TRUE(torch::equal(with_weights(weights, 4)->encode(clip), expected)) << model;

    const TemporaryFolder folder;
    save_safetensors(folder / "fairseq.safetensors", weights);
    const auto converted = eat_from_fairseq(folder / "fairseq.safetensors");
    ASSERT_EQ(converted.size(), hugging_face.size()) << model;
    for (const auto& [name, tensor] : hugging_face)
      EXPECT_TRUE(torch::equal(converted.at(name), tensor)) << name;

    weights[model + "recon.weight"] = torch::zeros({2});
    EXPECT_THAT(message_of([&] { with_weights(weights, 4); }),
                testing::ContainsRegex("unexpected +1 +" + model + "recon.weight +- +.2. F32"));
  }
}

// Written by torch.save(): state of the training with numpy's numbers and an argparse.Namespace, teacher and decoder.
TEST(Eat, ReadsACheckpointOfFairseq) {
  const auto encoder = tiny([](auto& o) { o.path = PAL_SOURCE_DIR "/tests/golden/eat_tiny_fairseq.pt"; });
  const auto input = golden("eat_tiny_io").at("input");
  EXPECT_TRUE(torch::equal(encoder->encode_features(input), tiny()->encode_features(input)));
}

TEST(Eat, IsFrozenUntilAskedToTrain) {
  const auto encoder = tiny();
  EXPECT_FALSE(encoder->encode(noise(1000)).requires_grad());
  EXPECT_TRUE(encoder->named_buffers().contains("fixed_positional_encoder.positions"));
  for (auto& parameter : encoder->parameters()) parameter.set_requires_grad(true);
  encoder->encode(noise(8000)).square().mul(torch::arange(48)).sum().backward();
  for (const auto& item : encoder->named_parameters()) {
    ASSERT_TRUE(item.value().grad().defined()) << item.key();
    EXPECT_GT(item.value().grad().abs().max().item<float>(), 0.0f) << item.key();
  }
}

}  // namespace
}  // namespace pal
