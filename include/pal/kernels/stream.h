// What the kernels' headers need of CUDA: nothing but the name of a stream.
#pragma once

struct CUstream_st;

namespace pal::kernels {

// A CUDA stream (cudaStream_t); null: the default one.
using Stream = CUstream_st*;

// Whether the CUDA kernels were compiled into this library; where they were not, each throws std::logic_error.
bool built_for_cuda();

}  // namespace pal::kernels
