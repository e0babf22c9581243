// Stands in for the CUDA kernels where there was no nvcc to compile them.
#include <stdexcept>

#include "pal/kernels/adamw.h"
#include "pal/kernels/add_rows.h"
#include "pal/kernels/cross_entropy.h"
#include "pal/kernels/gather_heads.h"
#include "pal/kernels/numbers.h"
#include "pal/kernels/rms_norm.h"
#include "pal/kernels/stream.h"
#include "pal/kernels/swiglu.h"

namespace pal::kernels {

#ifdef PAL_HAS_KERNELS

bool built_for_cuda() { return true; }

#else

bool built_for_cuda() { return false; }

namespace {

[[noreturn]] void not_built() { throw std::logic_error("the CUDA kernels are not built"); }

}  // namespace

template <typename T>
void rms_norm_forward(const RmsNormForward<T>&, Stream) { not_built(); }
template <typename T>
void rms_norm_backward(const RmsNormBackward<T>&, Stream) { not_built(); }
template <typename T>
void swiglu_forward(const SwigluForward<T>&, Stream) { not_built(); }
template <typename T>
void swiglu_backward(const SwigluBackward<T>&, Stream) { not_built(); }
template <typename T>
void cross_entropy(const CrossEntropy<T>&, Stream) { not_built(); }
template <typename T>
void add_rows(const AddRows<T>&, Stream) { not_built(); }
template <typename T>
void gather_heads(const std::array<GatherHeads<T>, 3>&, Stream) { not_built(); }
template <typename T>
void scatter_heads(const ScatterHeads<T>&, Stream) { not_built(); }
template <typename Value, typename Gradient, typename State>
void adamw(const std::vector<AdamWTensor<Value, Gradient, State>>&, const AdamWStep&, Stream) { not_built(); }

template void rms_norm_forward(const RmsNormForward<float>&, Stream);
template void rms_norm_forward(const RmsNormForward<Bf16>&, Stream);
template void rms_norm_backward(const RmsNormBackward<float>&, Stream);
template void rms_norm_backward(const RmsNormBackward<Bf16>&, Stream);
template void swiglu_forward(const SwigluForward<float>&, Stream);
template void swiglu_forward(const SwigluForward<Bf16>&, Stream);
template void swiglu_backward(const SwigluBackward<float>&, Stream);
template void swiglu_backward(const SwigluBackward<Bf16>&, Stream);
template void cross_entropy(const CrossEntropy<float>&, Stream);
template void cross_entropy(const CrossEntropy<Bf16>&, Stream);
template void add_rows(const AddRows<float>&, Stream);
template void add_rows(const AddRows<Bf16>&, Stream);
template void gather_heads(const std::array<GatherHeads<float>, 3>&, Stream);
template void gather_heads(const std::array<GatherHeads<Bf16>, 3>&, Stream);
template void scatter_heads(const ScatterHeads<float>&, Stream);
template void scatter_heads(const ScatterHeads<Bf16>&, Stream);
template void adamw(const std::vector<AdamWTensor<float, float, float>>&, const AdamWStep&, Stream);
template void adamw(const std::vector<AdamWTensor<Bf16, Bf16, Bf16>>&, const AdamWStep&, Stream);
template void adamw(const std::vector<AdamWTensor<Bf16, Bf16, float>>&, const AdamWStep&, Stream);
template void adamw(const std::vector<AdamWTensor<Bf16, float, float>>&, const AdamWStep&, Stream);

#endif

}  // namespace pal::kernels
