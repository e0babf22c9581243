#include "../../src/train/adamw_bucket.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "support/tensor_compare.h"

namespace pal {
namespace {

const AdamWOptions kOptions{.learning_rate = 0.03, .beta1 = 0.8, .beta2 = 0.95, .eps = 1e-6};

// Two tensors that have been stepped twice.
AdamWBucket bucket_of(torch::Dtype dtype) {
  torch::manual_seed(0);
  AdamWBucket bucket;
  bucket.steps = 3;
  bucket.decay = 0.1;
  const auto state = state_type(dtype, kOptions);
  for (const int64_t count : {5, 12}) {
    const auto value = torch::randn({count}, state);
    bucket.values.push_back(value.to(dtype));
    if (state != dtype) bucket.masters.push_back(value);
    bucket.gradients.push_back(torch::randn({count}).to(dtype));
    bucket.exp_avgs.push_back(torch::randn({count}, state));
    bucket.exp_avg_sqs.push_back(torch::rand({count}, state));
  }
  return bucket;
}

// All that the step changes.
std::vector<torch::Tensor> changing(const AdamWBucket& bucket) {
  std::vector<torch::Tensor> all;
  for (const auto* list : {&bucket.values, &bucket.exp_avgs, &bucket.exp_avg_sqs, &bucket.masters}) all.insert(all.end(), list->begin(), list->end());
  return all;
}

std::vector<torch::Tensor> copies(std::vector<torch::Tensor> tensors) {
  for (auto& tensor : tensors) tensor = tensor.clone();
  return tensors;
}

GradientFactor of_device(double scale, bool finite) {
  GradientFactor factor;
  factor.device_scale = torch::tensor(scale, torch::kFloat64);
  factor.finite = torch::tensor(finite);
  return factor;
}

class AdamWBucketOf : public testing::TestWithParam<torch::Dtype> {};
INSTANTIATE_TEST_SUITE_P(Types, AdamWBucketOf, testing::Values(torch::kFloat64, torch::kFloat32, torch::kBFloat16, torch::kFloat16));

TEST_P(AdamWBucketOf, AScaleThatOnlyTheDeviceKnowsGivesTheSameBits) {
  for (const double scale : {0.3, 1.0}) {
    const auto host = bucket_of(GetParam()), device = bucket_of(GetParam());
    GradientFactor known;
    known.scale = scale;
    step_bucket(host, known, kOptions);
    step_bucket(device, of_device(scale, true), kOptions);
    const auto a = changing(host), b = changing(device), before = changing(bucket_of(GetParam()));
    for (std::size_t i = 0; i < a.size(); ++i) {
      EXPECT_TRUE(same_bits(a[i], b[i])) << i;
      EXPECT_FALSE(same_bits(a[i], before[i])) << i;
    }
  }
}

TEST_P(AdamWBucketOf, WhereTheDeviceSaysNotFiniteNothingChanges) {
  const auto bucket = bucket_of(GetParam());
  bucket.gradients[1][3] = std::nan("");
  const auto before = copies(changing(bucket));
  step_bucket(bucket, of_device(std::nan(""), false), kOptions);
  const auto after = changing(bucket);
  for (std::size_t i = 0; i < after.size(); ++i) EXPECT_TRUE(same_bits(after[i], before[i])) << i;
}

TEST_P(AdamWBucketOf, GradientsStayAsTheyWereSummed) {
  if (GetParam() == torch::kFloat32) return;  // torch's kernel writes what it has scaled
  const auto bucket = bucket_of(GetParam());
  const auto before = copies(bucket.gradients);
  step_bucket(bucket, of_device(0.3, true), kOptions);
  for (std::size_t i = 0; i < before.size(); ++i) EXPECT_TRUE(same_bits(bucket.gradients[i], before[i]));
}

}  // namespace
}  // namespace pal
