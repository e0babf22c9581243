#include "pal/encoders/encoder.h"

#include <fmt/ranges.h>

#include "pal/audio/resample.h"
#include "pal/core/check.h"
#include "pal/encoders/clap.h"
#include "pal/encoders/eat.h"
#include "pal/encoders/whisper.h"
#include "pal/encoders/yamnet.h"
#include "pal/nn/to_device.h"

namespace pal {

torch::Tensor Encoder::encode(const torch::Tensor& samples) { return encode(prepare(samples)); }

ClipFeatures Encoder::prepare(const torch::Tensor& samples) const {
  PAL_ASSERT(samples.dim() == 1 && samples.size(0) >= 1 && samples.scalar_type() == torch::kFloat32,
             "{}: samples [n >= 1] in float32 were expected", type());
  return {features(samples), samples.size(0)};
}

// Every window but the last is full, so the tokens that the clip fills are the first ones of all.
torch::Tensor Encoder::encode(const ClipFeatures& clip) {
  note_length(clip.samples);
  const std::int64_t expected = token_count(clip.samples);
  auto tokens = tokens_from(to_device(clip.features, parameters().front().device())).slice(0, 0, expected);
  PAL_ASSERT(tokens.dim() == 2 && tokens.size(0) == expected && tokens.size(1) == width(),
             "{}: {} tokens were foretold for {} samples, got {}", type(), expected, clip.samples,
             tokens.size(0));
  return tokens;
}

torch::Tensor Encoder::encode_features(const torch::Tensor& features) {
  PAL_CHECK(features.is_floating_point() && features.numel() > 0,
            "{}: features must be floats, at least one; got {} [{}]", type(),
            c10::toString(features.scalar_type()), fmt::join(features.sizes(), ", "));
  auto tokens = tokens_from(features);
  PAL_ASSERT(tokens.dim() == 2 && tokens.size(1) == width(), "{}: tokens [N, {}] were expected", type(),
             width());
  return tokens;
}

std::shared_ptr<Encoder> make_encoder(const EncoderOptions& options) {
  if (options.type == "yamnet") return std::make_shared<Yamnet>(options);
  if (options.type == "whisper") return std::make_shared<WhisperEncoder>(options);
  if (options.type == "eat") return std::make_shared<EatEncoder>(options);
  if (options.type == "clap") return std::make_shared<ClapEncoder>(options);
  user_error("encoder: unknown type '{}'; known types: yamnet, whisper, eat, clap", options.type);
}

torch::Tensor load_samples(const Recording& recording, int sample_rate,
                           const DecodeLimits& limits, const AudioSegment& segment) {
  const Waveform waveform = decode_audio(recording, limits, segment);
  return resample(waveform.samples, waveform.sample_rate, sample_rate);
}

torch::Tensor encode_file(Encoder& encoder, const Recording& recording,
                          const DecodeLimits& limits, const AudioSegment& segment) {
  const auto samples = load_samples(recording, encoder.sample_rate(), limits, segment);
  try {
    return encoder.encode(samples);
  } catch (const UserError& error) {
    user_error("{}: {}", recording.name(), error.what());
  }
}

}  // namespace pal
