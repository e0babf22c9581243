// Whisper's encoder: a transformer on the log mel spectrogram of windows of 30 s.
#pragma once

#include "pal/core/tensor_source.h"
#include "pal/encoders/encoder.h"
#include "pal/encoders/long_audio.h"
#include "pal/nn/linear.h"

namespace pal {

// The shape of an encoder, from tiny to large-v3. Source of all numbers: transformers' modeling_whisper.py.
struct WhisperOptions {
  std::int64_t mels = 80;                          // bands of the spectrogram; 128 from large-v3 on
  std::int64_t width = 384;                        // of tokens
  std::int64_t heads = 6;                          // of the attention
  std::int64_t ffn = 1536;                         // hidden width of the feed-forward
  std::int64_t layers = 4;                         // transformer layers
  static constexpr std::int64_t positions = 1500;  // tokens of a window
};

// The shape of the weights at `path`, opened as `source`. `prefix` is what stands before "conv1.weight". The number of heads is
// that of config.json beside them, without one as many as make heads of 64, as every published Whisper has them. Throws UserError
// where the weights are none of a Whisper, or where config.json or preprocessor_config.json asks for what is not computed.
WhisperOptions whisper_options(const std::filesystem::path& path, const TensorSource& source, const std::string& prefix);

// Self-attention of a layer. x: [W, T, width], W windows of T tokens.
struct WhisperAttentionImpl : torch::nn::Module {
  explicit WhisperAttentionImpl(const WhisperOptions& options);                 // not initialised
  torch::Tensor forward(const torch::Tensor& x);                                // [W, T, width] -> the same
  std::int64_t heads;                                                           // that the width is divided among
  Linear q_proj{nullptr}, k_proj{nullptr}, v_proj{nullptr}, out_proj{nullptr};  // [width, width]; k_proj has no bias
};
TORCH_MODULE(WhisperAttention);

// Pre-norm self-attention and feed-forward (GELU). x: as above.
struct WhisperLayerImpl : torch::nn::Module {
  explicit WhisperLayerImpl(const WhisperOptions& options);                       // not initialised
  torch::Tensor forward(torch::Tensor x);                                         // [W, T, width] -> the same
  WhisperAttention self_attn{nullptr};                                            // every token sees all of its window
  torch::nn::LayerNorm self_attn_layer_norm{nullptr}, final_layer_norm{nullptr};  // before attention, before the feed-forward
  Linear fc1{nullptr}, fc2{nullptr};                                              // width -> ffn -> width
};
TORCH_MODULE(WhisperLayer);

// One token every 20 ms. A window of 30 s has 1500; with `trim` the last window keeps those that the clip
// fills. Parameter names are Hugging Face's, without "model.encoder.".
class WhisperEncoder : public Encoder {
 public:
  // Loads a WhisperModel, a WhisperForConditionalGeneration or the encoder alone in Hugging Face's form; the decoder is
  // passed over. Throws UserError as make_encoder().
  explicit WhisperEncoder(const EncoderOptions& options);

  std::string type() const override { return "whisper"; }
  std::int64_t width() const override { return sizes_.width; }
  int sample_rate() const override;
  std::int64_t token_count(std::int64_t samples) const override;
  TokenSpan token_span(std::int64_t index) const override;
  torch::Tensor features(
      const torch::Tensor& samples) const override;  // [windows, mels, 3000], see whisper_mel()
  std::int64_t frequency_dim() const override { return -2; }

  // The network behind the front-end. mel: [W, mels, 3000] -> [W, 1500, width].
  torch::Tensor forward(const torch::Tensor& mel);

  const WhisperOptions& sizes() const { return sizes_; }           // of the weights
  std::int64_t long_clips() const { return long_clips_.clips(); }  // cropped or heard in windows so far

 protected:
  void note_length(std::int64_t samples) override;
  // One window may come without its dimension.
  torch::Tensor tokens_from(const torch::Tensor& features) override;

 private:
  WhisperOptions sizes_;
  LongAudio policy_;
  bool trim_;
  LongAudioCounter long_clips_;
  torch::nn::Conv1d conv1_{nullptr}, conv2_{nullptr};
  torch::Tensor positions_;  // [1500, width]
  torch::nn::ModuleList layers_;
  torch::nn::LayerNorm layer_norm_{nullptr};
};

}  // namespace pal
