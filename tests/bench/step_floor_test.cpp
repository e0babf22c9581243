#include "pal/bench/step_floor.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

namespace pal {
namespace {

NamedParameter parameter(const char* name, int64_t elements, at::ScalarType type, bool trained) { return {name, torch::zeros({elements}, type).requires_grad_(trained)}; }

TEST(StepFloor, TheOptimizerReadsAndWritesWhatIsTrained) {
  const std::vector<NamedParameter> parameters{parameter("half", 10, at::kBFloat16, true), parameter("frozen", 1000, at::kFloat, false)};
  EXPECT_EQ(optimizer_traffic(parameters, {.master_weights = false}), 10 * 7 * 2);                     // gradient, and three read and written
  EXPECT_EQ(optimizer_traffic(parameters, {.master_weights = true}), 10 * (2 + 3 * 2 * 4 + 2));        // gradient, three in float32, the value written
  EXPECT_EQ(optimizer_traffic({parameter("wide", 3, at::kFloat, true)}, {.master_weights = true}), 3 * 7 * 4);
}

TEST(StepFloor, IsArithmeticAndThenTraffic) { EXPECT_DOUBLE_EQ(step_floor(6e12, 8'000'000'000, {.flops_per_second = 2e12, .bytes_per_second = 4e9, .read_bytes_per_second = 0}), 3.0 + 2.0); }

TEST(StepFloor, AllPeaksAreMeasured) {
  const auto peaks = measure_peaks(at::kCPU, at::kFloat);
  EXPECT_GT(peaks.flops_per_second, 1e8);
  EXPECT_GT(peaks.bytes_per_second, 1e8);
  EXPECT_GT(peaks.read_bytes_per_second, 1e8);
}

}  // namespace
}  // namespace pal
