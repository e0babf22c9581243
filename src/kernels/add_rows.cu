#include "pal/kernels/add_rows.h"

#include "device.h"

namespace pal::kernels {

namespace {

constexpr int kThreads = 256;

// Which of ids[begin .. begin + kThreads), of those from `first` to before `end`, are `id`: a bit each. Whether any is.
__device__ bool find(const int64_t* ids, int64_t begin, int64_t first, int64_t end, int64_t id, unsigned* found) {
  const int64_t i = begin + threadIdx.x;
  const unsigned bits = __ballot_sync(0xffffffffu, i >= first && i < end && ids[i] == id);
  if (threadIdx.x % kWarp == 0) found[threadIdx.x / kWarp] = bits;
  __syncthreads();
  unsigned any = 0;
  for (int warp = 0; warp < kThreads / kWarp; ++warp) any |= found[warp];
  return any != 0;
}

// Block b adds all rows of the id of row b, unless an earlier row has that id.
template <typename T, int N>
__global__ void add_rows_kernel(AddRows<T> p) {
  __shared__ unsigned found[kThreads / kWarp];
  const int64_t own = blockIdx.x, id = p.ids[own];
  for (int64_t begin = 0; begin < own; begin += kThreads) {
    if (find(p.ids, begin, 0, own, id, found)) return;  // so for all threads of the block
    __syncthreads();
  }
  for (int64_t from = 0; from < p.width; from += kThreads * N) {
    const int64_t column = from + int64_t(threadIdx.x) * N;
    const bool has_part = column < p.width;
    auto* const place = reinterpret_cast<Pack<T, N>*>(p.table + id * p.width + column);
    float sum[N] = {};
    if (has_part)
      for (int j = 0; j < N; ++j) sum[j] = to_float(place->values[j]);
    for (int64_t begin = own - own % kThreads; begin < p.count; begin += kThreads) {
      if (find(p.ids, begin, own, p.count, id, found) && has_part) {
        for (int warp = 0; warp < kThreads / kWarp; ++warp)
          for (unsigned rest = found[warp]; rest != 0; rest &= rest - 1) {
            const int64_t row = begin + warp * kWarp + __ffs(int(rest)) - 1;
            const auto pack = *reinterpret_cast<const Pack<T, N>*>(p.rows + row * p.width + column);
            for (int j = 0; j < N; ++j) sum[j] += to_float(pack.values[j]);
          }
      }
      __syncthreads();  // found is written again
    }
    if (has_part)
      for (int j = 0; j < N; ++j) from_float(sum[j], place->values[j]);
  }
}

}  // namespace

template <typename T>
void add_rows(const AddRows<T>& p, Stream stream) {
  constexpr int kFull = kFullPack<T>;
  if (p.width % kFull == 0 && is_aligned(p.rows) && is_aligned(p.table))
    launch(add_rows_kernel<T, kFull>, p.count, kThreads, stream, p);
  else
    launch(add_rows_kernel<T, 1>, p.count, kThreads, stream, p);
}

template void add_rows(const AddRows<float>&, Stream);
template void add_rows(const AddRows<Bf16>&, Stream);

}  // namespace pal::kernels
