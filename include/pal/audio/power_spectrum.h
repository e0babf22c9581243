// The squared magnitude of a spectrum, which every mel front-end but YAMNet's weighs.
#pragma once

#include <torch/types.h>

namespace pal {

// spectrum: [...] complex -> [...] real, re^2 + im^2. In a third of the time that abs().square() takes, whose square root is
// guarded against overflow and then undone; float32 samples of full scale 1 are far from it.
torch::Tensor power_spectrum(const torch::Tensor& spectrum);

}  // namespace pal
