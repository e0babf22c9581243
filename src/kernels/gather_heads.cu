#include "pal/kernels/gather_heads.h"

#include "device.h"

namespace pal::kernels {

namespace {

constexpr int kThreads = 256;

// N numbers of a head's first half and the N of its second half that are rotated with them.
template <int N>
struct Halves {
  float first[N], second[N];
};

template <typename T, int N>
__device__ Halves<N> load(const T* head, int64_t half, int64_t at) {
  const auto first = *reinterpret_cast<const Pack<T, N>*>(head + at), second = *reinterpret_cast<const Pack<T, N>*>(head + half + at);
  Halves<N> x;
  for (int j = 0; j < N; ++j) x.first[j] = to_float(first.values[j]), x.second[j] = to_float(second.values[j]);
  return x;
}

template <typename T, int N>
__device__ void store(const Halves<N>& x, T* head, int64_t half, int64_t at) {
  Pack<T, N> first, second;
  for (int j = 0; j < N; ++j) from_float(x.first[j], first.values[j]), from_float(x.second[j], second.values[j]);
  *reinterpret_cast<Pack<T, N>*>(head + at) = first;
  *reinterpret_cast<Pack<T, N>*>(head + half + at) = second;
}

// By the angles of slot `slot`, or back by them (direction -1).
template <typename T, int N>
__device__ Halves<N> rotated(const Halves<N>& x, const HeadSlots<T>& origin, int64_t slot, int64_t half, int64_t at, float direction) {
  if (origin.cos == nullptr) return x;
  const auto cos = *reinterpret_cast<const Pack<T, N>*>(origin.cos + slot * half + at), sin = *reinterpret_cast<const Pack<T, N>*>(origin.sin + slot * half + at);
  Halves<N> y;
  for (int j = 0; j < N; ++j) {
    const float c = to_float(cos.values[j]), s = direction * to_float(sin.values[j]);
    y.first[j] = x.first[j] * c - x.second[j] * s;
    y.second[j] = x.second[j] * c + x.first[j] * s;
  }
  return y;
}

// Where thread t works: slot, head and place in the half, the place fastest.
struct Place {
  int64_t slot, head, at;
};

__device__ Place place_of(int64_t index, int64_t heads, int64_t packs, int n) {
  return {index / packs / heads, index / packs % heads, index % packs * n};
}

// Member by member: choosing one of the two whole would put both on each thread's stack.
template <typename T>
__device__ HeadSlots<T> origin_of(int64_t source, const HeadSlots<T>& rows, const HeadSlots<T>& audio) {
  const bool is_row = source < rows.slots;
  return {is_row ? rows.heads : audio.heads, is_row ? rows.cos : audio.cos, is_row ? rows.sin : audio.sin, is_row ? rows.slots : audio.slots, is_row ? rows.pitch : audio.pitch};
}

// Block `block` of those that work on p.
template <typename T, int N>
__device__ void gather_block(const GatherHeads<T>& p, int64_t block) {
  const int64_t half = p.head_dim / 2, packs = half / N, index = block * kThreads + threadIdx.x;
  if (index >= p.out_slots * p.heads * packs) return;
  const Place place = place_of(index, p.heads, packs, N);
  const int64_t source = p.index == nullptr ? place.slot : p.index[place.slot], to = p.places == nullptr ? place.slot : p.places[place.slot];
  const HeadSlots<T> origin = origin_of(source, p.rows, p.audio);
  const int64_t slot = source < p.rows.slots ? source : source - p.rows.slots;
  const auto x = load<T, N>(origin.heads + slot * origin.pitch + place.head * p.head_dim, half, place.at);
  store<T, N>(rotated<T, N>(x, origin, slot, half, place.at, 1.0f), p.out + (to * p.heads + place.head) * p.head_dim, half, place.at);
}

// The first blocks work on `a`, up to before block a_end; then on `b`, then on `c`.
template <typename T, int N>
__global__ void gather_kernel(GatherHeads<T> a, GatherHeads<T> b, GatherHeads<T> c, int64_t a_end, int64_t b_end) {
  const int64_t block = blockIdx.x;
  if (block < a_end)
    gather_block<T, N>(a, block);
  else if (block < b_end)
    gather_block<T, N>(b, block - a_end);
  else
    gather_block<T, N>(c, block - b_end);
}

template <typename T, int N>
__global__ void scatter_kernel(ScatterHeads<T> p) {
  const int64_t half = p.head_dim / 2, packs = half / N, index = int64_t(blockIdx.x) * kThreads + threadIdx.x;
  if (index >= (p.rows.slots + p.audio.slots) * p.heads * packs) return;
  const Place place = place_of(index, p.heads, packs, N);
  const bool has_list = p.reader_starts != nullptr;
  const int64_t begin = has_list ? p.reader_starts[place.slot] : place.slot, end = has_list ? p.reader_starts[place.slot + 1] : place.slot + 1;
  Halves<N> sum = {};
  for (int64_t i = begin; i < end; ++i) {
    const int64_t reader = has_list ? p.readers[i] : i;
    const auto gradient = load<T, N>(p.out_gradient + (reader * p.heads + place.head) * p.head_dim, half, place.at);
    for (int j = 0; j < N; ++j) sum.first[j] += gradient.first[j], sum.second[j] += gradient.second[j];
  }
  const HeadSlots<T> origin = origin_of(place.slot, p.rows, p.audio);
  const int64_t slot = place.slot < p.rows.slots ? place.slot : place.slot - p.rows.slots;
  store<T, N>(rotated<T, N>(sum, origin, slot, half, place.at, -1.0f), origin.heads + slot * origin.pitch + place.head * p.head_dim, half, place.at);
}

// Whether a slot's halves may be read in whole packs.
template <typename T>
bool in_packs(const HeadSlots<T>& slots, int64_t head_dim) {
  constexpr int kFull = kFullPack<T>;
  return head_dim / 2 % kFull == 0 && slots.pitch % kFull == 0 && is_aligned(slots.heads) && is_aligned(slots.cos) && is_aligned(slots.sin);
}

int64_t blocks_for(int64_t slots, int64_t heads, int64_t head_dim, int n) { return (slots * heads * (head_dim / 2 / n) + kThreads - 1) / kThreads; }

template <typename T, int N>
void gather_by(const std::array<GatherHeads<T>, 3>& parts, Stream stream) {
  const auto blocks = [&](int i) { return blocks_for(parts[i].out_slots, parts[i].heads, parts[i].head_dim, N); };
  const int64_t a_end = blocks(0), b_end = a_end + blocks(1);
  launch(gather_kernel<T, N>, b_end + blocks(2), kThreads, stream, parts[0], parts[1], parts[2], a_end, b_end);
}

}  // namespace

template <typename T>
void gather_heads(const std::array<GatherHeads<T>, 3>& parts, Stream stream) {
  bool all_in_packs = true;
  for (const auto& p : parts) all_in_packs = all_in_packs && in_packs(p.rows, p.head_dim) && in_packs(p.audio, p.head_dim) && is_aligned(p.out);
  all_in_packs ? gather_by<T, kFullPack<T>>(parts, stream) : gather_by<T, 1>(parts, stream);
}

template <typename T>
void scatter_heads(const ScatterHeads<T>& p, Stream stream) {
  constexpr int kFull = kFullPack<T>;
  const int64_t slots = p.rows.slots + p.audio.slots;
  if (in_packs(p.rows, p.head_dim) && in_packs(p.audio, p.head_dim) && is_aligned(p.out_gradient))
    launch(scatter_kernel<T, kFull>, blocks_for(slots, p.heads, p.head_dim, kFull), kThreads, stream, p);
  else
    launch(scatter_kernel<T, 1>, blocks_for(slots, p.heads, p.head_dim, 1), kThreads, stream, p);
}

template void gather_heads(const std::array<GatherHeads<float>, 3>&, Stream);
template void gather_heads(const std::array<GatherHeads<Bf16>, 3>&, Stream);
template void scatter_heads(const ScatterHeads<float>&, Stream);
template void scatter_heads(const ScatterHeads<Bf16>&, Stream);

}  // namespace pal::kernels
