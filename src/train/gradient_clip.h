// The norms of a step's gradients, and what follows from them for the step: their limit, and that one which is not finite is not taken.
//
// On the host, all of it is known at once. On a GPU only work is launched: scale and flag stay there, where the step reads them, and the host
// reads the norms when the step is on its way.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "adamw_bucket.h"
#include "pal/train/optimizer.h"

namespace pal {

// Norms that were measured: of each gradient, times the step's scale.
struct MeasuredGradients {
  at::Tensor norms;                 // [gradients] float64
  std::vector<std::string> groups;  // of each gradient: what norms are listed by
};

// What the next step needs to know, and what it returns.
struct ClippedGradients {
  GradientFactor factor;
  bool finite = true;   // gradients and loss; of the host
  GradientNorms norms;  // of the host
  // Where only the device knows:
  at::Tensor found;                 // [2 + gradients] float64: whether gradients and loss are finite, the total, each norm; undefined: the host knows
  std::vector<std::string> groups;  // of each gradient

  // Waits for the device, once, where only that knows `finite` and `norms`.
  void read();
};

// norms: on the CPU. squares: of the groups that are to be listed in any case; sum: adds them up over processes. loss: undefined, or a scalar that must be finite as well.
ClippedGradients clip_on_host(const MeasuredGradients& measured, double scale, double max_norm, const at::Tensor& loss, std::map<std::string, double> squares,
                              const std::function<void(const at::Tensor&)>& sum);

// The same where the norms are, without waiting for it.
ClippedGradients clip_on_device(const MeasuredGradients& measured, double scale, double max_norm, const at::Tensor& loss);

}  // namespace pal
