#include "pal/encoders/clap.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "clap_weights.h"
#include "pal/core/check.h"
#include "pal/core/config_json.h"
#include "pal/core/tensor_source.h"
#include "pal/encoders/load_weights.h"
#include "weight_shapes.h"

namespace pal {

namespace {

constexpr std::int64_t kTimes = 32, kBands = 2;  // cells of a window
constexpr std::int64_t kTokens = kTimes * kBands;
constexpr std::int64_t kSide =
    HtsatOptions::grid * HtsatOptions::patch;           // 256 rows and columns of the folded spectrogram
constexpr std::int64_t kFolds = kSide / ClapMel::mels;  // quarters of the window, one below the other
constexpr std::int64_t kWindowsAtOnce = 4;              // bounds memory

torch::nn::LayerNorm layer_norm(std::int64_t width) {
  return torch::nn::LayerNorm(torch::nn::LayerNormOptions({width}).eps(HtsatOptions::norm_epsilon));
}

// What config.json says must be what is computed, and what the weights are.
void check_config(const ConfigJson& file, const HtsatOptions& sizes) {
  const auto type = file.get<std::string>("model_type");
  PAL_CHECK(type == "clap" || type == "clap_audio_model",
            "{}: model_type '{}' is no CLAP; clap and clap_audio_model are", file.where(), type);
  if (type == "clap" && !file.has("audio_config")) return;  // Hugging Face's defaults
  const ConfigJson config = type == "clap" ? file.object("audio_config") : file;
  PAL_CHECK(!config.get("enable_fusion", false),
            "{}: enable_fusion: a CLAP with fusion hears random crops of a long clip and is not supported; "
            "only CLAP "
            "without fusion is",
            config.where());
  config.refuse_unless<std::string>("hidden_act", "gelu");
  config.refuse_unless("num_mel_bins", ClapMel::mels);
  config.refuse_unless("spec_size", kSide);
  config.refuse_unless_any("patch_size", {HtsatOptions::patch, {HtsatOptions::patch, HtsatOptions::patch}});
  config.refuse_unless_any("patch_stride", {HtsatOptions::patch, {HtsatOptions::patch, HtsatOptions::patch}});
  config.refuse_unless("patch_embed_input_channels", std::int64_t{1});
  config.refuse_unless("flatten_patch_embeds", true);
  config.refuse_unless("enable_patch_layer_norm", true);
  config.refuse_unless("window_size", HtsatOptions::square);
  config.refuse_unless("qkv_bias", true);
  config.refuse_unless("layer_norm_eps", HtsatOptions::norm_epsilon);
  config.check_agrees("patch_embeds_hidden_size", sizes.width);
  config.check_agrees("depths", std::vector<std::int64_t>(sizes.depths.begin(), sizes.depths.end()));
  config.check_agrees("num_attention_heads",
                      std::vector<std::int64_t>(sizes.heads.begin(), sizes.heads.end()));
  config.check_agrees("mlp_ratio", double(sizes.ffn_factor));
}

// The file's own table must be the definition: others would be computed otherwise, and could index out of bounds.
void check_relative_positions(const torch::nn::Module& module, const TensorSource& source,
                              const std::string& prefix) {
  for (const auto& buffer : module.named_buffers()) {
    PAL_CHECK(!buffer.key().ends_with("relative_position_index") ||
                  torch::equal(buffer.value(), htsat_relative_positions()),
              "{}: {}{} is not that of squares of 8 x 8 tokens", source.describe(), prefix, buffer.key());
  }
}

}  // namespace

ClapEncoder::ClapEncoder(const EncoderOptions& options) : policy_(parse_long_audio(options.long_audio)) {
  const auto source = open_clap_weights(options.path);
  const std::string prefix = find_prefix(*source, {"audio_model.audio_encoder.", "audio_encoder.", ""},
                                         "patch_embed.proj.weight", "CLAP audio encoder");
  sizes_ = htsat_options(*source, prefix);
  if (const auto config = ConfigJson::beside(options.path, "config.json")) check_config(*config, sizes_);
  front_end_ = read_clap_mel_options(options.path);
  PAL_CHECK(front_end_.scale == MelScale::kSlaney,
            "{}: its preprocessor_config.json has truncation fusion (Hugging Face's default), whose features "
            "a CLAP without "
            "fusion does not take; rand_trunc was expected",
            options.path.string());

  batch_norm_ = register_module(
      "batch_norm",
      torch::nn::BatchNorm2d(torch::nn::BatchNorm2dOptions(ClapMel::mels).eps(HtsatOptions::norm_epsilon)));
  const auto embedding = register_module("patch_embed", std::make_shared<torch::nn::Module>());
  patches_ = embedding->register_module(
      "proj",
      torch::nn::Conv2d(
          torch::nn::Conv2dOptions(1, sizes_.width, HtsatOptions::patch).stride(HtsatOptions::patch)));
  patch_norm_ = embedding->register_module("norm", layer_norm(sizes_.width));
  for (std::int64_t stage = 0; stage < HtsatOptions::stages; ++stage)
    stages_->push_back(HtsatStage(sizes_, stage));
  register_module("layers", stages_);
  norm_ = register_module("norm", layer_norm(width()));
  load_report_ = load_weights(*this, *source, prefix,
                              {{"text_model.*", "the text encoder"},
                               {"text_projection.*", "the text encoder"},
                               {"audio_projection.*", "into the space shared with texts"},
                               {"logit_scale_*", "for contrastive training"}});
  check_relative_positions(*this, *source, prefix);
  for (auto& parameter : parameters()) parameter.set_requires_grad(false);
}

std::int64_t ClapEncoder::token_count(std::int64_t samples) const {
  const std::int64_t heard =
      heard_samples("clap", policy_, samples, ClapMel::window_samples, ClapMel::sample_rate);
  return std::max<std::int64_t>((heard + ClapMel::window_samples - 1) / ClapMel::window_samples, 1) * kTokens;
}

double ClapEncoder::filled_seconds(std::int64_t samples) const {
  return double(token_count(samples) / kTokens * ClapMel::window_frames) / 100.0;
}

TokenSpan ClapEncoder::token_span(std::int64_t index) const {
  constexpr double kWindow = double(ClapMel::window_samples) / ClapMel::sample_rate,
                   kCell = kWindow / double(kTimes);
  const double begin = kWindow * double(index / kTokens) + kCell * double(index % kTimes);
  return {begin, begin + kCell};
}

torch::Tensor ClapEncoder::features(const torch::Tensor& samples) const {
  const std::int64_t heard =
      heard_samples("clap", policy_, samples.size(0), ClapMel::window_samples, ClapMel::sample_rate);
  std::vector<torch::Tensor> windows;
  for (const auto& window : samples.slice(0, 0, heard).split(ClapMel::window_samples)) {
    windows.push_back(clap_mel(window, front_end_));
  }
  return torch::stack(windows);
}

torch::Tensor ClapEncoder::forward(const torch::Tensor& mel) {
  const std::int64_t windows = mel.size(0);
  auto x = torch::batch_norm(mel.transpose(1, 2), batch_norm_->weight, batch_norm_->bias,
                             batch_norm_->running_mean, batch_norm_->running_var, /*training=*/false,
                             /*momentum=*/0.0, HtsatOptions::norm_epsilon,
                             /*cudnn_enabled=*/false);  // [W, 64, 1001]
  // Stretched to 1024 frames, and cut into quarters of 256 that stand one below the other.
  x = torch::upsample_bicubic2d(x.transpose(1, 2).unsqueeze(1), {kFolds * kSide, ClapMel::mels},
                                /*align_corners=*/true);
  x = x.reshape({windows, kFolds, kSide, ClapMel::mels}).transpose(2, 3).reshape({windows, 1, kSide, kSide});
  x = patch_norm_(
      patches_(x).permute({0, 2, 3, 1}));  // [W, 64, 64, C]: rows are quarters and then frequencies
  for (const auto& stage : *stages_) x = stage->as<HtsatStageImpl>()->forward(x);
  x = norm_(x);  // [W, 8, 8, width]
  return x.view({windows, kFolds, kBands, kTimes / kFolds, width()})
      .transpose(1, 2)
      .reshape({windows, kTokens, width()});
}

void ClapEncoder::note_length(std::int64_t samples) {
  long_clips_.count_if_longer("clap", policy_, samples, ClapMel::window_samples, ClapMel::sample_rate);
}

torch::Tensor ClapEncoder::tokens_from(const torch::Tensor& features) {
  const auto windows = features.dim() == 2 ? features.unsqueeze(0) : features;
  PAL_CHECK(windows.dim() == 3 && windows.size(1) == ClapMel::window_frames && windows.size(2) == ClapMel::mels,
            "clap: features [windows, {}, {}] were expected, got [{}]", ClapMel::window_frames, ClapMel::mels,
            fmt::join(features.sizes(), ", "));
  std::vector<torch::Tensor> tokens;
  for (const auto& mel : windows.to(norm_->weight.options()).split(kWindowsAtOnce)) {
    tokens.push_back(forward(mel).flatten(0, 1));
  }
  return torch::cat(tokens);
}

}  // namespace pal
