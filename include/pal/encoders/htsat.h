// HTSAT, CLAP's network: a Swin transformer on a spectrogram folded into a square.
//
//   B windows of 10 s, R rows and columns of the grid (64, 32, 16, 8 by stage), C channels (width * 1, 2, 4, 8),
//   S = B * (R / 8)^2 squares of 8 x 8 tokens, H heads.
//
// Source of all numbers: transformers' modeling_clap.py. Parameter names are Hugging Face's.
#pragma once

#include <torch/torch.h>

#include <array>
#include <cstdint>

#include "pal/nn/linear.h"

namespace pal {

// The shape of a network.
struct HtsatOptions {
  static constexpr std::int64_t stages = 4;  // the grid is halved between them
  static constexpr std::int64_t grid = 64;   // R of the first
  static constexpr std::int64_t square = 8;  // tokens attend within squares of 8 x 8
  static constexpr std::int64_t patch = 4;   // rows and columns of the spectrogram that become a token
  static constexpr double norm_epsilon = 1e-5;      // of all normalisations
  std::int64_t width = 96;                          // C of the first stage; 128 in the larger models
  std::array<std::int64_t, 4> depths{2, 2, 6, 2};   // blocks
  std::array<std::int64_t, 4> heads{4, 8, 16, 32};  // of the attention
  std::int64_t ffn_factor = 4;                      // the feed-forward's hidden width, in C

  std::int64_t channels(std::int64_t stage) const { return width << stage; }  // C
};

// Queries, keys and values of the attention within squares, with a learned bias for each relative place.
struct HtsatSelfAttentionImpl : torch::nn::Module {
  HtsatSelfAttentionImpl(std::int64_t channels, std::int64_t heads);  // not initialised
  // x: [S, 64, C]; mask: [S / B, 64, 64] to add to the scores, or undefined -> [S, 64, C]
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& mask);

  torch::Tensor relative_position_bias_table;  // [225, H], a row for each pair of differences from -7 to 7
  torch::Tensor relative_position_index;       // [64, 64] int64, a buffer: the row for each pair of tokens
  Linear query{nullptr}, key{nullptr}, value{nullptr};  // [C, C]
  std::int64_t heads;                                   // H
};
TORCH_MODULE(HtsatSelfAttention);

// What relative_position_index must hold, [64, 64] int64.
torch::Tensor htsat_relative_positions();

// A linear layer under the name "dense".
struct HtsatDenseImpl : torch::nn::Module {
  HtsatDenseImpl(std::int64_t in, std::int64_t out);  // not initialised
  torch::Tensor forward(const torch::Tensor& x);      // [..., in] -> [..., out]
  Linear dense{nullptr};                              // [out, in]
};
TORCH_MODULE(HtsatDense);

// Pre-norm attention within squares and feed-forward (GELU); in every second block the squares are shifted by 4.
struct HtsatBlockImpl : torch::nn::Module {
  // Not initialised.
  HtsatBlockImpl(std::int64_t channels, std::int64_t heads, std::int64_t ffn, std::int64_t shift);
  // x: [B, R, R, C]; mask: htsat_shift_mask(), which a block without a shift does not use.
  torch::Tensor forward(torch::Tensor x, const torch::Tensor& mask);

  torch::nn::LayerNorm layernorm_before{nullptr};     // before the attention
  torch::nn::LayerNorm layernorm_after{nullptr};      // before the feed-forward
  HtsatSelfAttention self{nullptr};                   // under "attention.self"
  HtsatDense attention_output{nullptr};               // under "attention.output"
  HtsatDense intermediate{nullptr}, output{nullptr};  // C -> ffn -> C
  std::int64_t shift;                                 // rows and columns; 0: none
};
TORCH_MODULE(HtsatBlock);

// For each square of a grid shifted by 4, -100 between tokens that are not neighbours in the grid itself:
// [(R / 8)^2, 64, 64] on the device and of the type of `options`.
torch::Tensor htsat_shift_mask(std::int64_t resolution, const torch::TensorOptions& options);

// Blocks, then, but in the last stage, the merging of 2 x 2 tokens into one of twice the channels.
struct HtsatStageImpl : torch::nn::Module {
  HtsatStageImpl(const HtsatOptions& options, std::int64_t stage);  // not initialised
  // [B, R, R, C] -> [B, R / 2, R / 2, 2 C], the last: [B, R, R, C]
  torch::Tensor forward(torch::Tensor x);

  torch::nn::ModuleList blocks;              // HtsatBlock
  torch::nn::LayerNorm merge_norm{nullptr};  // over 4 C; under "downsample.norm"
  Linear reduction{nullptr};                 // 4 C -> 2 C; under "downsample.reduction"
};
TORCH_MODULE(HtsatStage);

}  // namespace pal
