// AdamW's step by our own CUDA kernel (kernels/adamw.h), which reads bf16 gradients where they lie and needs no copies of them in fp32.
#pragma once

#include "adamw_bucket.h"

namespace pal {

// Whether the bucket is on a GPU, in dtypes that the kernel takes, and it was built.
bool has_adamw_kernel(const AdamWBucket& bucket);

// Launches the step. The tensors are a GPU's; or the CPU's where the kernels are emulated for tests.
void adamw_kernel_step(const AdamWBucket& bucket, const GradientFactor& factor, const AdamWOptions& options);

}  // namespace pal
