// Convolutional down-sampling: a convolution over a clip's tokens with stride `factor`, GELU, and a linear layer. A clip ends in zeros
// on both sides, as if it were alone.
#include "kinds.h"
#include "pal/core/check.h"
#include "pal/nn/linear.h"
#include "pal/nn/to_device.h"

namespace pal {

namespace {

class ConvConnector : public Connector {
 public:
  ConvConnector(int64_t kernel, int64_t stride, int64_t in, int64_t out, uint64_t seed, torch::TensorOptions o)
      : kernel(kernel), stride(stride), conv(kernel * in, out, true, o), proj(out, out, true, o) {
    register_module("conv", conv);
    register_module("proj", proj);
    init_linears(*this, seed);
  }

  int64_t output_length(int64_t tokens) const override { return (tokens + stride - 1) / stride; }

  // A convolution is a linear layer over windows: one product for all clips of the batch.
  torch::Tensor forward(const torch::Tensor& tokens, const std::vector<int64_t>& lengths) override {
    const int64_t nothing = tokens.size(0);  // the row of zeros after the last token
    std::vector<int64_t> taken;              // tokens of each window
    int64_t begin = 0;
    for (int64_t length : lengths) {
      for (int64_t window = 0; window < output_length(length); ++window)
        for (int64_t k = 0; k < kernel; ++k) {
          const int64_t at = window * stride + k - (kernel - 1) / 2;
          taken.push_back(at >= 0 && at < length ? begin + at : nothing);
        }
      begin += length;
    }
    const auto index = to_device(torch::tensor(taken, torch::kInt64), tokens.device());
    const auto padded = torch::cat({tokens, torch::zeros({1, tokens.size(1)}, tokens.options())});
    const auto windows = padded.index_select(0, index).view({int64_t(taken.size()) / kernel, kernel * tokens.size(1)});
    return proj(torch::gelu(conv(windows)));
  }

 private:
  int64_t kernel, stride;
  Linear conv;  // [D, kernel * E]: the kernel's places one after the other
  Linear proj;
};

}  // namespace

std::shared_ptr<Connector> make_conv_connector(const ConnectorOptions& options, int64_t in, int64_t out, uint64_t seed,
                                               torch::TensorOptions o) {
  PAL_CHECK(options.factor > 0 && options.kernel > 0, "connector conv: factor and kernel must be at least 1, got {} and {}",
            options.factor, options.kernel);
  return std::make_shared<ConvConnector>(options.kernel, options.factor, in, out, seed, o);
}

}  // namespace pal
