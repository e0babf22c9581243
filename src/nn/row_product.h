// Products of linear layers, rows by a weight, without autograd.
#pragma once

#include <torch/torch.h>

namespace pal {

// x weight^T + bias. x [n, in], weight [out, in] in any strides, bias [out] or not defined -> [n, out]
//
// By torch, but on the CPU:
//   * up to 8 rows in float32 or float64, by a weight without gaps: a kernel of ours, which reads the weight once, where torch's libraries copy it first;
//   * others in float32 on AMD: there torch asks MKL, and oneDNN, which LibTorch has in it too, is faster for these shapes, 1.1 to 1.6 times on a Zen 3.
// Products of gradients with rows, whose sums are long and results wide, are left to torch.
torch::Tensor row_product(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias = {});

// Who computes them: the better one for the processor, or always the same, for comparing and where counts must not depend on the machine.
enum class CpuProducts { kByProcessor, kTorch, kAsOnAmd };
void set_cpu_products(CpuProducts choice);

}  // namespace pal
