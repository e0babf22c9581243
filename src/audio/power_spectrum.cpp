#include "pal/audio/power_spectrum.h"

#include <torch/torch.h>

namespace pal {

torch::Tensor power_spectrum(const torch::Tensor& spectrum) {
  const auto imaginary = torch::imag(spectrum);
  return torch::real(spectrum).square().addcmul_(imaginary, imaginary);
}

}  // namespace pal
