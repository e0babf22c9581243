#include "../../src/nn/row_product.h"

#include <gtest/gtest.h>

#include "support/tensor_compare.h"

namespace pal {
namespace {

class RowProduct : public testing::TestWithParam<CpuProducts> {
 protected:
  void SetUp() override { set_cpu_products(GetParam()); }
  void TearDown() override { set_cpu_products(CpuProducts::kByProcessor); }
};

TEST_P(RowProduct, IsRowsByAWeightOfAnyStrides) {
  torch::manual_seed(5);
  for (int64_t rows : {1, 2, 7, 8, 9, 33, 200}) {
    const auto x = torch::randn({rows, 24}), weight = torch::randn({40, 24}), bias = torch::randn({40});
    const auto expected = x.to(torch::kFloat64).mm(weight.to(torch::kFloat64).t());
    EXPECT_LT(relative_distance(row_product(x, weight), expected), 1e-6);
    EXPECT_LT(relative_distance(row_product(x, weight.t().contiguous().t()), expected), 1e-6);
    EXPECT_LT(relative_distance(row_product(x, weight, bias), expected + bias), 1e-6);
  }
  for (int64_t rows : {5, 50}) {
    const auto wide = torch::randn({rows, 24}, torch::kFloat64), weight = torch::randn({40, 24}, torch::kFloat64);
    EXPECT_LT(relative_distance(row_product(wide, weight), wide.mm(weight.t())), 1e-14);
  }
}

std::string name_of(const testing::TestParamInfo<CpuProducts>& info) { return info.param == CpuProducts::kByProcessor ? "ByProcessor" : info.param == CpuProducts::kTorch ? "Torch" : "AsOnAmd"; }

INSTANTIATE_TEST_SUITE_P(By, RowProduct, testing::Values(CpuProducts::kByProcessor, CpuProducts::kTorch, CpuProducts::kAsOnAmd), name_of);

}  // namespace
}  // namespace pal
