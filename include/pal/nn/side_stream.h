// Tensors that go to a GPU while it computes.
#pragma once

#include <c10/core/Stream.h>
#include <torch/torch.h>

namespace pal {

// A stream of a GPU beside the current one, for copies. By c10's streams and events of any device, so that it needs no headers of CUDA.
class SideStream {
 public:
  // device: a GPU. Throws c10::Error where it is none.
  explicit SideStream(torch::Device device);

  // A tensor of the CPU, of any shape, on the device. The copy, from pinned memory, does not wait for what the device computes, and nobody waits for
  // the copy but what the current stream is given from now on.
  torch::Tensor send(const torch::Tensor& tensor) const;

 private:
  torch::Device device_;
  c10::Stream stream_;
};

}  // namespace pal
