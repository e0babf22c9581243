// Counts operators, and the multiplications and additions of matrix products, while they run.
#pragma once

#include <cstdint>
#include <memory>

namespace pal {

// From its making to its end, on all threads: what linear layers and their backwards do (aten::mm, aten::addmm and nn/row_product's own), 2 m n k each.
// Attention, a kernel or a batched product, is not counted.
class FlopCounter {
 public:
  FlopCounter();
  ~FlopCounter();
  FlopCounter(const FlopCounter&) = delete;
  FlopCounter& operator=(const FlopCounter&) = delete;

  int64_t flops() const;      // so far
  int64_t operators() const;  // so far: torch's operators (aten::*), those inside others too; on a GPU most of those that call no other are a kernel each

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pal
