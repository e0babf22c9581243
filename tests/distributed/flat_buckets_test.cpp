#include "pal/distributed/flat_buckets.h"

#include <gmock/gmock.h>
#include <torch/torch.h>

namespace pal {
namespace {

using testing::ElementsAre;

std::vector<at::Tensor> parameters_of() { return {torch::zeros({2, 3}), torch::zeros({5}), torch::zeros({7}, torch::kBFloat16), torch::zeros({4}, torch::kBFloat16)}; }

TEST(FlatBuckets, TheLastParametersAreFirstAndABucketHasOneDtypeAndAMostOfBytes) {
  const auto all = make_buckets(parameters_of(), 1 << 20, 4);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_THAT(all[0].parameters, ElementsAre(3, 2));
  EXPECT_THAT(all[1].parameters, ElementsAre(1, 0));
  EXPECT_EQ(all[0].elements, 11);
  EXPECT_EQ(all[0].padded, 12);
  EXPECT_EQ(make_buckets(parameters_of(), 24, 1).size(), 3u);  // 22 bytes of bf16; 20; 24
}

TEST(FlatBuckets, AProcessHasAnEqualStretchOfEachBucketThatGoesThroughParameters) {
  const auto parameters = parameters_of();
  const auto buckets = make_buckets(parameters, 1 << 20, 4);
  EXPECT_THAT(slices_of(buckets[0], parameters, 0, 4), ElementsAre(ParameterSlice{3, 0, 3}));
  EXPECT_THAT(slices_of(buckets[0], parameters, 1, 4), ElementsAre(ParameterSlice{3, 3, 4}, ParameterSlice{2, 0, 2}));
  EXPECT_THAT(slices_of(buckets[0], parameters, 3, 4), ElementsAre(ParameterSlice{2, 5, 7}));  // the padding is nobody's
}

TEST(FlatBuckets, TogetherTheProcessesHaveEveryElementOnce) {
  const auto parameters = parameters_of();
  for (const int64_t processes : {1, 2, 3, 4, 7, 30})
    for (const int64_t bytes : {1, 24, 1 << 20}) {
      std::vector<at::Tensor> seen;
      for (const auto& parameter : parameters) seen.push_back(torch::zeros({parameter.numel()}, torch::kInt64));
      for (int64_t process = 0; process < processes; ++process)
        for (const auto& slice : slices_of(make_buckets(parameters, bytes, processes), parameters, process, processes)) seen[slice.parameter].slice(0, slice.begin, slice.end).add_(1);
      for (const auto& times : seen) EXPECT_TRUE((times == 1).all().item<bool>()) << processes << " processes, " << bytes << " bytes";
    }
}

}  // namespace
}  // namespace pal
