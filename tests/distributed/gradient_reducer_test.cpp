#include "pal/distributed/gradient_reducer.h"

#include <gmock/gmock.h>
#include <torch/torch.h>

#include "support/ranks.h"

namespace pal {
namespace {

// Parameters of odd sizes, and losses that use some of them, in the order that a rank says.
std::vector<at::Tensor> parameters_of(at::ScalarType type = at::kDouble) {
  std::vector<at::Tensor> parameters;
  for (int64_t i = 0; i < 12; ++i) parameters.push_back(torch::full({1 + i % 5, 3}, double(i + 1), type).set_requires_grad(true));
  return parameters;
}

bool is_used(std::size_t parameter, int64_t rank) { return parameter != 7 && (parameter % 3 != 0 || rank % 2 == 1); }

// Of this rank: the gradient of parameter i is (rank + 1) * (i + 1).
at::Tensor loss_of(const std::vector<at::Tensor>& parameters, int64_t rank) {
  auto loss = torch::zeros({}, parameters[0].options().requires_grad(false));
  for (std::size_t k = 0; k < parameters.size(); ++k) {
    const auto i = rank % 2 == 0 ? k : parameters.size() - 1 - k;  // other orders of the backward
    if (is_used(i, rank)) loss = loss + parameters[i].sum() * double((rank + 1) * int64_t(i + 1));
  }
  return loss;
}

double expected(std::size_t parameter, int64_t ranks) {
  double sum = 0;
  for (int64_t rank = 0; rank < ranks; ++rank)
    if (is_used(parameter, rank)) sum += double((rank + 1) * int64_t(parameter + 1));
  return sum;
}

GradientReducer::Take take_from(std::vector<at::Tensor>& parameters) {
  return [&parameters](std::size_t i) {
    auto gradient = parameters[i].grad();
    parameters[i].mutable_grad().reset();
    return gradient;
  };
}

GradientReducer::Give give_to(std::vector<at::Tensor>& parameters) {
  return [&parameters](const ParameterSlice& slice, const at::Tensor& gradient) {
    EXPECT_EQ(slice.size(), parameters[slice.parameter].numel());
    parameters[slice.parameter].mutable_grad() = gradient.view_as(parameters[slice.parameter]);
  };
}

TEST(GradientReducer, GivesTheSumWhateverTheOrderAndWhoeverHasAGradient) {
  for (const int64_t ranks : {1, 2, 4})
    for (const int64_t bucket_bytes : {1, 200, 1 << 20})
      run_ranks(ranks, [&](ProcessGroup& group) {
        auto parameters = parameters_of();
        GradientReducer reducer(group, parameters, take_from(parameters), give_to(parameters), {.bucket_bytes = bucket_bytes});
        EXPECT_EQ(reducer.buckets(), bucket_bytes == 1 ? 12u : bucket_bytes == 200 ? 5u : 1u);
        for (int step = 0; step < 3; ++step) {
          reducer.begin();
          loss_of(parameters, group.rank()).backward();
          reducer.finish();
          for (std::size_t i = 0; i < parameters.size(); ++i) {
            const bool anyone = i != 7 && (i % 3 != 0 || ranks > 1);
            ASSERT_EQ(parameters[i].grad().defined(), anyone) << i;
            EXPECT_TRUE(!anyone || (parameters[i].grad() == expected(i, ranks)).all().item<bool>()) << i;
            parameters[i].mutable_grad().reset();
          }
        }
      });
}

TEST(GradientReducer, ABackwardThatIsNotTheLastExchangesNothing) {
  run_ranks(2, [](ProcessGroup& group) {
    auto parameters = parameters_of();
    GradientReducer reducer(group, parameters, take_from(parameters), give_to(parameters));
    if (group.rank() == 0) loss_of(parameters, 0).backward();  // alone: an exchange would wait for the other for ever
    reducer.begin();
    if (group.rank() == 0) loss_of(parameters, 0).backward();  // and a process may have nothing to compute
    reducer.finish();
    EXPECT_TRUE((parameters[4].grad() == 2 * 5).all().item<bool>());
  });
}

TEST(GradientReducer, SumsOfPartsOfNarrowParametersAreExchangedInFloat32) {
  for (const bool wide : {false, true})
    run_ranks(2, [&](ProcessGroup& group) {
      auto parameters = parameters_of(at::kBFloat16);
      std::vector<at::Tensor> given(parameters.size());
      const auto take = [&](std::size_t i) { return group.rank() == 0 ? torch::full_like(parameters[i], 256.0, at::kFloat) + (wide ? 1.0 : 0.0) : at::Tensor(); };
      GradientReducer reducer(group, parameters, take, [&](const ParameterSlice& slice, const at::Tensor& gradient) { given[slice.parameter] = gradient; });
      reducer.begin(wide);
      reducer.finish();
      EXPECT_EQ(given[3].scalar_type(), wide ? at::kFloat : at::kBFloat16);
      EXPECT_TRUE((given[3] == (wide ? 257.0 : 256.0)).all().item<bool>());  // 257 is no bf16 number
    });
}

TEST(GradientReducer, ShardedEachProcessGetsItsSlicesOfTheSameSums) {
  for (const int64_t ranks : {1, 2, 4})
    for (const int64_t bucket_bytes : {1, 200, 1 << 20})
      run_ranks(ranks, [&](ProcessGroup& group) {
        auto parameters = parameters_of();
        std::vector<at::Tensor> seen;
        for (const auto& parameter : parameters) seen.push_back(torch::zeros({parameter.numel()}, torch::kInt64));
        const auto give = [&](const ParameterSlice& slice, const at::Tensor& gradient) {
          EXPECT_TRUE((gradient == expected(slice.parameter, ranks)).all().item<bool>()) << slice.parameter;
          EXPECT_EQ(gradient.numel(), slice.size());
          seen[slice.parameter].slice(0, slice.begin, slice.end).add_(1);
        };
        GradientReducer reducer(group, parameters, take_from(parameters), give, {.sharded = true, .bucket_bytes = bucket_bytes});
        reducer.begin();
        loss_of(parameters, group.rank()).backward();
        reducer.finish();
        for (std::size_t i = 0; i < parameters.size(); ++i) {
          group.sum(seen[i]);
          const bool anyone = i != 7 && (i % 3 != 0 || ranks > 1);
          EXPECT_TRUE((seen[i] == int64_t(anyone)).all().item<bool>()) << i;  // every element by one process
        }
      });
}

TEST(GatherSlices, MakesParametersWholeOfWhatEachProcessChangedInItsSlices) {
  for (const int64_t ranks : {1, 2, 4})
    for (const int64_t bucket_bytes : {1, 200, 1 << 20})
      run_ranks(ranks, [&](ProcessGroup& group) {
        auto parameters = parameters_of();
        for (std::size_t i = 0; i < parameters.size(); ++i) parameters[i].detach().fill_(-1);
        const auto buckets = make_buckets(parameters, bucket_bytes, ranks);
        for (const auto& slice : slices_of(buckets, parameters, group.rank(), ranks)) {
          const auto values = torch::arange(slice.begin, slice.end, torch::kDouble) + 100.0 * double(slice.parameter);
          parameters[slice.parameter].detach().view({-1}).slice(0, slice.begin, slice.end).copy_(values);
        }
        gather_slices(group, parameters, bucket_bytes);
        for (std::size_t i = 0; i < parameters.size(); ++i)
          EXPECT_TRUE((parameters[i].view({-1}) == torch::arange(parameters[i].numel(), torch::kDouble) + 100.0 * double(i)).all().item<bool>()) << i;
      });
}

TEST(GradientReducer, LeavesParametersAloneWhenItIsGone) {
  ProcessGroup alone;
  auto parameters = parameters_of();
  { GradientReducer reducer(alone, parameters, take_from(parameters), give_to(parameters)); }
  loss_of(parameters, 0).backward();
  EXPECT_TRUE(parameters[1].grad().defined());
}

}  // namespace
}  // namespace pal
