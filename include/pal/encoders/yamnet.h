// YAMNet: MobileNet v1 on log mel patches, trained on AudioSet's 521 classes of sounds.
#pragma once

#include "pal/encoders/encoder.h"

namespace pal {

// A convolution without bias, batch normalisation with fixed statistics and no scale, ReLU; padded as
// TensorFlow's SAME.
struct ConvNormImpl : torch::nn::Module {
  // Not initialised.
  ConvNormImpl(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
               std::int64_t groups = 1);
  torch::Tensor forward(
      const torch::Tensor& x);  // [P, in, h, w] -> [P, out, ceil(h / stride), ceil(w / stride)]

  torch::Tensor weight;          // [out, in / groups, kernel, kernel]
  torch::Tensor bias;            // [out], added after the normalisation
  torch::Tensor mean, variance;  // [out], buffers
  std::int64_t stride, groups;   // stride: in both directions; groups: `in` for a depthwise convolution
};
TORCH_MODULE(ConvNorm);

// Six tokens a patch of 0.96 s, a patch every 0.48 s: patch-major, then time (3 steps of 0.32 s), then
// frequency (2 halves).
class Yamnet : public Encoder {
 public:
  // Loads what yamnet_from_tensorflow() made. Throws UserError as make_encoder().
  explicit Yamnet(const EncoderOptions& options);

  std::string type() const override { return "yamnet"; }
  std::int64_t width() const override { return 1024; }
  int sample_rate() const override;
  std::int64_t token_count(std::int64_t samples) const override;
  TokenSpan token_span(std::int64_t index) const override;
  torch::Tensor features(const torch::Tensor& samples) const override;  // [frames, 64], see yamnet_mel()

  // The network behind the front-end. patches: [P, 1, 96, 64] -> [P, 1024, 3, 2]: channels, time, frequency.
  torch::Tensor map(const torch::Tensor& patches);

 protected:
  torch::Tensor tokens_from(const torch::Tensor& features) override;

 private:
  ConvNorm stem_{nullptr};
  torch::nn::ModuleList blocks_;
};

}  // namespace pal
