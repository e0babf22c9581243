#include "../../src/train/gradient_clip.h"

#include <gmock/gmock.h>
#include <torch/torch.h>

#include <cmath>
#include <limits>

namespace pal {
namespace {

const double kNan = std::nan(""), kInfinity = std::numeric_limits<double>::infinity();

// All of it without a GPU: what is launched there are operators that the CPU has, too.
struct Case {
  std::vector<double> norms;
  double max_norm, loss;
};

class GradientClip : public testing::TestWithParam<Case> {
 protected:
  const double kScale = 0.25;
  const MeasuredGradients measured{torch::tensor(GetParam().norms, torch::kFloat64), {"a", "b", "a"}};
  const at::Tensor loss = torch::tensor(GetParam().loss);
};

TEST_P(GradientClip, OnTheDeviceItIsWhatTheHostFinds) {
  const auto host = clip_on_host(measured, kScale, GetParam().max_norm, loss, {}, {});
  auto device = clip_on_device(measured, kScale, GetParam().max_norm, loss);
  EXPECT_EQ(device.factor.finite.item<bool>(), host.finite);
  const double scale = device.factor.device_scale.item<double>();
  EXPECT_TRUE(!host.finite || std::abs(scale - host.factor.scale) < 1e-15) << scale;
  device.read();
  EXPECT_EQ(device.finite, host.finite);
  EXPECT_EQ(device.norms.finite(), host.norms.finite());
  EXPECT_EQ(device.norms.groups.size(), 2u);
  if (!host.norms.finite()) return;
  EXPECT_NEAR(device.norms.total, host.norms.total, 1e-14 * host.norms.total);
  EXPECT_EQ(device.norms.groups, host.norms.groups);
}

INSTANTIATE_TEST_SUITE_P(Of, GradientClip,
                         testing::Values(Case{{3, 4, 12}, 0, 1}, Case{{3, 4, 12}, 1, 1}, Case{{3, 4, 12}, 13, 1}, Case{{3, 4, 12}, 20, 1}, Case{{0, 0, 0}, 1, 1}, Case{{3, kNan, 1}, 1, 1},
                                         Case{{3, 4, kInfinity}, 0, 1}, Case{{3, 4, 12}, 1, kNan}, Case{{3, 4, 12}, 1, -kInfinity}));

TEST(GradientClip, ByTheLimitGradientsAreMadeAsLongAsItSays) {
  const MeasuredGradients measured{torch::tensor({3.0, 4.0, 12.0}, torch::kFloat64), {"a", "b", "a"}};
  for (const auto& clipped : {clip_on_host(measured, 0.25, 2.0, {}, {}, {}), clip_on_device(measured, 0.25, 2.0, {})}) {
    const double scale = clipped.factor.device_scale.defined() ? clipped.factor.device_scale.item<double>() : clipped.factor.scale;
    EXPECT_DOUBLE_EQ(scale, 0.25 * 2 / 13);  // the norms are those of gradients that were scaled
  }
}

TEST(GradientClip, GroupsAreListedAlsoWhereOnlyOtherProcessesHaveTheirGradients) {
  const MeasuredGradients measured{torch::tensor({3.0}, torch::kFloat64), {"b"}};
  const auto clipped = clip_on_host(measured, 1, 0, {}, {{"a", 0.0}, {"b", 0.0}}, [](const at::Tensor& squares) { squares.add_(torch::tensor({4.0, 16.0}, torch::kFloat64)); });
  EXPECT_THAT(clipped.norms.groups, testing::ElementsAre(testing::Pair("a", 2.0), testing::Pair("b", 5.0)));
  EXPECT_DOUBLE_EQ(clipped.norms.total, std::sqrt(29.0));
}

}  // namespace
}  // namespace pal
