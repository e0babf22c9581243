#include "pal/encoders/eat.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "eat_weights.h"
#include "pal/audio/kaldi_fbank.h"
#include "pal/core/check.h"
#include "pal/core/logging.h"
#include "pal/encoders/load_weights.h"

namespace pal {

namespace {

constexpr double kNormEpsilon = 1e-6;
constexpr std::int64_t kWindowsAtOnce = 8;   // bounds memory
constexpr std::int64_t kPositionRows = 768;  // of the table of positions
constexpr std::int64_t kPublishedHeadWidth = 64;
constexpr double kFrameSeconds = double(KaldiFbank::hop) / KaldiFbank::sample_rate;
constexpr const char* kPrefix = "model.";
constexpr const char* kPositions = "model.fixed_positional_encoder.positions";

torch::nn::LayerNorm layer_norm(std::int64_t width) {
  return torch::nn::LayerNorm(torch::nn::LayerNormOptions({width}).eps(kNormEpsilon));
}

std::int64_t heads_of(std::int64_t width, std::int64_t wanted, const std::string& file) {
  constexpr std::int64_t kHeadsOfSmallModels = 4;
  if (wanted == 0 && width % kPublishedHeadWidth == 0) return width / kPublishedHeadWidth;
  if (wanted == 0)
    spdlog::warn(
        "{}: its width {} is no multiple of {}, so {} heads are assumed; set heads where it has others", file,
        width, kPublishedHeadWidth, kHeadsOfSmallModels);
  const std::int64_t heads = wanted == 0 ? kHeadsOfSmallModels : wanted;
  PAL_CHECK(heads > 0 && width % heads == 0, "{}: {} heads do not divide its width of {}", file, heads,
            width);
  return heads;
}

EatOptions read_sizes(const TensorSource& source, std::int64_t heads) {
  const auto check = [&](bool fits, const std::string& name, const std::vector<std::int64_t>& shape,
                         const char* expected) {
    PAL_CHECK(fits, "{}: {} has shape [{}], expected {}", source.describe(), name, fmt::join(shape, ", "),
              expected);
  };
  constexpr const char* kConv = "model.local_encoder.proj.weight";
  PAL_CHECK(source.has(kConv), "{}: an EAT or SSLAM encoder was expected, but there is no tensor {}",
            source.describe(), kConv);
  EatOptions sizes;
  const auto conv = source.info(kConv).shape;
  check(conv.size() == 4 && conv[0] > 0 && conv[0] <= 1 << 14 && conv[0] % 4 == 0 && conv[1] == 1 &&
            conv[2] == 16 && conv[3] == 16,
        kConv, conv, "[width, 1, 16, 16] with a width that is a multiple of 4");
  sizes.width = conv[0];
  const std::string first = "model.blocks.0.mlp.fc1.weight";
  const auto fc1 = source.info(first).shape;
  check(fc1.size() == 2 && fc1[1] == sizes.width && fc1[0] > 0 && fc1[0] <= 1 << 16, first, fc1,
        "[ffn, width]");
  sizes.ffn = fc1[0];
  for (sizes.layers = 1; source.has(fmt::format("model.blocks.{}.mlp.fc1.weight", sizes.layers));)
    ++sizes.layers;
  sizes.heads = heads_of(sizes.width, heads, source.describe());
  return sizes;
}

// What the file holds, and beyond it what the formula gives where it gives the same: older files have 64 rows, later ones
// 768. [8 * rows, width].
torch::Tensor read_positions(const TensorSource& source, std::int64_t width) {
  constexpr double kHalfPrecision = 1e-2;  // of numbers up to 1, stored in bfloat16
  auto computed = eat_positions(kPositionRows, width);
  if (!source.has(kPositions)) return computed;
  const auto shape = source.info(kPositions).shape;
  PAL_CHECK(shape.size() == 3 && shape[0] == 1 && shape[1] > 0 && shape[1] % EatOptions::bands == 0 &&
                shape[2] == width,
            "{}: {} has shape [{}], expected [1, {} rows, {}]", source.describe(), kPositions,
            fmt::join(shape, ", "), EatOptions::bands, width);
  const auto stored = source.load(kPositions).to(torch::kFloat32).squeeze(0);
  if (stored.size(0) >= computed.size(0)) return stored;
  auto beginning = computed.slice(0, 0, stored.size(0));
  if ((stored - beginning).abs().max().item<double>() > kHalfPrecision) return stored;
  beginning.copy_(stored);
  return computed;
}

}  // namespace

torch::Tensor eat_positions(std::int64_t rows, std::int64_t width) {
  // In float32 and in this order, as the original computes it: the angles of far rows have few digits after the point.
  const auto exponent = torch::arange(width / 4, torch::kFloat32) / (double(width) / 4);
  const auto rate = 1.0 / torch::pow(10000.0, exponent);
  const auto quarters = [&](const torch::Tensor& index) {  // [n] -> [n, width / 2]
    const auto angle = torch::outer(index, rate);
    return torch::cat({angle.sin(), angle.cos()}, 1);
  };
  const auto band = quarters(torch::arange(EatOptions::bands, torch::kFloat32));
  const auto row = quarters(torch::arange(rows, torch::kFloat32));
  return torch::cat({band.repeat({rows, 1}), row.repeat_interleave(EatOptions::bands, 0)}, 1);
}

EatAttentionImpl::EatAttentionImpl(const EatOptions& options) : heads(options.heads) {
  qkv = register_module("qkv", Linear(options.width, 3 * options.width, true));
  proj = register_module("proj", Linear(options.width, options.width, true));
}

torch::Tensor EatAttentionImpl::forward(const torch::Tensor& x) {
  const auto parts =
      qkv(x).unflatten(2, {3, heads, -1}).permute({2, 0, 3, 1, 4}).unbind(0);  // of [W, heads, T, head width]
  const auto mixed = torch::scaled_dot_product_attention(parts[0], parts[1], parts[2]);
  return proj(mixed.transpose(1, 2).flatten(2));
}

EatMlpImpl::EatMlpImpl(const EatOptions& options) {
  fc1 = register_module("fc1", Linear(options.width, options.ffn, true));
  fc2 = register_module("fc2", Linear(options.ffn, options.width, true));
}

torch::Tensor EatMlpImpl::forward(const torch::Tensor& x) { return fc2(torch::gelu(fc1(x))); }

EatBlockImpl::EatBlockImpl(const EatOptions& options) {
  norm1 = register_module("norm1", layer_norm(options.width));
  attn = register_module("attn", EatAttention(options));
  norm2 = register_module("norm2", layer_norm(options.width));
  mlp = register_module("mlp", EatMlp(options));
}

torch::Tensor EatBlockImpl::forward(torch::Tensor x) {
  x = norm1(x + attn(x));
  return norm2(x + mlp(x));
}

EatEncoder::EatEncoder(const EncoderOptions& options)
    : policy_(parse_long_audio(options.long_audio)),
      trim_(options.trim),
      cls_(options.cls),
      mean_(options.feature_mean),
      std_(options.feature_std),
      window_(options.window) {
  PAL_CHECK(window_ > 0 && window_ <= kPositionRows * EatOptions::patch && window_ % EatOptions::patch == 0,
            "eat: window must be a multiple of {} frames up to {}, got {}", EatOptions::patch,
            kPositionRows * EatOptions::patch, window_);
  PAL_CHECK(std::isfinite(mean_) && std::isfinite(std_) && std_ > 0,
            "eat: feature_mean must be a number and feature_std one above 0, got {} and {}", mean_, std_);
  const auto source = open_eat_weights(options.path);
  sizes_ = read_sizes(*source, options.heads);
  auto local_encoder = register_module("local_encoder", std::make_shared<torch::nn::Module>());
  patches_ = local_encoder->register_module(
      "proj", torch::nn::Conv2d(
                  torch::nn::Conv2dOptions(1, sizes_.width, EatOptions::patch).stride(EatOptions::patch)));
  cls_token_ = register_parameter("extra_tokens", torch::empty({1, 1, sizes_.width}));
  pre_norm_ = register_module("pre_norm", layer_norm(sizes_.width));
  for (std::int64_t i = 0; i < sizes_.layers; ++i) blocks_->push_back(EatBlock(sizes_));
  register_module("blocks", blocks_);
  load_report_ = load_weights(*this, *source, kPrefix,
                              {{kPositions, "the table of positions, read by rows", LoadFate::kMatched},
                               {"model.fc_norm.*", "the classifier"},
                               {"model.head.*", "the classifier"}});
  auto fixed = register_module("fixed_positional_encoder", std::make_shared<torch::nn::Module>());
  positions_ = fixed->register_buffer("positions", read_positions(*source, sizes_.width));
  for (auto& parameter : parameters()) parameter.set_requires_grad(false);
}

int EatEncoder::sample_rate() const { return KaldiFbank::sample_rate; }

std::int64_t EatEncoder::heard_frames(std::int64_t samples) const {
  const double seconds = double(samples) / KaldiFbank::sample_rate;
  const std::int64_t frames = kaldi_frame_count(samples);
  PAL_CHECK(frames > 0, "eat: the clip is {:.4f} s long, but the encoder needs 0.025 s", seconds);
  if (frames <= window_ || policy_ == LongAudio::kChunk) return frames;
  PAL_CHECK(policy_ == LongAudio::kCrop,
            "eat: the clip is {:.1f} s long, but the encoder hears {:.2f} s at once; set long_audio to crop "
            "or chunk",
            seconds, double(window_) * kFrameSeconds);
  return window_;
}

std::int64_t EatEncoder::token_count(std::int64_t samples) const {
  const std::int64_t frames = heard_frames(samples);
  const std::int64_t full_windows = (frames - 1) / window_;  // before the last
  const std::int64_t last = trim_ ? frames - full_windows * window_ : window_;
  return full_windows * tokens_of_rows(window_ / EatOptions::patch) +
         tokens_of_rows((last + EatOptions::patch - 1) / EatOptions::patch);
}

TokenSpan EatEncoder::token_span(std::int64_t index) const {
  const std::int64_t per_window = tokens_of_rows(window_ / EatOptions::patch);
  const double begin = double(index / per_window * window_) * kFrameSeconds;
  const std::int64_t patch = index % per_window - (cls_ ? 1 : 0);
  if (patch < 0) return {begin, begin + double(window_) * kFrameSeconds};
  constexpr double kRow = EatOptions::patch * kFrameSeconds;
  const auto row = double(patch / EatOptions::bands);
  return {begin + row * kRow, begin + (row + 1) * kRow};
}

std::int64_t EatEncoder::cls_period() const { return cls_ ? tokens_of_rows(window_ / EatOptions::patch) : 0; }

torch::Tensor EatEncoder::features(const torch::Tensor& samples) const {
  const std::int64_t frames = heard_frames(samples.size(0));
  const std::int64_t windows = (frames + window_ - 1) / window_;
  const auto energies = kaldi_fbank(samples, frames);
  // Padded before the normalisation, as in training: silence is not zero to the network.
  const auto padded = torch::constant_pad_nd(energies, {0, 0, 0, windows * window_ - frames});
  return ((padded - mean_) / (2 * std_)).view({windows, window_, KaldiFbank::mels});
}

torch::Tensor EatEncoder::forward(const torch::Tensor& x) {
  auto tokens =
      patches_(x.unsqueeze(1)).flatten(2).transpose(1, 2);  // [W, T / 2, width]: row by row, low bands first
  PAL_CHECK(tokens.size(1) <= positions_.size(0),
            "eat: {} frames, but the weights' table of positions reaches only {}; set window", x.size(1),
            positions_.size(0) / EatOptions::bands * EatOptions::patch);
  tokens = tokens + positions_.slice(0, 0, tokens.size(1));
  tokens = pre_norm_(torch::cat({cls_token_.expand({x.size(0), -1, -1}), tokens}, 1));  // CLS has no position
  for (const auto& block : *blocks_) tokens = block->as<EatBlockImpl>()->forward(tokens);
  return tokens;
}

void EatEncoder::note_length(std::int64_t samples) {
  // The longest clip that has no more frames than a window.
  const std::int64_t longest = KaldiFbank::window + window_ * KaldiFbank::hop - 1;
  long_clips_.count_if_longer("eat", policy_, samples, longest, KaldiFbank::sample_rate);
}

torch::Tensor EatEncoder::tokens_from(const torch::Tensor& features) {
  auto x = features.dim() == 2 ? features.unsqueeze(0) : features;
  if (x.dim() == 4 && x.size(1) == 1) x = x.squeeze(1);
  PAL_CHECK(x.dim() == 3 && x.size(2) == KaldiFbank::mels && x.size(1) % EatOptions::patch == 0,
            "eat: features [windows, frames, {}] were expected, normalised and padded to a multiple of {} "
            "frames, got [{}]",
            KaldiFbank::mels, EatOptions::patch, fmt::join(features.sizes(), ", "));
  std::vector<torch::Tensor> tokens;
  for (const auto& windows : x.to(positions_.options()).split(kWindowsAtOnce)) {
    tokens.push_back(forward(windows).slice(1, cls_ ? 0 : 1).flatten(0, 1));
  }
  return torch::cat(tokens);
}

}  // namespace pal
