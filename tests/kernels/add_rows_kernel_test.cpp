#include "../../src/kernels/add_rows.cu"

#include "kernel_data.h"

namespace pal::kernels {
namespace {

template <typename T>
class AddRowsKernel : public testing::Test {};
using Types = testing::Types<float, Bf16>;
TYPED_TEST_SUITE(AddRowsKernel, Types);

// Ids that come once, often, not at all, and more rows and columns than a block has threads. The bits are those of a sum in float, in the rows' order, that is rounded once.
TYPED_TEST(AddRowsKernel, EqualsTheSumInOrder) {
  using T = TypeParam;
  torch::manual_seed(0);
  for (const auto& [count, vocabulary, width] : {std::array<int64_t, 3>{7, 50, 24}, {40, 3, 7}, {270, 3, 515}, {1, 1, 2100}, {0, 4, 8}}) {
    SCOPED_TRACE(count);
    const auto rows = random<T>({count, width}), ids = torch::randint(0, vocabulary, {count}, torch::kInt64), table = random<T>({vocabulary, width});
    auto expected = table.to(torch::kFloat32, /*non_blocking=*/false, /*copy=*/true);
    for (int64_t i = 0; i < count; ++i) expected[ids[i].template item<int64_t>()] += rows[i].to(torch::kFloat32);
    add_rows(AddRows<T>{pointer<T>(rows), pointer<int64_t>(ids), pointer<T>(table), count, width}, nullptr);
    EXPECT_TRUE(torch::equal(table, expected.to(table.scalar_type())));
  }
}

}  // namespace
}  // namespace pal::kernels
