#include "pal/encoders/encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "audio/recording.h"
#include "foreign_files.h"
#include "pal/audio/resample.h"
#include "pal/core/check.h"
#include "support/temporary_folder.h"
#include "weights.h"

namespace pal {
namespace {

TEST(Encoder, UnknownNamesAreAnsweredWithTheKnownOnes) {
  EXPECT_EQ(message_of([] { make_encoder({.type = "yamnett", .path = "x"}); }),
            "encoder: unknown type 'yamnett'; known types: yamnet, whisper, clap");
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
              testing::AllOf(testing::HasSubstr("missing     stem.weight [32, 1, 3, 3]"),
                             testing::HasSubstr("unexpected  weight [3]")));
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
  save_safetensors(folder / "yamnet.safetensors", random_yamnet());
  save_safetensors(folder / "whisper.safetensors", random_whisper());
  at::globalContext().setAllowTF32CuDNN(false);
  save_safetensors(folder / "clap.safetensors", random_clap());
  for (const std::string type : {"yamnet", "whisper", "clap"}) {
    const auto encoder = make_encoder({.type = type, .path = folder / (type + ".safetensors")});
    const auto on_cpu = encoder->encode(noise(60000));
    encoder->to(torch::kCUDA);
    const auto on_gpu = encoder->encode(noise(60000));
    EXPECT_TRUE(on_gpu.is_cuda());
    EXPECT_LT(((on_gpu.cpu() - on_cpu).norm() / on_cpu.norm()).item<double>(), 1e-4)
        << type;  // float32, other kernels
    EXPECT_LT(((encoder->encode(noise(60000).cuda()).cpu() - on_cpu).norm() / on_cpu.norm()).item<double>(),
              1e-4)
        << type;
  }
}

}  // namespace
}  // namespace pal
