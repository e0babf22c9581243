#include "nccl.h"

#include "pal/core/check.h"

#ifdef USE_C10D_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

namespace pal {

#ifdef USE_C10D_NCCL

c10::intrusive_ptr<c10d::Backend> make_nccl(const c10::intrusive_ptr<c10d::Store>& store, int rank, int size, at::Device device, std::chrono::milliseconds timeout) {
  auto options = c10d::ProcessGroupNCCL::Options::create(/*is_high_priority_stream=*/true);
  options->timeout = 2 * timeout;  // it ends the process without a good word, so whoever can say more comes first
  auto backend = c10::make_intrusive<c10d::ProcessGroupNCCL>(store, rank, size, options);
  backend->setBoundDeviceId(device);
  return backend;
}

#else

c10::intrusive_ptr<c10d::Backend> make_nccl(const c10::intrusive_ptr<c10d::Store>&, int, int, at::Device device, std::chrono::milliseconds) {
  user_error("several processes on {}: this build has no NCCL, since its headers were not beside LibTorch's; use --device cpu", device.str());
}

#endif

}  // namespace pal
