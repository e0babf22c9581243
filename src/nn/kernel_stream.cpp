// In a file of its own: LibTorch's header of CUDA streams needs CUDA's own headers, which are there only where the kernels are built.
#include "kernel_call.h"
#include "pal/core/check.h"

#ifdef PAL_HAS_KERNELS
#include <c10/cuda/CUDAStream.h>
#endif

namespace pal {

kernels::Stream current_stream([[maybe_unused]] torch::Device device) {
#ifdef PAL_HAS_KERNELS
  return c10::cuda::getCurrentCUDAStream(device.index()).stream();
#else
  PAL_ASSERT(false, "the CUDA kernels are not built");
#endif
}

}  // namespace pal
