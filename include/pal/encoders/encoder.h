// Audio encoders: what turns a clip into tokens [N, E].
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "pal/audio/decode.h"
#include "pal/core/load_report.h"

namespace pal {

// An encoder as a config describes it.
struct EncoderOptions {
  std::string type;                  // yamnet | whisper | eat | clap
  std::filesystem::path path;        // *.safetensors, *.index.json or a Hugging Face folder; for eat also fairseq's *.pt
  std::string long_audio = "error";  // error | crop | chunk: a clip longer than the encoder hears at once
                                     // (whisper: 30 s, eat: 10.24 s, clap: 10 s)
  bool trim = true;  // whisper, eat: keep only the tokens that the clip fills, of 1500 for 30 s or 513 for 10.24 s
  // What only EAT has (see encoders/eat.h):
  bool cls = true;               // keep the CLS token, the first of every window
  double feature_mean = -4.268;  // of the log mel energies of what the weights were trained on: AudioSet's
  double feature_std = 4.569;    // their standard deviation; the network is given (x - mean) / (2 std)
  std::int64_t window = 1024;    // frames of 10 ms heard at once, a multiple of 16
  std::int64_t heads = 0;        // attention heads; 0: width / 64
};

// The stretch of the clip that a token stands for, in seconds from the clip's beginning.
struct TokenSpan {
  double begin = 0;  // seconds
  double end = 0;    // seconds
};

// What a network is given for a clip: the part of encoding that needs no weights.
struct ClipFeatures {
  torch::Tensor features;    // as Encoder::features()
  std::int64_t samples = 0;  // of the clip: how many of the tokens it fills
};

// Parameters are float32 and frozen (no gradient) until a stage of training asks for them; the module may be
// moved to any device.
class Encoder : public torch::nn::Module {
 public:
  // samples: [n >= 1] float32 mono at sample_rate(), on any device -> [token_count(n), width()] on the
  // parameters' device. Throws UserError where the clip is longer than `long_audio` allows.
  torch::Tensor encode(const torch::Tensor& samples);

  // The first half of it, for any thread, also while others encode. Throws as encode() does.
  ClipFeatures prepare(const torch::Tensor& samples) const;
  // The second half of it.
  torch::Tensor encode(const ClipFeatures& clip);

  // The same from what the network is given, of the shape that features() returns; floats of any type, on any device.
  // Nothing is trimmed, for features do not say how long the clip was. Throws UserError for another shape.
  torch::Tensor encode_features(const torch::Tensor& features);

  virtual std::string type() const = 0;    // as in EncoderOptions
  virtual std::int64_t width() const = 0;  // E
  virtual int sample_rate() const = 0;     // Hz
  // The one place that says how many tokens a clip of so many samples becomes. Throws as encode() does.
  virtual std::int64_t token_count(std::int64_t samples) const = 0;
  // Where token `index` lies in time.
  virtual TokenSpan token_span(std::int64_t index) const = 0;
  // Tokens of encode() from one CLS token to the next, the first being token 0; 0: the encoder gives no CLS tokens.
  virtual std::int64_t cls_period() const { return 0; }
  // What the network is given: the front-end's output; the shape is the encoder's.
  virtual torch::Tensor features(const torch::Tensor& samples) const = 0;
  virtual std::int64_t frequency_dim() const { return -1; }  // of features(), counted from the last: -1 or -2
  // How many seconds of its features a clip of so many samples fills; what lies behind is padding.
  virtual double filled_seconds(std::int64_t samples) const { return double(samples) / sample_rate(); }
  const LoadReport& load_report() const { return load_report_; }  // what its weights were made of

 protected:
  // Told of the length of every clip that is encoded, for whoever counts the long ones.
  virtual void note_length(std::int64_t samples) { (void)samples; }
  // What encode_features() returns, with its check of the shape.
  virtual torch::Tensor tokens_from(const torch::Tensor& features) = 0;

  LoadReport load_report_;  // set by the constructor that loads
};

// Loads an encoder. Throws UserError for an unknown type or policy, naming the known ones, and for weights
// that do not fit.
std::shared_ptr<Encoder> make_encoder(const EncoderOptions& options);

// Decodes a recording, or a segment of it, and resamples it to the encoder's rate: [n] float32 on the CPU.
torch::Tensor load_samples(const Recording& recording, int sample_rate,
                           const DecodeLimits& limits = {}, const AudioSegment& segment = {});

// load_samples() and encode(). What the encoder refuses is reported with the recording's name.
torch::Tensor encode_file(Encoder& encoder, const Recording& recording,
                          const DecodeLimits& limits = {}, const AudioSegment& segment = {});

}  // namespace pal
