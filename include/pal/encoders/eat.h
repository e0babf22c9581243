// EAT's encoder, which SSLAM shares: a vision transformer on patches of Kaldi's log mel energies.
#pragma once

#include "pal/encoders/encoder.h"
#include "pal/encoders/long_audio.h"
#include "pal/nn/linear.h"

namespace pal {

// Read from the weights' shapes, but for the heads. Source: cwx-worst-one/EAT, models/images.py and modules.py.
struct EatOptions {
  std::int64_t width = 768;                  // of tokens; large: 1024
  std::int64_t ffn = 3072;                   // hidden width of the feed-forward
  std::int64_t layers = 12;                  // blocks; large: 24
  std::int64_t heads = 12;                   // of attention
  static constexpr std::int64_t patch = 16;  // frames and bands of a patch
  static constexpr std::int64_t bands = 8;   // patches from low to high, of 128 mels
};

// Self-attention of a block. x: [W, T, width], W windows of T tokens.
struct EatAttentionImpl : torch::nn::Module {
  explicit EatAttentionImpl(const EatOptions& options);  // not initialised
  torch::Tensor forward(const torch::Tensor& x);         // [W, T, width] -> the same
  std::int64_t heads;                                    // each width / heads wide
  Linear qkv{nullptr}, proj{nullptr};  // [3 * width, width]: query, key, value rows; [width, width]
};
TORCH_MODULE(EatAttention);

// The feed-forward of a block (GELU). x: as above.
struct EatMlpImpl : torch::nn::Module {
  explicit EatMlpImpl(const EatOptions& options);  // not initialised
  torch::Tensor forward(const torch::Tensor& x);   // [W, T, width] -> the same
  Linear fc1{nullptr}, fc2{nullptr};               // width -> ffn -> width
};
TORCH_MODULE(EatMlp);

// Post-norm: x = norm1(x + attn(x)), then norm2(x + mlp(x)). x: as above.
struct EatBlockImpl : torch::nn::Module {
  explicit EatBlockImpl(const EatOptions& options);     // not initialised
  torch::Tensor forward(torch::Tensor x);               // [W, T, width] -> the same
  EatAttention attn{nullptr};                           // every token sees all of its window
  EatMlp mlp{nullptr};                                  // of each token alone
  torch::nn::LayerNorm norm1{nullptr}, norm2{nullptr};  // after attention, after the feed-forward
};
TORCH_MODULE(EatBlock);

// Rows 0 .. rows - 1 of EAT's fixed table: [8 * rows, width] for 8 bands a row, band by band; a quarter of the width each
// for sine and cosine of the band's index and of the row's.
torch::Tensor eat_positions(std::int64_t rows, std::int64_t width);

// A window of 1024 frames (10.24 s) becomes the CLS token and 64 rows of 0.16 s with 8 tokens each, low bands first; what
// the clip does not fill is zeros, and with `trim` the last window keeps only the rows that the clip begins. Longer clips follow
// `long_audio`; in chunks every window has its CLS token. Parameter names are Hugging Face's, without "model.".
class EatEncoder : public Encoder {
 public:
  // Loads a pretrained or finetuned model, of Hugging Face or fairseq; the classifier is left out. Throws UserError as
  // make_encoder().
  explicit EatEncoder(const EncoderOptions& options);

  std::string type() const override { return "eat"; }
  std::int64_t width() const override { return sizes_.width; }
  int sample_rate() const override;
  std::int64_t token_count(std::int64_t samples) const override;
  TokenSpan token_span(std::int64_t index) const override;  // of a CLS token: its whole window
  std::int64_t cls_period() const override;
  // [windows, options.window, 128], normalised. Throws UserError as encode(), and for clips shorter than 25 ms.
  torch::Tensor features(const torch::Tensor& samples) const override;

  // The network behind the front-end. x: [W, T, 128], T a multiple of 16 -> [W, 1 + T / 2, width], CLS first. Throws
  // UserError where T is longer than the table of positions reaches.
  torch::Tensor forward(const torch::Tensor& x);

  const EatOptions& sizes() const { return sizes_; }               // as the weights' shapes say
  std::int64_t long_clips() const { return long_clips_.clips(); }  // cropped or heard in windows so far

 protected:
  void note_length(std::int64_t samples) override;
  // features: [T, 128], [W, T, 128] or [W, 1, T, 128], T as in forward().
  torch::Tensor tokens_from(const torch::Tensor& features) override;

 private:
  // Frames that are heard of a clip. Throws UserError where it is too short, or longer than the policy allows.
  std::int64_t heard_frames(std::int64_t samples) const;
  std::int64_t tokens_of_rows(std::int64_t rows) const { return (cls_ ? 1 : 0) + rows * EatOptions::bands; }

  EatOptions sizes_;
  LongAudio policy_;
  bool trim_, cls_;
  double mean_, std_;
  std::int64_t window_;  // frames
  LongAudioCounter long_clips_;
  torch::nn::Conv2d patches_{nullptr};
  torch::Tensor cls_token_;  // [1, 1, width]
  torch::Tensor positions_;  // [8 * rows, width]
  torch::nn::LayerNorm pre_norm_{nullptr};
  torch::nn::ModuleList blocks_;
};

}  // namespace pal
