// Audio encoders: what turns a clip into tokens [N, E].
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "pal/audio/decode.h"

namespace pal {

// An encoder as a config describes it.
struct EncoderOptions {
  std::string type;                  // yamnet | whisper | clap
  std::filesystem::path path;        // *.safetensors, *.index.json, or a Hugging Face folder
  std::string long_audio = "error";  // error | crop | chunk: a clip longer than one window (whisper: 30 s, clap: 10 s)
  bool trim = true;                  // whisper: keep only the tokens that the clip fills, of the 1500 for 30 s
};

// The stretch of the clip that a token stands for, in seconds from the clip's beginning.
struct TokenSpan {
  double begin = 0;  // seconds
  double end = 0;    // seconds
};

// Parameters are float32 and frozen (no gradient) until a stage of training asks for them; the module may be
// moved to any device.
class Encoder : public torch::nn::Module {
 public:
  // samples: [n >= 1] float32 mono at sample_rate(), on any device -> [token_count(n), width()] on the
  // parameters' device. Throws UserError where the clip is longer than `long_audio` allows.
  torch::Tensor encode(const torch::Tensor& samples);

  virtual std::string type() const = 0;    // as in EncoderOptions
  virtual std::int64_t width() const = 0;  // E
  virtual int sample_rate() const = 0;     // Hz
  // The one place that says how many tokens a clip of so many samples becomes. Throws as encode() does.
  virtual std::int64_t token_count(std::int64_t samples) const = 0;
  // Where token `index` lies in time.
  virtual TokenSpan token_span(std::int64_t index) const = 0;
  // What the network is given: the front-end's output; the shape is the encoder's.
  virtual torch::Tensor features(const torch::Tensor& samples) const = 0;

 protected:
  // What encode() returns, without its checks: samples as there, -> [token_count(n), width()].
  virtual torch::Tensor tokens_of(const torch::Tensor& samples) = 0;
};

// Loads an encoder. Throws UserError for an unknown type or policy, naming the known ones, and for weights
// that do not fit.
std::shared_ptr<Encoder> make_encoder(const EncoderOptions& options);

// Decodes a recording, or a segment of it, and resamples it to the encoder's rate: [n] float32 on the CPU.
torch::Tensor load_samples(const std::filesystem::path& recording, int sample_rate,
                           const DecodeLimits& limits = {}, const AudioSegment& segment = {});

// load_samples() and encode(). What the encoder refuses is reported with the recording's name.
torch::Tensor encode_file(Encoder& encoder, const std::filesystem::path& recording,
                          const DecodeLimits& limits = {}, const AudioSegment& segment = {});

}  // namespace pal
