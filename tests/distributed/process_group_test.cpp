#include "pal/distributed/process_group.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <torch/torch.h>

#include "support/ranks.h"

namespace pal {
namespace {

using testing::ElementsAre;

TEST(ProcessGroup, OfOneChangesNothing) {
  ProcessGroup alone;
  auto tensor = torch::tensor({1.5, 2.5});
  alone.sum(tensor);
  alone.largest(tensor);
  alone.broadcast(tensor);
  alone.barrier();
  EXPECT_TRUE(torch::equal(tensor, torch::tensor({1.5, 2.5})));
  auto other = torch::zeros_like(tensor);
  alone.begin_reduce_scatter(other, tensor).wait();
  EXPECT_TRUE(torch::equal(other, tensor));
  alone.begin_all_gather(tensor, other).wait();
  EXPECT_THAT(alone.gather("text"), ElementsAre("text"));
  EXPECT_TRUE(alone.is_first());
}

TEST(ProcessGroup, ExchangesWhatEachHolds) {
  for (const int64_t ranks : {2, 4})
    run_ranks(ranks, [&](ProcessGroup& group) {
      const auto own = double(group.rank());
      EXPECT_EQ(group.size(), ranks);
      auto sum = torch::tensor({own, 1.0}, torch::kFloat64);
      group.sum(sum);
      EXPECT_TRUE(torch::equal(sum, torch::tensor({double(ranks * (ranks - 1) / 2), double(ranks)}, torch::kFloat64)));
      auto largest = torch::tensor({own, -own}, torch::kFloat64);
      group.largest(largest);
      EXPECT_TRUE(torch::equal(largest, torch::tensor({double(ranks - 1), 0.0}, torch::kFloat64)));
      auto from = torch::full({3}, own);
      group.broadcast(from, ranks - 1);
      EXPECT_TRUE(torch::equal(from, torch::full({3}, double(ranks - 1))));
      group.barrier();
    });
}

TEST(ProcessGroup, AReduceScatterAndAnAllGatherAreASum) {
  torch::manual_seed(0);
  const auto drawn = torch::randint(-50, 50, {4, 12});  // sums that even bf16 holds; once, since the ranks are threads that share a generator
  for (const auto type : {torch::kFloat32, torch::kFloat64, torch::kBFloat16})
    run_ranks(4, [&](ProcessGroup& group) {
      const auto values = drawn.to(type);
      const auto input = values[group.rank()].contiguous();
      auto part = torch::empty({3}, type), whole = torch::empty({12}, type);
      group.begin_reduce_scatter(part, input).wait();
      group.begin_all_gather(whole, part).wait();
      EXPECT_TRUE(torch::equal(whole, values.sum(0).to(type)));
    });
}

TEST(ProcessGroup, SumsBegunTogetherAreEachTheirOwn) {
  run_ranks(3, [](ProcessGroup& group) {
    std::vector<at::Tensor> tensors;
    std::vector<PendingExchange> pending;
    for (int i = 0; i < 20; ++i) pending.push_back(group.begin_sum(tensors.emplace_back(torch::full({1000 * (i + 1)}, i))));
    for (auto& one : pending) one.wait();
    for (int i = 0; i < 20; ++i) EXPECT_TRUE((tensors[std::size_t(i)] == 3 * i).all().item<bool>());
  });
}

TEST(ProcessGroup, GathersTextsOfAnyLength) {
  run_ranks(3, [](ProcessGroup& group) {
    const std::vector<std::string> texts = {"", std::string("a\0b", 3), std::string(100000, 'x')};
    EXPECT_EQ(group.gather(texts[std::size_t(group.rank())]), texts);
    EXPECT_THAT(group.gather(""), ElementsAre("", "", ""));
  });
}

// What the first of three throws where the second ends, after `before`.
std::string told_of_one_that_ends(const std::function<void(ProcessGroup&)>& before) {
  try {
    run_ranks(3,
              [&](ProcessGroup& group) {
                before(group);
                if (group.rank() == 1) return;  // its group ends
                group.sum(torch::ones({4}));
              },
              std::chrono::seconds(5));
  } catch (const ProcessLost& lost) {
    return lost.what();
  }
  return "nothing";
}

TEST(ProcessGroup, OneThatEndsIsTold) {
  EXPECT_THAT(told_of_one_that_ends([](ProcessGroup& group) { group.barrier(); }), testing::StartsWith("process 1 (host "));
}

TEST(ProcessGroup, OneThatEndsWhileOthersStillConnectIsTold) {
  EXPECT_THAT(told_of_one_that_ends([](ProcessGroup&) {}), testing::StartsWith("process 1 (host "));
}

TEST(ProcessGroup, WritingToOneThatEndedIsNoSignal) {
  const auto before = ::signal(SIGPIPE, SIG_DFL);  // whoever starts the tests may have it ignored
  run_ranks(2, [](ProcessGroup&) {});
  EXPECT_EQ(::raise(SIGPIPE), 0);  // would end this test
  ::signal(SIGPIPE, before);
}

TEST(ProcessGroup, OneThatNeverComesIsTold) {
  const Launch launch{.rank = 1, .world = 2, .local_rank = 1, .local_world = 2, .address = "127.0.0.1", .port = free_port(), .by = "test"};
  EXPECT_THROW(ProcessGroup(launch, at::kCPU, std::chrono::seconds(1)), ProcessLost);
}

}  // namespace
}  // namespace pal
