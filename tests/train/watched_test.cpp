#include "../../src/train/watched.h"

#include <gtest/gtest.h>

namespace pal {
namespace {

TEST(Utilisation, IsTheArithmeticByWhatAllDevicesTogetherCanDo) {
  TrainOptions options;
  EXPECT_FALSE(utilisation(options, 1, 1e12));
  options.peak_tflops = 989;
  EXPECT_DOUBLE_EQ(utilisation(options, 1, 989e12).value(), 1.0);
  EXPECT_DOUBLE_EQ(utilisation(options, 8, 989e12 * 2).value(), 0.25);
}

}  // namespace
}  // namespace pal
