// A step of AdamW on tensors that one launch can take, by whichever implementation there is for them.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "pal/train/optimizer.h"

namespace pal {

// What gradients are multiplied by: a number of the host's, or what only the device knows yet.
struct GradientFactor {
  double scale = 1.0;       // where the tensors are not defined
  at::Tensor device_scale;  // [] float64
  at::Tensor finite;        // [] bool, beside device_scale: where false, the step changes nothing
};

// Tensors of one device and dtype, with one decay and step count.
struct AdamWBucket {
  std::vector<at::Tensor> values, gradients, exp_avgs, exp_avg_sqs;  // gradients: as they were summed, in any dtype
  std::vector<at::Tensor> masters;  // empty: the values take the step themselves
  std::int64_t steps = 0;           // how many this one makes, from 1
  double decay = 0;
};

// Launches the step, and waits for no device. May scale float32 gradients in place.
void step_bucket(const AdamWBucket& bucket, const GradientFactor& factor, const AdamWOptions& options);

}  // namespace pal
