// From what the projections give to what a varlen attention kernel reads, in one pass: heads are rotated (RoPE, half-split form) and put
// in the order of the segments, and back for the gradient.
//
//   source slots    R rows, then A audio tokens, each heads x d numbers, somewhere in a wider product (`pitch`)
//   out slot j      source slot index[j], rotated by that slot's angles; a slot may be read several times, or never
//
// With `places` it puts slots into a cache instead, each at a place of its own.
//
// Each result is rounded once. d is even.
#pragma once

#include <array>
#include <cstdint>

#include "pal/kernels/stream.h"

namespace pal::kernels {

// Slots of one origin and their angles.
template <typename T>
struct HeadSlots {
  T* heads = nullptr;                          // [slots, heads, d], slots `pitch` numbers apart; only the backward writes here
  const T* cos = nullptr;        // [slots, d / 2]; null: nothing is rotated (values)
  const T* sin = nullptr;        // the same
  int64_t slots = 0, pitch = 0;  // how many; numbers from one to the next
};

// What the forward reads and writes.
template <typename T>
struct GatherHeads {
  HeadSlots<T> rows, audio;        // audio may have no slots
  const int64_t* index = nullptr;  // [out_slots]; null: 0, 1, 2, ...
  const int64_t* places = nullptr;  // [out_slots]: where in `out` slot j goes, no two at one place; null: 0, 1, 2, ...
  T* out = nullptr;                // [out_slots or more, heads, d], without gaps
  int64_t out_slots = 0, heads = 0, head_dim = 0;  // how many; of each slot; d
};

// Launches the forward on a GPU, where all pointers are: queries, keys and values at once; those without slots do nothing. T: float, Bf16.
template <typename T>
void gather_heads(const std::array<GatherHeads<T>, 3>& parts, Stream stream);
// The same on the CPU. T: float, double.
template <typename T>
void gather_heads_cpu(const std::array<GatherHeads<T>, 3>& parts);

// What the backward reads and writes: each source slot gets the sum of what its readers give, rotated back.
template <typename T>
struct ScatterHeads {
  const T* out_gradient = nullptr;        // [out_slots, heads, d], without gaps
  const int64_t* reader_starts = nullptr;  // [R + A + 1]: source slot s is read by readers[starts[s]] to before readers[starts[s + 1]]; null: by s alone
  const int64_t* readers = nullptr;        // [out_slots]
  HeadSlots<T> rows, audio;                // the gradients, written; a slot that nothing reads gets 0
  int64_t heads = 0, head_dim = 0;         // of each slot; d
};

// Launches the backward.
template <typename T>
void scatter_heads(const ScatterHeads<T>& p, Stream stream);
// The same on the CPU.
template <typename T>
void scatter_heads_cpu(const ScatterHeads<T>& p);

}  // namespace pal::kernels
