#include "pal/encoders/yamnet.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <vector>

#include "pal/audio/yamnet_mel.h"
#include "pal/core/check.h"
#include "pal/encoders/load_weights.h"

namespace pal {

namespace {

constexpr double kNormEpsilon = 1e-4;
constexpr std::int64_t kTimes = 3, kBands = 2;  // of a patch's map
constexpr std::int64_t kTokensPerPatch = kTimes * kBands;
constexpr std::int64_t kPatchesAtOnce = 256;  // bounds memory: 2 minutes of audio take some 0.2 GB

struct Block {
  std::int64_t width, stride;
};
constexpr std::array<Block, 13> kBlocks = {{{64, 1},
                                            {128, 2},
                                            {128, 1},
                                            {256, 2},
                                            {256, 1},
                                            {512, 2},
                                            {512, 1},
                                            {512, 1},
                                            {512, 1},
                                            {512, 1},
                                            {512, 1},
                                            {1024, 2},
                                            {1024, 1}}};

// A depthwise 3 x 3 and a pointwise 1 x 1 convolution.
struct SeparableBlock : torch::nn::Module {
  SeparableBlock(std::int64_t in, std::int64_t out, std::int64_t stride) {
    depthwise = register_module("depthwise", ConvNorm(in, in, 3, stride, in));
    pointwise = register_module("pointwise", ConvNorm(in, out, 1, 1));
  }
  torch::Tensor forward(const torch::Tensor& x) { return pointwise(depthwise(x)); }
  ConvNorm depthwise{nullptr}, pointwise{nullptr};
};

// TensorFlow's SAME padding: as little as gives ceil(size / stride) outputs, the odd one at the end.
std::int64_t same_padding(std::int64_t size, std::int64_t kernel, std::int64_t stride) {
  const std::int64_t outputs = (size + stride - 1) / stride;
  return std::max<std::int64_t>((outputs - 1) * stride + kernel - size, 0);
}

}  // namespace

ConvNormImpl::ConvNormImpl(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                           std::int64_t groups)
    : stride(stride), groups(groups) {
  weight = register_parameter("weight", torch::empty({out, in / groups, kernel, kernel}));
  bias = register_parameter("bias", torch::empty({out}));
  mean = register_buffer("mean", torch::empty({out}));
  variance = register_buffer("variance", torch::empty({out}));
}

torch::Tensor ConvNormImpl::forward(const torch::Tensor& x) {
  // The normalisation is folded into the convolution: one pass over the activations instead of two. It is
  // folded at each call, so that the weights may be trained; that costs less than a hundredth of the
  // convolution.
  const auto scale = torch::rsqrt(variance + kNormEpsilon);
  const auto folded_weight = weight * scale.view({-1, 1, 1, 1});
  const auto folded_bias = bias - mean * scale;
  const std::int64_t rows = same_padding(x.size(2), weight.size(2), stride);
  const std::int64_t columns = same_padding(x.size(3), weight.size(3), stride);
  const std::array<std::int64_t, 2> strides = {stride, stride}, half = {rows / 2, columns / 2}, none = {0, 0},
                                    one = {1, 1};
  const bool even = rows % 2 == 0 && columns % 2 == 0;
  const auto padded =
      even ? x : torch::constant_pad_nd(x, {columns / 2, columns - columns / 2, rows / 2, rows - rows / 2});
  return torch::conv2d(padded, folded_weight, folded_bias, strides, even ? half : none, one, groups).relu_();
}

Yamnet::Yamnet(const EncoderOptions& options) {
  std::int64_t channels = 32;
  stem_ = register_module("stem", ConvNorm(1, channels, 3, 2));
  for (const Block& block : kBlocks) {
    blocks_->push_back(std::make_shared<SeparableBlock>(channels, block.width, block.stride));
    channels = block.width;
  }
  register_module("blocks", blocks_);
  load_report_ = load_weights(*this, *open_tensors(options.path), "", {{"classifier.*", "AudioSet's classes"}});
  for (auto& parameter : parameters()) parameter.set_requires_grad(false);
}

int Yamnet::sample_rate() const { return YamnetMel::sample_rate; }

std::int64_t Yamnet::token_count(std::int64_t samples) const {
  return yamnet_patch_count(samples) * kTokensPerPatch;
}

TokenSpan Yamnet::token_span(std::int64_t index) const {
  constexpr double kFrameSeconds = double(YamnetMel::hop) / YamnetMel::sample_rate;
  constexpr double kStep = kFrameSeconds * double(YamnetMel::patch_frames) / double(kTimes);
  const double begin = kFrameSeconds * double(YamnetMel::patch_hop * (index / kTokensPerPatch)) +
                       kStep * double(index % kTokensPerPatch / kBands);
  return {begin, begin + kStep};
}

torch::Tensor Yamnet::features(const torch::Tensor& samples) const { return yamnet_mel(samples); }

torch::Tensor Yamnet::map(const torch::Tensor& patches) {
  auto x = stem_(patches);
  for (const auto& block : *blocks_) x = block->as<SeparableBlock>()->forward(x);
  return x;
}

torch::Tensor Yamnet::tokens_from(const torch::Tensor& features) {
  PAL_CHECK(features.dim() == 2 && features.size(1) == YamnetMel::mels &&
                features.size(0) >= YamnetMel::patch_frames &&
                (features.size(0) - YamnetMel::patch_frames) % YamnetMel::patch_hop == 0,
            "yamnet: features [{} + {} n, {}] were expected, got [{}]", YamnetMel::patch_frames,
            YamnetMel::patch_hop, YamnetMel::mels, fmt::join(features.sizes(), ", "));
  const auto mel = features.to(stem_->weight.options());
  const auto patches =
      mel.unfold(0, YamnetMel::patch_frames, YamnetMel::patch_hop).transpose(1, 2).unsqueeze(1);
  std::vector<torch::Tensor> tokens;
  for (const auto& some : patches.split(kPatchesAtOnce)) {
    tokens.push_back(map(some.contiguous()).permute({0, 2, 3, 1}).reshape({-1, width()}));  // [P, 3, 2, 1024]
  }
  return torch::cat(tokens);
}

}  // namespace pal
