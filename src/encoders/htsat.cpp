#include "pal/encoders/htsat.h"

#include <memory>

namespace pal {

namespace {

constexpr std::int64_t kSide = HtsatOptions::square;
constexpr std::int64_t kTokens = kSide * kSide;       // of a square
constexpr std::int64_t kDifferences = 2 * kSide - 1;  // -7 to 7
constexpr double kApart = -100.0;  // added to the score of tokens that must not see each other

torch::nn::LayerNorm layer_norm(std::int64_t width) {
  return torch::nn::LayerNorm(torch::nn::LayerNormOptions({width}).eps(HtsatOptions::norm_epsilon));
}

// [B, R, R, C] -> [S, 64, C]
torch::Tensor into_squares(const torch::Tensor& x) {
  const std::int64_t across = x.size(1) / kSide, channels = x.size(3);
  return x.view({-1, across, kSide, across, kSide, channels})
      .permute({0, 1, 3, 2, 4, 5})
      .reshape({-1, kTokens, channels});
}

// The inverse.
torch::Tensor out_of_squares(const torch::Tensor& squares, std::int64_t resolution) {
  const std::int64_t across = resolution / kSide, channels = squares.size(2);
  return squares.view({-1, across, across, kSide, kSide, channels})
      .permute({0, 1, 3, 2, 4, 5})
      .reshape({-1, resolution, resolution, channels});
}

}  // namespace

torch::Tensor htsat_relative_positions() {
  const auto place = torch::arange(kTokens);
  const auto row = torch::floor_divide(place, kSide), column = torch::remainder(place, kSide);
  const auto difference = [](const torch::Tensor& x) {
    return x.unsqueeze(1) - x.unsqueeze(0) + (kSide - 1);
  };
  return difference(row) * kDifferences + difference(column);
}

torch::Tensor htsat_shift_mask(std::int64_t resolution, const torch::TensorOptions& options) {
  // After the shift, the last square of each row and column holds tokens of both ends of the grid. Regions are
  // numbered so that tokens which belong together have the same number.
  const auto place = torch::arange(resolution, options.dtype(torch::kInt64));
  const auto region =
      (place >= resolution - kSide).to(torch::kInt64) + (place >= resolution - kSide / 2).to(torch::kInt64);
  const auto number = (region.unsqueeze(1) * 3 + region).view({1, resolution, resolution, 1});
  const auto squares = into_squares(number).squeeze(2);  // [(R / 8)^2, 64]
  return (squares.unsqueeze(1) != squares.unsqueeze(2)).to(options) * kApart;
}

HtsatSelfAttentionImpl::HtsatSelfAttentionImpl(std::int64_t channels, std::int64_t heads) : heads(heads) {
  relative_position_bias_table =
      register_parameter("relative_position_bias_table", torch::empty({kDifferences * kDifferences, heads}));
  relative_position_index =
      register_buffer("relative_position_index", torch::empty({kTokens, kTokens}, torch::kInt64));
  query = register_module("query", Linear(channels, channels, true));
  key = register_module("key", Linear(channels, channels, true));
  value = register_module("value", Linear(channels, channels, true));
}

torch::Tensor HtsatSelfAttentionImpl::forward(const torch::Tensor& x, const torch::Tensor& mask) {
  const auto split = [&](const torch::Tensor& y) {  // [S, 64, C] -> [S, H, 64, C / H]
    return y.unflatten(2, {heads, -1}).transpose(1, 2);
  };
  auto bias = relative_position_bias_table.index_select(0, relative_position_index.flatten())
                  .view({1, kTokens, kTokens, heads})
                  .permute({0, 3, 1, 2});
  if (mask.defined()) bias = (bias + mask.unsqueeze(1)).repeat({x.size(0) / mask.size(0), 1, 1, 1});
  const auto mixed =
      torch::scaled_dot_product_attention(split(query(x)), split(key(x)), split(value(x)), bias);
  return mixed.transpose(1, 2).flatten(2);
}

HtsatDenseImpl::HtsatDenseImpl(std::int64_t in, std::int64_t out) {
  dense = register_module("dense", Linear(in, out, true));
}

torch::Tensor HtsatDenseImpl::forward(const torch::Tensor& x) { return dense(x); }

HtsatBlockImpl::HtsatBlockImpl(std::int64_t channels, std::int64_t heads, std::int64_t ffn,
                               std::int64_t shift)
    : shift(shift) {
  layernorm_before = register_module("layernorm_before", layer_norm(channels));
  const auto attention = register_module("attention", std::make_shared<torch::nn::Module>());
  self = attention->register_module("self", HtsatSelfAttention(channels, heads));
  attention_output = attention->register_module("output", HtsatDense(channels, channels));
  layernorm_after = register_module("layernorm_after", layer_norm(channels));
  intermediate = register_module("intermediate", HtsatDense(channels, ffn));
  output = register_module("output", HtsatDense(ffn, channels));
}

torch::Tensor HtsatBlockImpl::forward(torch::Tensor x, const torch::Tensor& mask) {
  auto inner = layernorm_before(x);
  if (shift > 0) inner = torch::roll(inner, {-shift, -shift}, {1, 2});
  const auto squares = self(into_squares(inner), shift > 0 ? mask : torch::Tensor());
  inner = out_of_squares(attention_output(squares), x.size(1));
  if (shift > 0) inner = torch::roll(inner, {shift, shift}, {1, 2});
  x = x + inner;
  return x + output(torch::gelu(intermediate(layernorm_after(x))));
}

HtsatStageImpl::HtsatStageImpl(const HtsatOptions& options, std::int64_t stage) {
  const std::int64_t channels = options.channels(stage);
  const bool one_square = HtsatOptions::grid >> stage == kSide;  // there is nothing to shift
  for (std::int64_t i = 0; i < options.depths[std::size_t(stage)]; ++i) {
    blocks->push_back(HtsatBlock(channels, options.heads[std::size_t(stage)], channels * options.ffn_factor,
                                 one_square || i % 2 == 0 ? 0 : kSide / 2));
  }
  register_module("blocks", blocks);
  if (stage == HtsatOptions::stages - 1) return;
  const auto downsample = register_module("downsample", std::make_shared<torch::nn::Module>());
  merge_norm = downsample->register_module("norm", layer_norm(4 * channels));
  reduction = downsample->register_module("reduction", Linear(4 * channels, 2 * channels, false));
}

torch::Tensor HtsatStageImpl::forward(torch::Tensor x) {
  const auto mask = htsat_shift_mask(x.size(1), x.options());
  for (const auto& block : *blocks) x = block->as<HtsatBlockImpl>()->forward(x, mask);
  if (reduction.is_empty()) return x;
  const auto part = [&](std::int64_t row, std::int64_t column) {  // every second row and column from there on
    return x.slice(1, row, std::nullopt, 2).slice(2, column, std::nullopt, 2);
  };
  return reduction(merge_norm(torch::cat({part(0, 0), part(1, 0), part(0, 1), part(1, 1)}, 3)));
}

}  // namespace pal
