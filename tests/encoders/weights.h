// Weights for the encoders' tests: the real ones where set-up has made them, and small random ones that need
// nothing.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <filesystem>
#include <string>

#include "pal/core/tensor_source.h"
#include "pal/encoders/encoder.h"
#include "pal/encoders/htsat.h"
#include "support/source_dir.h"

#define PAL_NEEDS_ASSET(path)                                                            \
  if (!std::filesystem::exists(path)) {                                                  \
    GTEST_SKIP() << "SKIPPED: " << (path) << " is not there; ./tools/setup.sh makes it"; \
  }

namespace pal {

inline const std::string kYamnetWeights = source_dir() + "/assets/yamnet.safetensors";
inline const std::string kWhisperWeights = source_dir() + "/assets/whisper-tiny-en.safetensors";

inline torch::Tensor draw(c10::IntArrayRef shape, double scale, uint64_t seed) {
  return torch::randn(shape, at::detail::createCPUGenerator(seed), torch::kFloat32) * scale;
}

inline torch::Tensor noise(std::int64_t samples, uint64_t seed = 1) { return draw({samples}, 0.1, seed); }

// YAMNet of its real shape.
inline TensorMap random_yamnet() {
  TensorMap weights;
  uint64_t seed = 10;
  const auto layer = [&](const std::string& name, std::int64_t out, std::int64_t in_per_group,
                         std::int64_t kernel) {
    const double scale =
        1.4 / std::sqrt(double(in_per_group * kernel * kernel));  // keeps the activations' size
    weights[name + ".weight"] = draw({out, in_per_group, kernel, kernel}, scale, ++seed);
    weights[name + ".bias"] = draw({out}, 0.1, ++seed);
    weights[name + ".mean"] = draw({out}, 0.1, ++seed);
    weights[name + ".variance"] = draw({out}, 0.1, ++seed).square() + 0.5;
  };
  layer("stem", 32, 1, 3);
  std::int64_t channels = 32, block = 0;
  for (const std::int64_t width : {64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024}) {
    layer(fmt::format("blocks.{}.depthwise", block), channels, 1, 3);
    layer(fmt::format("blocks.{}.pointwise", block++), width, channels, 1);
    channels = width;
  }
  weights["classifier.weight"] = draw({521, 1024}, 0.03, ++seed);
  weights["classifier.bias"] = draw({521}, 0.03, ++seed);
  return weights;
}

// A Whisper encoder of 2 layers, 2 heads of 64, with 80 mels, under Hugging Face's names.
inline TensorMap random_whisper() {
  TensorMap weights;
  uint64_t seed = 1000;
  const auto put = [&](const std::string& name, c10::IntArrayRef shape, double scale, double offset = 0) {
    weights["model.encoder." + name] = draw(shape, scale, ++seed) + offset;
  };
  const auto norm = [&](const std::string& name) {
    put(name + ".weight", {128}, 0.1, 1.0);
    put(name + ".bias", {128}, 0.1);
  };
  put("conv1.weight", {128, 80, 3}, 0.1);
  put("conv1.bias", {128}, 0.1);
  put("conv2.weight", {128, 128, 3}, 0.1);
  put("conv2.bias", {128}, 0.1);
  put("embed_positions.weight", {1500, 128}, 0.5);
  for (int i = 0; i < 2; ++i) {
    const std::string layer = fmt::format("layers.{}.", i);
    norm(layer + "self_attn_layer_norm");
    for (const char* name : {"q_proj", "k_proj", "v_proj", "out_proj"}) {
      put(layer + "self_attn." + name + ".weight", {128, 128}, 0.15);
      if (std::string(name) != "k_proj") put(layer + "self_attn." + name + ".bias", {128}, 0.1);
    }
    norm(layer + "final_layer_norm");
    put(layer + "fc1.weight", {192, 128}, 0.1);
    put(layer + "fc1.bias", {192}, 0.1);
    put(layer + "fc2.weight", {128, 192}, 0.1);
    put(layer + "fc2.bias", {128}, 0.1);
  }
  norm("layer_norm");
  return weights;
}

// CLAP of width 16 with blocks of 1, 2, 1, 1 and heads of 8, under Hugging Face's names.
inline TensorMap random_clap() {
  const std::string root = "audio_model.audio_encoder.";
  TensorMap weights;
  uint64_t seed = 2000;
  const auto put = [&](const std::string& name, c10::IntArrayRef shape, double scale, double offset = 0) {
    weights[root + name] = draw(shape, scale, ++seed) + offset;
  };
  const auto norm = [&](const std::string& name, std::int64_t width) {
    put(name + ".weight", {width}, 0.1, 1.0);
    put(name + ".bias", {width}, 0.1);
  };
  const auto linear = [&](const std::string& name, std::int64_t out, std::int64_t in) {
    put(name + ".weight", {out, in}, 1.0 / std::sqrt(double(in)));
    put(name + ".bias", {out}, 0.1);
  };
  norm("batch_norm", 64);
  put("batch_norm.running_mean", {64}, 5, -40);
  put("batch_norm.running_var", {64}, 20, 100);
  weights[root + "batch_norm.num_batches_tracked"] = torch::tensor(7);
  put("patch_embed.proj.weight", {16, 1, 4, 4}, 0.25);
  put("patch_embed.proj.bias", {16}, 0.1);
  norm("patch_embed.norm", 16);
  std::int64_t channels = 16;
  for (int stage = 0; stage < 4; ++stage) {
    for (int i = 0; i < (stage == 1 ? 2 : 1); ++i) {
      const std::string block = fmt::format("layers.{}.blocks.{}.", stage, i);
      norm(block + "layernorm_before", channels);
      put(block + "attention.self.relative_position_bias_table", {225, channels / 8}, 1.0);
      weights[root + block + "attention.self.relative_position_index"] = htsat_relative_positions();
      for (const char* name : {"self.query", "self.key", "self.value", "output.dense"})
        linear(block + "attention." + name, channels, channels);
      norm(block + "layernorm_after", channels);
      linear(block + "intermediate.dense", 2 * channels, channels);
      linear(block + "output.dense", channels, 2 * channels);
    }
    if (stage == 3) break;
    norm(fmt::format("layers.{}.downsample.norm", stage), 4 * channels);
    put(fmt::format("layers.{}.downsample.reduction.weight", stage), {2 * channels, 4 * channels}, 0.1);
    channels *= 2;
  }
  norm("norm", channels);
  return weights;
}

// EAT of 2 blocks, 128 wide, under Hugging Face's names; the table of positions is left out.
inline TensorMap random_eat() {
  TensorMap weights;
  uint64_t seed = 2000;
  const auto put = [&](const std::string& name, c10::IntArrayRef shape, double scale, double offset = 0) {
    weights["model." + name] = draw(shape, scale, ++seed) + offset;
  };
  const auto layer = [&](const std::string& name, c10::IntArrayRef shape, double scale, double offset = 0) {
    put(name + ".weight", shape, scale, offset);
    put(name + ".bias", {shape[0]}, 0.1);
  };
  put("extra_tokens", {1, 1, 128}, 0.5);
  layer("local_encoder.proj", {128, 1, 16, 16}, 0.1);
  layer("pre_norm", {128}, 0.1, 1.0);
  for (int i = 0; i < 2; ++i) {
    const std::string block = fmt::format("blocks.{}.", i);
    layer(block + "attn.qkv", {384, 128}, 0.15);
    layer(block + "attn.proj", {128, 128}, 0.15);
    layer(block + "norm1", {128}, 0.1, 1.0);
    layer(block + "mlp.fc1", {192, 128}, 0.1);
    layer(block + "mlp.fc2", {128, 192}, 0.1);
    layer(block + "norm2", {128}, 0.1, 1.0);
  }
  return weights;
}

}  // namespace pal
