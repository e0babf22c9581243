// A product of few rows with a wide weight, as decoding has them: y = x w^T. On the CPU alone. Reading the weight is all its work, so each number of it is read once, where it lies;
// libraries for large products copy it first.
#pragma once

#include <cstdint>

namespace pal::kernels {

constexpr int64_t kMostFewRows = 8;  // more are a product for a library

// What it reads and writes.
template <typename T>
struct FewRows {
  const T* x = nullptr;       // [rows, in], without gaps
  const T* weight = nullptr;  // [out, in], without gaps
  const T* bias = nullptr;    // [out]; null: none
  T* y = nullptr;             // [rows, out], without gaps
  int64_t rows = 0, in = 0, out = 0;  // rows: 1 to kMostFewRows
};

// Computes it. T: float, double.
template <typename T>
void few_rows_cpu(const FewRows<T>& p);

}  // namespace pal::kernels
