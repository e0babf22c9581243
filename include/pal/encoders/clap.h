// CLAP's audio encoder without fusion: HTSAT on the log mel spectrogram of windows of 10 s.
#pragma once

#include "pal/audio/clap_mel.h"
#include "pal/core/tensor_source.h"
#include "pal/encoders/encoder.h"
#include "pal/encoders/htsat.h"
#include "pal/encoders/long_audio.h"

namespace pal {

// 64 tokens a window of 10 s: frequency-major as transformers' last_hidden_state is, token f * 32 + t being cell t of
// 32 in time (0.3125 s each) of half f of 2 in frequency, the lower first. Several windows (`long_audio: chunk`)
// come one after the other. A window that the clip does not fill is filled with its repetitions; tokens of these
// are kept, as CLAP was trained with them. Parameter names are Hugging Face's, without "audio_model.audio_encoder.".
class ClapEncoder : public Encoder {
 public:
  // Loads a ClapModel, ClapAudioModel or ClapAudioModelWithProjection in Hugging Face's form, or a checkpoint of LAION's program; text
  // model and projections are passed over. config.json and preprocessor_config.json beside the weights are held to what is computed.
  // Throws UserError as make_encoder(), also for a checkpoint with fusion.
  explicit ClapEncoder(const EncoderOptions& options);

  std::string type() const override { return "clap"; }
  std::int64_t width() const override { return sizes_.channels(HtsatOptions::stages - 1); }
  int sample_rate() const override { return ClapMel::sample_rate; }
  std::int64_t token_count(std::int64_t samples) const override;
  // Within the window: the times of repetitions lie after the clip's end.
  TokenSpan token_span(std::int64_t index) const override;
  double filled_seconds(std::int64_t samples) const override;  // whole windows: short clips are repeated
  torch::Tensor features(const torch::Tensor& samples) const override;  // [windows, 1001, 64], see clap_mel()

  // The network behind the front-end. mel: [W, 1001, 64] -> [W, 64, width].
  torch::Tensor forward(const torch::Tensor& mel);

  const HtsatOptions& sizes() const { return sizes_; }             // as the weights' shapes say
  const ClapMelOptions& front_end() const { return front_end_; }   // as preprocessor_config.json says
  std::int64_t long_clips() const { return long_clips_.clips(); }  // cropped or heard in windows so far

 protected:
  void note_length(std::int64_t samples) override;
  torch::Tensor tokens_from(const torch::Tensor& features) override;  // [windows, 1001, 64], or one window

 private:
  HtsatOptions sizes_;
  ClapMelOptions front_end_;
  LongAudio policy_;
  LongAudioCounter long_clips_;
  torch::nn::BatchNorm2d batch_norm_{nullptr};  // over the 64 mels; always with the stored statistics
  torch::nn::Conv2d patches_{nullptr};
  torch::nn::LayerNorm patch_norm_{nullptr}, norm_{nullptr};
  torch::nn::ModuleList stages_;
};

// The network's shape by the weights' own. `prefix` is what stands before "patch_embed.proj.weight". Throws UserError where they
// are no HTSAT of this kind, or one with fusion.
HtsatOptions htsat_options(const TensorSource& source, const std::string& prefix);

}  // namespace pal
