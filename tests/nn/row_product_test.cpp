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

TEST_P(RowProduct, TakesPartsOfTensors) {
  torch::manual_seed(5);
  const auto x = torch::randn({3, 30}).slice(1, 3, 27), weight = torch::randn({50, 24}).slice(0, 5, 45), bias = torch::randn({80}).slice(0, 0, 80, 2);
  EXPECT_LT(relative_distance(row_product(x, weight, bias), x.to(torch::kFloat64).mm(weight.to(torch::kFloat64).t()) + bias), 1e-6);
  const auto same = torch::randn({1, 24}).expand({5, 24});
  EXPECT_LT(relative_distance(row_product(same, weight), same.to(torch::kFloat64).mm(weight.to(torch::kFloat64).t())), 1e-6);
}

TEST_P(RowProduct, WhatDoesNotFitTogetherIsAnError) {
  for (int64_t rows : {3, 40}) {
    const auto x = torch::zeros({rows, 24}), weight = torch::zeros({40, 24});
    EXPECT_THROW(row_product(torch::zeros({rows, 25}), weight), c10::Error);
    EXPECT_THROW(row_product(torch::zeros({rows, 23}), weight), c10::Error);
    EXPECT_THROW(row_product(x, weight.to(torch::kBFloat16)), c10::Error);
    EXPECT_THROW(row_product(x, weight.to(torch::kFloat64)), c10::Error);
    EXPECT_THROW(row_product(x, weight, torch::zeros({39})), c10::Error);
    EXPECT_THROW(row_product(x, weight, torch::zeros({40}, torch::kFloat64)), c10::Error);
  }
}

std::string name_of(const testing::TestParamInfo<CpuProducts>& info) { return info.param == CpuProducts::kByProcessor ? "ByProcessor" : info.param == CpuProducts::kTorch ? "Torch" : "AsOnAmd"; }

INSTANTIATE_TEST_SUITE_P(By, RowProduct, testing::Values(CpuProducts::kByProcessor, CpuProducts::kTorch, CpuProducts::kAsOnAmd), name_of);

}  // namespace
}  // namespace pal
