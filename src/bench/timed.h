// How long something takes, with what it gives the device to do.
#pragma once

#include <torch/torch.h>

#include <chrono>

namespace pal {

// Seconds. The device must have nothing to do at the start.
template <typename Work>
double timed(torch::Device device, const Work& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  if (device.is_cuda()) torch::cuda::synchronize();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace pal
