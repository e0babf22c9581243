// c10d's NCCL, which exchanges tensors between GPUs.
#pragma once

#include <c10/core/Device.h>

#include <chrono>

#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

namespace pal {

// Of rank `rank` of `size`, on its GPU. Throws UserError where this build has none.
c10::intrusive_ptr<c10d::Backend> make_nccl(const c10::intrusive_ptr<c10d::Store>& store, int rank, int size, at::Device device, std::chrono::milliseconds timeout);

}  // namespace pal
