#include "cpu.h"
#include "pal/kernels/gather_heads.h"

namespace pal::kernels {

namespace {

// out = in rotated by an angle a pair, or back (direction -1); both are [heads, 2 half]. They may be the same.
template <typename T>
PAL_INLINE void rotate(const T* in, T* out, const T* cos, const T* sin, T direction, int64_t heads, int64_t half) {
  for (int64_t h = 0; h < heads; ++h, in += 2 * half, out += 2 * half) {
    if (cos == nullptr) {
      if (in != out) std::copy(in, in + 2 * half, out);
      continue;
    }
#pragma omp simd
    for (int64_t i = 0; i < half; ++i) {
      const T first = in[i], second = in[half + i], s = direction * sin[i];
      out[i] = first * cos[i] - second * s;
      out[half + i] = second * cos[i] + first * s;
    }
  }
}

// The origin of a source slot, and which of its slots it is.
template <typename T>
struct Source {
  const HeadSlots<T>& origin;
  int64_t slot;

  Source(int64_t source, const HeadSlots<T>& rows, const HeadSlots<T>& audio) : origin(source < rows.slots ? rows : audio), slot(source < rows.slots ? source : source - rows.slots) {}
  T* heads() const { return origin.heads + slot * origin.pitch; }
  const T* cos(int64_t half) const { return origin.cos == nullptr ? nullptr : origin.cos + slot * half; }
  const T* sin(int64_t half) const { return origin.sin == nullptr ? nullptr : origin.sin + slot * half; }
};

template <typename T>
PAL_INLINE void gather_slots(const GatherHeads<T>& p, int64_t begin, int64_t end) {
  const int64_t half = p.head_dim / 2;
  for (int64_t j = begin; j < end; ++j) {
    const Source<T> from(p.index == nullptr ? j : p.index[j], p.rows, p.audio);
    const int64_t to = p.places == nullptr ? j : p.places[j];
    rotate<T>(from.heads(), p.out + to * p.heads * p.head_dim, from.cos(half), from.sin(half), T(1), p.heads, half);
  }
}

template <typename T>
PAL_INLINE void scatter_slots(const ScatterHeads<T>& p, int64_t begin, int64_t end) {
  const int64_t half = p.head_dim / 2, width = p.heads * p.head_dim;
  for (int64_t s = begin; s < end; ++s) {
    const Source<T> to(s, p.rows, p.audio);
    T* sum = to.heads();
    const int64_t first = p.reader_starts == nullptr ? s : p.reader_starts[s], last = p.reader_starts == nullptr ? s + 1 : p.reader_starts[s + 1];
    if (last == first + 1) {  // most slots
      const int64_t reader = p.reader_starts == nullptr ? s : p.readers[first];
      rotate<T>(p.out_gradient + reader * width, sum, to.cos(half), to.sin(half), T(-1), p.heads, half);
      continue;
    }
    std::fill(sum, sum + width, T(0));
    for (int64_t i = first; i < last; ++i) {
      const T* gradient = p.out_gradient + p.readers[i] * width;
#pragma omp simd
      for (int64_t k = 0; k < width; ++k) sum[k] += gradient[k];
    }
    rotate<T>(sum, sum, to.cos(half), to.sin(half), T(-1), p.heads, half);
  }
}

PAL_FOR_EACH_PROCESSOR void gather_part(const GatherHeads<float>& p, int64_t begin, int64_t end) { gather_slots(p, begin, end); }
PAL_FOR_EACH_PROCESSOR void gather_part(const GatherHeads<double>& p, int64_t begin, int64_t end) { gather_slots(p, begin, end); }
PAL_FOR_EACH_PROCESSOR void scatter_part(const ScatterHeads<float>& p, int64_t begin, int64_t end) { scatter_slots(p, begin, end); }
PAL_FOR_EACH_PROCESSOR void scatter_part(const ScatterHeads<double>& p, int64_t begin, int64_t end) { scatter_slots(p, begin, end); }

}  // namespace

template <typename T>
void gather_heads_cpu(const std::array<GatherHeads<T>, 3>& parts) {
  for (const auto& p : parts) in_parts(p.out_slots, p.out_slots * p.heads * p.head_dim, [&](int64_t begin, int64_t end) { gather_part(p, begin, end); });
}

template <typename T>
void scatter_heads_cpu(const ScatterHeads<T>& p) {
  const int64_t slots = p.rows.slots + p.audio.slots;
  in_parts(slots, slots * p.heads * p.head_dim, [&](int64_t begin, int64_t end) { scatter_part(p, begin, end); });
}

template void gather_heads_cpu(const std::array<GatherHeads<float>, 3>&);
template void gather_heads_cpu(const std::array<GatherHeads<double>, 3>&);
template void scatter_heads_cpu(const ScatterHeads<float>&);
template void scatter_heads_cpu(const ScatterHeads<double>&);

}  // namespace pal::kernels
