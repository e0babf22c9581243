#include "pal/encoders/encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "audio/recording.h"
#include "foreign_files.h"
#include "pal/audio/resample.h"
#include "pal/core/check.h"
#include "pal/core/temporary_folder.h"
#include "weights.h"

namespace pal {
namespace {

TEST(Encoder, UnknownNamesAreAnsweredWithTheKnownOnes) {
  EXPECT_EQ(message_of([] { make_encoder({.type = "yamnett", .path = "x"}); }),
            "encoder: unknown type 'yamnett'; known types: yamnet, whisper, eat, clap");
  EXPECT_EQ(message_of([] { make_encoder({.type = "whisper", .path = "x", .long_audio = "cut"}); }),
            "encoder: unknown long_audio 'cut'; known are: error, crop, chunk");
}

TEST(Encoder, MissingOrForeignWeightsAreNamed) {
  const TemporaryFolder folder;
  const auto absent = (folder / "absent.safetensors").string();
  EXPECT_THAT(message_of([&] { make_encoder({.type = "yamnet", .path = absent}); }),
              testing::HasSubstr(absent));
  const auto foreign = folder / "foreign.safetensors";
  save_safetensors(foreign, {{"weight", torch::zeros({3})}});
  EXPECT_THAT(message_of([&] { make_encoder({.type = "whisper", .path = foreign}); }),
              testing::AllOf(testing::StartsWith(foreign.string()),
                             testing::HasSubstr("a Whisper encoder was expected")));
  EXPECT_THAT(message_of([&] { make_encoder({.type = "yamnet", .path = foreign}); }),
              testing::AllOf(testing::ContainsRegex("missing +1 +stem.weight +.32, 1, 3, 3. +-"),
                             testing::ContainsRegex("unexpected +1 +weight +- +.3. F32")));
}

TEST(Encoder, AFileIsDecodedResampledAndEncoded) {
  const TemporaryFolder folder;
  save_safetensors(folder / "yamnet.safetensors", random_yamnet());
  const auto encoder = make_encoder({.type = "yamnet", .path = folder / "yamnet.safetensors"});
  write_recording(folder / "clip.wav", tone(44100, 1.5), 44100);
  const auto samples = resample(decode_audio(folder / "clip.wav").samples, 44100, 16000);
  EXPECT_EQ(samples.size(0), 24000);
  EXPECT_TRUE(torch::equal(encode_file(*encoder, folder / "clip.wav"), encoder->encode(samples)));
  const auto part = encode_file(*encoder, folder / "clip.wav", {}, {0.25, 0.75});
  EXPECT_EQ(part.size(0), encoder->token_count(8000));
}

// The shipped kinds, with small random weights.
std::vector<std::shared_ptr<Encoder>> one_of_each(const std::filesystem::path& folder) {
  save_safetensors(folder / "yamnet.safetensors", random_yamnet());
  save_safetensors(folder / "whisper.safetensors", random_whisper());
  save_safetensors(folder / "eat.safetensors", random_eat());
  save_safetensors(folder / "clap.safetensors", random_clap());
  std::vector<std::shared_ptr<Encoder>> encoders;
  for (const std::string type : {"yamnet", "whisper", "eat", "clap"})
    encoders.push_back(make_encoder({.type = type, .path = folder / (type + ".safetensors")}));
  return encoders;
}

TEST(Encoder, FeaturesGiveTheTokensOfTheClipThatTheyWereMadeOf) {
  const TemporaryFolder folder;
  const auto clip = noise(30000);
  for (const auto& encoder : one_of_each(folder.path())) {
    const auto tokens = encoder->encode(clip);
    const auto all = encoder->encode_features(encoder->features(clip));
    EXPECT_TRUE(torch::equal(all.slice(0, 0, tokens.size(0)), tokens)) << encoder->type();
    const auto doubled = encoder->encode_features(encoder->features(clip).to(torch::kFloat64));
    EXPECT_TRUE(torch::equal(doubled, all)) << encoder->type();
  }
}

TEST(Encoder, FrequencyDimIsWhereTheFeaturesHaveTheirBands) {
  const TemporaryFolder folder;
  const std::vector<std::int64_t> bands{64, 80, 128, 64};
  const auto encoders = one_of_each(folder.path());
  for (std::size_t i = 0; i < encoders.size(); ++i) {
    const auto features = encoders[i]->features(torch::ones(20000));
    EXPECT_EQ(features.size(encoders[i]->frequency_dim()), bands[i]) << encoders[i]->type();
  }
}

TEST(Encoder, AClipFillsItsOwnSecondsOfTheFeaturesAndAllOfAWindowWhereItIsRepeated) {
  const TemporaryFolder folder;
  for (const auto& encoder : one_of_each(folder.path())) {
    const std::int64_t two_seconds = 2 * encoder->sample_rate();
    if (encoder->type() == "clap")
      EXPECT_EQ(encoder->filled_seconds(two_seconds), 10.01) << "1001 frames of 10 ms";
    else
      EXPECT_EQ(encoder->filled_seconds(two_seconds), 2.0) << encoder->type();
  }
}

TEST(Encoder, FeaturesOfAnotherShapeAreRefusedWithTheShapeThatIsExpected) {
  const TemporaryFolder folder;
  const auto encoders = one_of_each(folder.path());
  const std::vector<std::string> expected = {"yamnet: features [96 + 48 n, 64] were expected",
                                             "whisper: features [windows, 80, 3000] were expected",
                                             "eat: features [windows, frames, 128] were expected",
                                             "clap: features [windows, 1001, 64] were expected"};
  for (std::size_t i = 0; i < encoders.size(); ++i) {
    const auto message = [&](const torch::Tensor& features) {
      return message_of([&] { encoders[i]->encode_features(features); });
    };
    for (const std::vector<std::int64_t>& shape :
         {std::vector<std::int64_t>{}, {64}, {100, 64}, {80, 2999}, {17, 128}, {1, 2, 3, 4, 5}})
      EXPECT_THAT(message(torch::ones(shape)), testing::StartsWith(expected[i])) << c10::IntArrayRef(shape);
    EXPECT_THAT(message(torch::ones({0, 128})), testing::HasSubstr("features must be floats, at least one"));
    EXPECT_THAT(message(torch::ones({96, 64}, torch::kInt64)), testing::HasSubstr("features must be floats"));
  }
}

TEST(Encoder, WhatItRefusesIsReportedWithTheRecording) {
  const TemporaryFolder folder;
  save_safetensors(folder / "whisper.safetensors", random_whisper());
  const auto encoder = make_encoder({.type = "whisper", .path = folder / "whisper.safetensors"});
  write_recording(folder / "long.wav", tone(8000, 31), 8000);
  EXPECT_THAT(message_of([&] { encode_file(*encoder, folder / "long.wav"); }),
              testing::StartsWith((folder / "long.wav").string() + ": whisper: the clip is 31.0 s long"));
}

TEST(Encoder, OnCudaResultsAreThoseOfTheCpu) {
  if (!torch::cuda::is_available()) GTEST_SKIP() << "SKIPPED: no CUDA device";
  const TemporaryFolder folder;
  at::globalContext().setAllowTF32CuDNN(false);
  for (const auto& encoder : one_of_each(folder.path())) {
    const auto on_cpu = encoder->encode(noise(60000));
    encoder->to(torch::kCUDA);
    const auto on_gpu = encoder->encode(noise(60000));
    EXPECT_TRUE(on_gpu.is_cuda());
    EXPECT_LT(((on_gpu.cpu() - on_cpu).norm() / on_cpu.norm()).item<double>(), 1e-4)
        << encoder->type();  // float32, other kernels
    EXPECT_LT(((encoder->encode(noise(60000).cuda()).cpu() - on_cpu).norm() / on_cpu.norm()).item<double>(),
              1e-4)
        << encoder->type();
  }
}

}  // namespace
}  // namespace pal
