// Rows added to those rows of a table that their ids say, as the backward of an embedding does:
//
//   table[ids[i]] += rows[i] for all i
//
// Rows of one id are summed in float, in their order, together with what the table holds, and rounded once: the same bits every time.
#pragma once

#include <cstdint>

#include "pal/kernels/stream.h"

namespace pal::kernels {

// What the kernel reads and writes.
template <typename T>
struct AddRows {
  const T* rows = nullptr;       // [n, D]
  const int64_t* ids = nullptr;  // [n], each one of the table's rows
  T* table = nullptr;            // [V, D]
  int64_t count = 0, width = 0;  // n and D
};

// Launches it on a GPU, where all pointers are. T: float, Bf16.
template <typename T>
void add_rows(const AddRows<T>& p, Stream stream);

}  // namespace pal::kernels
