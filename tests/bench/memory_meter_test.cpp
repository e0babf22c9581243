#include "pal/bench/memory_meter.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

namespace pal {
namespace {

constexpr int64_t kMegabyte = 1 << 20;

torch::Tensor megabytes(int64_t n) { return torch::empty({n * kMegabyte}, torch::kUInt8); }

TEST(MemoryMeter, CountsWhatIsAllocatedAndFreed) {
  const MemoryMeter meter(torch::kCPU);
  auto a = megabytes(3);
  EXPECT_EQ(meter.current(), 3 * kMegabyte);
  auto b = megabytes(2);
  EXPECT_EQ(meter.current(), 5 * kMegabyte);
  a.reset();
  EXPECT_EQ(meter.current(), 2 * kMegabyte);
  EXPECT_EQ(meter.peak(), 5 * kMegabyte);
}

TEST(MemoryMeter, APeakThatIsResetStartsFromWhatIsThere) {
  MemoryMeter meter(torch::kCPU);
  megabytes(7).reset();
  const auto kept = megabytes(1);
  meter.reset_peak();
  EXPECT_EQ(meter.peak(), kMegabyte);
  megabytes(2).reset();
  EXPECT_EQ(meter.peak(), 3 * kMegabyte);
}

TEST(MemoryMeter, ABackwardIsCounted) {
  auto x = torch::ones({kMegabyte / 4}, torch::TensorOptions(torch::kFloat32).requires_grad(true));
  const auto loss = x.mul(2).sum();
  const MemoryMeter meter(torch::kCPU);
  loss.backward();
  EXPECT_GE(meter.current(), kMegabyte);  // the gradient
  EXPECT_GE(meter.peak(), meter.current());
}

TEST(MemoryMeter, WhatComesAfterItsEndIsNotCountedByTheNext) {
  { const MemoryMeter first(torch::kCPU); }
  const auto between = megabytes(4);
  const MemoryMeter second(torch::kCPU);
  EXPECT_EQ(second.current(), 0);
  EXPECT_EQ(second.peak(), 0);
}

}  // namespace
}  // namespace pal
