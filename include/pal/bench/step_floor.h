// The least time that a training step can take on this machine: its arithmetic at the speed of the fastest matrix product, and then the
// optimizer's traffic at the speed of a copy.
#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <cstdint>

#include "pal/train/optimizer.h"

namespace pal {

// What a machine can do at most.
struct MachinePeaks {
  double flops_per_second = 0;  // of matrix products, 2 for a multiplication and an addition
  double bytes_per_second = 0;  // of memory, read and written
  double read_bytes_per_second = 0;  // of memory, only read
};

// Measured: the fastest of some large matrix products in `type` (TF32 not used), of some large copies and of some large sums. Takes a second or two.
MachinePeaks measure_peaks(at::Device device, at::ScalarType type);

// Bytes that one step of AdamW must read and write: gradients, values, both moments and master copies of what is trained.
int64_t optimizer_traffic(const std::vector<NamedParameter>& parameters, const AdamWOptions& options);

// Seconds.
double step_floor(double flops, int64_t optimizer_bytes, const MachinePeaks& peaks);

}  // namespace pal
