#include "pal/encoders/whisper.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "pal/audio/whisper_mel.h"
#include "pal/core/check.h"
#include "pal/encoders/load_weights.h"
#include "weight_shapes.h"

namespace pal {

namespace {

constexpr std::int64_t kSamplesPerToken = WhisperMel::window_samples / WhisperOptions::positions;  // 320
constexpr std::int64_t kWindowsAtOnce = 4;  // bounds memory
constexpr double kNormEpsilon = 1e-5;

torch::nn::LayerNorm layer_norm(std::int64_t width) {
  return torch::nn::LayerNorm(torch::nn::LayerNormOptions({width}).eps(kNormEpsilon));
}

std::int64_t heard_of(std::int64_t samples, LongAudio policy) {
  return heard_samples("whisper", policy, samples, WhisperMel::window_samples, WhisperMel::sample_rate);
}

}  // namespace

WhisperAttentionImpl::WhisperAttentionImpl(const WhisperOptions& options) : heads(options.heads) {
  const auto projection = [&](const char* name, bool with_bias) {
    return register_module(name, Linear(options.width, options.width, with_bias));
  };
  q_proj = projection("q_proj", true);
  k_proj = projection("k_proj", false);
  v_proj = projection("v_proj", true);
  out_proj = projection("out_proj", true);
}

torch::Tensor WhisperAttentionImpl::forward(const torch::Tensor& x) {
  const auto split = [&](const torch::Tensor& y) {  // [W, T, width] -> [W, heads, T, width / heads]
    return y.unflatten(2, {heads, -1}).transpose(1, 2);
  };
  const auto mixed =
      torch::scaled_dot_product_attention(split(q_proj(x)), split(k_proj(x)), split(v_proj(x)));
  return out_proj(mixed.transpose(1, 2).flatten(2));
}

WhisperLayerImpl::WhisperLayerImpl(const WhisperOptions& options) {
  self_attn = register_module("self_attn", WhisperAttention(options));
  self_attn_layer_norm = register_module("self_attn_layer_norm", layer_norm(options.width));
  fc1 = register_module("fc1", Linear(options.width, options.ffn, true));
  fc2 = register_module("fc2", Linear(options.ffn, options.width, true));
  final_layer_norm = register_module("final_layer_norm", layer_norm(options.width));
}

torch::Tensor WhisperLayerImpl::forward(torch::Tensor x) {
  x = x + self_attn(self_attn_layer_norm(x));
  return x + fc2(torch::gelu(fc1(final_layer_norm(x))));
}

WhisperEncoder::WhisperEncoder(const EncoderOptions& options)
    : policy_(parse_long_audio(options.long_audio)), trim_(options.trim) {
  const auto source = open_tensors(options.path);
  const std::string prefix =
      find_prefix(*source, {"model.encoder.", "encoder.", ""}, "conv1.weight", "Whisper encoder");
  sizes_ = whisper_options(options.path, *source, prefix);
  using torch::nn::Conv1dOptions;
  conv1_ =
      register_module("conv1", torch::nn::Conv1d(Conv1dOptions(sizes_.mels, sizes_.width, 3).padding(1)));
  conv2_ = register_module(
      "conv2", torch::nn::Conv1d(Conv1dOptions(sizes_.width, sizes_.width, 3).stride(2).padding(1)));
  auto embedding = register_module("embed_positions", std::make_shared<torch::nn::Module>());
  positions_ =
      embedding->register_parameter("weight", torch::empty({WhisperOptions::positions, sizes_.width}));
  for (std::int64_t i = 0; i < sizes_.layers; ++i) layers_->push_back(WhisperLayer(sizes_));
  register_module("layers", layers_);
  layer_norm_ = register_module("layer_norm", layer_norm(sizes_.width));
  constexpr const char* kWriter = "the part that writes text";
  load_report_ = load_weights(*this, *source, prefix,
                              {{"model.decoder.*", kWriter}, {"decoder.*", kWriter}, {"proj_out.*", kWriter}});
  for (auto& parameter : parameters()) parameter.set_requires_grad(false);
}

int WhisperEncoder::sample_rate() const { return WhisperMel::sample_rate; }

std::int64_t WhisperEncoder::token_count(std::int64_t samples) const {
  const std::int64_t heard = heard_of(samples, policy_);
  const std::int64_t unit = trim_ ? kSamplesPerToken : WhisperMel::window_samples;
  const std::int64_t per_unit = trim_ ? 1 : WhisperOptions::positions;
  return std::max<std::int64_t>((heard + unit - 1) / unit, 1) * per_unit;
}

TokenSpan WhisperEncoder::token_span(std::int64_t index) const {
  constexpr double kSeconds = double(kSamplesPerToken) / WhisperMel::sample_rate;
  return {double(index) * kSeconds, double(index + 1) * kSeconds};
}

torch::Tensor WhisperEncoder::features(const torch::Tensor& samples) const {
  std::vector<torch::Tensor> windows;
  for (const auto& window :
       samples.slice(0, 0, heard_of(samples.size(0), policy_)).split(WhisperMel::window_samples)) {
    windows.push_back(whisper_mel(window, sizes_.mels));
  }
  return torch::stack(windows);
}

torch::Tensor WhisperEncoder::forward(const torch::Tensor& mel) {
  auto x = torch::gelu(conv2_(torch::gelu(conv1_(mel)))).transpose(1, 2) + positions_;
  for (const auto& layer : *layers_) x = layer->as<WhisperLayerImpl>()->forward(x);
  return layer_norm_(x);
}

void WhisperEncoder::note_length(std::int64_t samples) {
  long_clips_.count_if_longer("whisper", policy_, samples, WhisperMel::window_samples, WhisperMel::sample_rate);
}

torch::Tensor WhisperEncoder::tokens_from(const torch::Tensor& features) {
  const auto windows = features.dim() == 2 ? features.unsqueeze(0) : features;
  PAL_CHECK(
      windows.dim() == 3 && windows.size(1) == sizes_.mels && windows.size(2) == WhisperMel::window_frames,
      "whisper: features [windows, {}, {}] were expected, got [{}]", sizes_.mels, WhisperMel::window_frames,
      fmt::join(features.sizes(), ", "));
  std::vector<torch::Tensor> tokens;
  for (const auto& mel : windows.to(positions_.options()).split(kWindowsAtOnce)) {
    tokens.push_back(forward(mel).flatten(0, 1));
  }
  return torch::cat(tokens);
}

}  // namespace pal
