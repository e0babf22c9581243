#include "pal/nn/rope.h"

#include <cmath>
#include <numbers>

#include "pal/core/check.h"
#include "pal/nn/to_device.h"

namespace pal {

namespace {

double scale_llama3(double frequency, const Llama3RopeScaling& s) {
  const double wavelength = 2.0 * std::numbers::pi / frequency;
  if (wavelength > s.original_max_position / s.low_freq_factor) return frequency / s.factor;
  if (wavelength < s.original_max_position / s.high_freq_factor) return frequency;
  const double smooth =
      (s.original_max_position / wavelength - s.low_freq_factor) / (s.high_freq_factor - s.low_freq_factor);
  return (1.0 - smooth) * frequency / s.factor + smooth * frequency;
}

torch::Tensor rotate(const torch::Tensor& x, const torch::Tensor& cos, const torch::Tensor& sin, double direction) {
  const int64_t half = x.size(-1) / 2;
  const auto first = x.narrow(-1, 0, half), second = x.narrow(-1, half, half);
  auto out = torch::empty_like(x, torch::MemoryFormat::Contiguous);
  auto out_first = out.narrow(-1, 0, half), out_second = out.narrow(-1, half, half);
  torch::mul_out(out_first, first, cos).addcmul_(second, sin, -direction);
  torch::mul_out(out_second, second, cos).addcmul_(first, sin, direction);
  return out;
}

// The backward of a rotation is the rotation back: only the tables are kept, not x.
struct Rope : torch::autograd::Function<Rope> {
  static torch::Tensor forward(torch::autograd::AutogradContext* ctx, const torch::Tensor& x, const torch::Tensor& cos,
                               const torch::Tensor& sin) {
    ctx->save_for_backward({cos, sin});
    return rotate(x, cos, sin, 1.0);
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx,
                                                 torch::autograd::variable_list gradients) {
    const auto saved = ctx->get_saved_variables();
    return {rotate(gradients[0], saved[0], saved[1], -1.0), {}, {}};
  }
};

}  // namespace

std::vector<double> rope_frequencies(const RopeOptions& options) {
  PAL_CHECK(options.head_dim > 0 && options.head_dim % 2 == 0, "rope: head_dim must be even, got {}", options.head_dim);
  const int64_t pairs = options.head_dim / 2;
  PAL_CHECK(options.divisors.empty() || int64_t(options.divisors.size()) == pairs,
            "rope: expected {} frequency divisors (head_dim / 2), got {}", pairs, options.divisors.size());
  std::vector<double> frequencies;
  for (int64_t i = 0; i < pairs; ++i) {
    double frequency = std::pow(options.theta, -2.0 * double(i) / double(options.head_dim));
    if (options.llama3) frequency = scale_llama3(frequency, *options.llama3);
    if (!options.divisors.empty()) frequency /= options.divisors[std::size_t(i)];
    frequencies.push_back(frequency);
  }
  return frequencies;
}

RopeTable rope_table(const std::vector<double>& frequencies, const torch::Tensor& ids, torch::TensorOptions options) {
  return rope_table(to_device(torch::tensor(frequencies, torch::kFloat64), ids.device()), ids, options);
}

RopeTable rope_table(const torch::Tensor& frequencies, const torch::Tensor& ids, torch::TensorOptions options) {
  const auto angles = (ids.to(torch::kFloat64).unsqueeze(1) * frequencies).unsqueeze(1);
  return {angles.cos().to(options), angles.sin().to(options)};
}

torch::Tensor apply_rope(const torch::Tensor& x, const RopeTable& table) { return Rope::apply(x, table.cos, table.sin); }

}  // namespace pal
