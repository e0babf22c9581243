// Tensors on their way to a device.
#pragma once

#include <torch/torch.h>

namespace pal {

// A tensor on `device`. From the CPU to a GPU it goes from pinned memory, without anyone waiting: work that is given to the current stream later sees it.
inline torch::Tensor to_device(const torch::Tensor& tensor, torch::Device device) {
  return device.is_cuda() && tensor.is_cpu() ? tensor.pin_memory().to(device, /*non_blocking=*/true) : tensor.to(device);
}

}  // namespace pal
