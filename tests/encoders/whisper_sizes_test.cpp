#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/encoders/whisper.h"
#include "pal/core/temporary_folder.h"
#include "weights.h"

namespace pal {
namespace {

std::string refusal(const std::filesystem::path& path) {
  try {
    make_encoder({.type = "whisper", .path = path});
  } catch (const UserError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Whisper, AFoldersConfigSaysTheNumberOfHeads) {
  const TemporaryFolder folder;
  save_safetensors(folder / "model.safetensors", random_whisper());
  write_file_atomically(folder / "config.json", R"({"model_type": "whisper", "encoder_attention_heads": 4})");
  const WhisperEncoder four({.type = "whisper", .path = folder.path()});
  EXPECT_EQ(four.sizes().heads, 4);
  std::filesystem::remove(folder / "config.json");
  EXPECT_EQ(WhisperEncoder({.type = "whisper", .path = folder.path()}).sizes().heads, 2);
}

TEST(Whisper, OptionsThatAreNotComputedOrNotTheWeightsAreRefusedByName) {
  const TemporaryFolder folder;
  save_safetensors(folder / "model.safetensors", random_whisper());
  const auto config = folder / "config.json", front_end = folder / "preprocessor_config.json";
  const std::string good = R"({"model_type": "whisper", "encoder_attention_heads": 2)";
  for (const std::string bad : {R"("activation_function": "relu")", R"("max_source_positions": 750)",
                                R"("num_mel_bins": 128)", R"("d_model": 384)", R"("encoder_layers": 3)",
                                R"("encoder_ffn_dim": 128)", R"("encoder_ffn_dim": "192")"}) {
    write_file_atomically(config, good + ", " + bad + "}");
    const std::string key = bad.substr(1, bad.find('"', 1) - 1);
    EXPECT_THAT(refusal(folder.path()), testing::StartsWith(config.string() + ": '" + key + "'"));
  }
  for (const std::string bad :
       {R"({"model_type": "whisper"})", R"({"model_type": "whisper", "encoder_attention_heads": 3})",
        R"({"model_type": "whisper", "encoder_attention_heads": 0})"}) {
    write_file_atomically(config, bad);
    EXPECT_THAT(refusal(folder.path()), testing::AllOf(testing::StartsWith(config.string()),
                                                       testing::HasSubstr("encoder_attention_heads")));
  }
  write_file_atomically(config, R"({"model_type": "yamnet"})");
  EXPECT_THAT(refusal(folder.path()), testing::HasSubstr("model_type 'yamnet' is no Whisper"));

  write_file_atomically(config, good + "}");
  for (const std::string bad :
       {R"("sampling_rate": 8000)", R"("n_fft": 512)", R"("hop_length": 320)", R"("chunk_length": 20)",
        R"("feature_size": 128)", R"("dither": 0.1)", R"("padding_value": 1)",
        R"("feature_extractor_type": "ClapFeatureExtractor")"}) {
    write_file_atomically(front_end, "{" + bad + "}");
    const std::string key = bad.substr(1, bad.find('"', 1) - 1);
    EXPECT_THAT(refusal(folder.path()), testing::StartsWith(front_end.string() + ": '" + key + "'"));
  }
  write_file_atomically(front_end, R"({"feature_size": 80, "chunk_length": 30, "mel_filters": [[0.5]]})");
  EXPECT_EQ(refusal(folder.path()), "accepted");
}

TEST(Whisper, WithoutAConfigHeadsAreOfSixtyFour) {
  const TemporaryFolder folder;
  auto weights = random_whisper();
  weights["model.encoder.conv1.weight"] = torch::zeros({96, 80, 3});
  save_safetensors(folder / "model.safetensors", weights);
  EXPECT_THAT(refusal(folder.path()), testing::HasSubstr("the width 96 is no multiple of 64"));
}

TEST(Whisper, QuantisedWeightsAreRefused) {
  const TemporaryFolder folder;
  auto weights = random_whisper();
  auto& one = weights.at("model.encoder.layers.0.fc1.weight");
  one = one.to(torch::kInt8);
  save_safetensors(folder / "model.safetensors", weights);
  EXPECT_THAT(refusal(folder.path()),
              testing::ContainsRegex("wrong type +1 +model.encoder.layers.0.fc1.weight +.192, 128. F64, F32, F16 or BF16 +.192, 128. I8"));
}

TEST(Whisper, HalfPrecisionWeightsAreConverted) {
  const TemporaryFolder folder;
  const auto clip = noise(4000);
  for (const auto type : {torch::kFloat16, torch::kBFloat16}) {
    TensorMap half, back;
    for (const auto& [name, tensor] : random_whisper()) {
      half[name] = tensor.to(type);
      back[name] = half[name].to(torch::kFloat32);
    }
    save_safetensors(folder / "half.safetensors", half);
    save_safetensors(folder / "back.safetensors", back);
    const auto got = make_encoder({.type = "whisper", .path = folder / "half.safetensors"})->encode(clip);
    EXPECT_TRUE(torch::equal(
        got, make_encoder({.type = "whisper", .path = folder / "back.safetensors"})->encode(clip)));
  }
}

}  // namespace
}  // namespace pal
